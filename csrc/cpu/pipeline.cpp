// SPDX-License-Identifier: MIT
#include "pipeline.h"

#include <utility>

#include "float_mode.h"
#include "slabs.h"

namespace mc::cpu {

Slab fill_slab(const Plan& plan, i64 begin, Address& next, bool& has_nan) {
    Slab slab = make_slab(plan, begin);
    // The samples are read once: from here on a sample is one bit.
    has_nan = classify(plan, slab);
    if (has_nan) return slab;
    // bits: every sample's side of the level; cells: which count, where not all do.
    count(plan, slab);
    // rows, chunks: how many vertices and triangles each owns.
    scan(slab, next);
    // chunks: where each one's vertices and triangles begin.
    return slab;
}

namespace {

// Stages 1 to 3 of a plan that is made.
Plan counted(Plan plan) {
    if (!plan.grid.has_cells()) {
        plan.has_nan = any_nan(plan);
        return plan;
    }
    Address next;
    for (i64 z = 0; z < plan.grid.nz && !plan.has_nan; z += plan.slab_planes)
        plan.slab = fill_slab(plan, z, next, plan.has_nan);
    plan.vertices = next.vertices;
    plan.triangles = next.triangles;
    return plan;
}

}  // namespace

Plan prepare(const Request& request, int threads) {
    const FloatMode exact;
    return counted(make_plan(request, threads));
}

Plan prepare(const Request& request, std::unique_ptr<Team> team) {
    const FloatMode exact;
    return counted(make_plan(request, std::move(team)));
}

void emit(const Plan& plan, void* verts, void* faces, bool wide_faces) {
    emit_mesh(plan, mesh_at(plan, verts, faces, wide_faces));
}

void emit_mesh(const Plan& plan, const Mesh& mesh) {
    const FloatMode exact;
    if (plan.in_one_slab()) return emit_slab(plan, plan.slab, mesh);
    Address next;
    bool has_nan = false;
    for (i64 z = 0; z < plan.grid.nz && plan.triangles; z += plan.slab_planes)
        emit_slab(plan, fill_slab(plan, z, next, has_nan), mesh);
}

}  // namespace mc::cpu
