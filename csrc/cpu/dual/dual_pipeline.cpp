// SPDX-License-Identifier: MIT
#include <algorithm>

#include "../float_mode.h"
#include "../slabs.h"
#include "plan.h"

namespace mc::cpu {

namespace {

constexpr i64 kChunkSamples = 1 << 14;  // rows of one plane that make a chunk

std::size_t size(i64 items) { return static_cast<std::size_t>(items); }

void make_rows(DualPlan& plan) {
    const i64 rows = plan.cell_rows(), planes = plan.planes->nz - 1;
    plan.chunk_rows = std::clamp<i64>(kChunkSamples / plan.planes->nx, 1, rows);
    plan.chunks_a_plane = (rows + plan.chunk_rows - 1) / plan.chunk_rows;
    plan.rows = Buffer<DualCounts>(size(planes * rows));
    plan.chunks.resize(size(planes * plan.chunks_a_plane));
}

Request in_one_slab(Request request) {
    request.slab_planes = Grid(request).nz;
    return request;
}

// Stages 1 to 3 of a plan that is made.
DualPlan counted(DualPlan plan) {
    const Grid& grid = plan.samples.grid;
    if (!grid.has_cells()) {
        plan.has_nan = any_nan(plan.samples);
        return plan;
    }
    Slab& slab = plan.samples.slab = make_slab(plan.samples, 0);
    // The samples are read once: from here on a sample is one bit.
    plan.has_nan = classify(plan.samples, slab);
    if (plan.has_nan) return plan;
    plan.planes.emplace(slab.bits.data(), slab.cells.data(), grid.nz, grid.ny, grid.nx,
                        plan.samples.request.closed);
    make_rows(plan);
    // bits: every sample's side of the level.
    count(plan);
    // rows, chunks: how many vertices and quads each owns.
    scan(plan);
    // chunks: where each one's vertices and quads begin; the totals are known.
    return plan;
}

}  // namespace

DualPlan prepare_dual(const Request& request, int threads) {
    const FloatMode exact;
    return counted(DualPlan(make_plan(in_one_slab(request), threads)));
}

DualPlan prepare_dual(const Request& request, std::unique_ptr<Team> team) {
    const FloatMode exact;
    return counted(DualPlan(make_plan(in_one_slab(request), std::move(team))));
}

void emit_dual(const DualPlan& plan, void* verts, void* faces, bool wide_faces, bool triangles, int rounds) {
    if (plan.vertices == 0) return;
    const FloatMode exact;
    const int vertex_bytes = plan.samples.request.volume.dtype == Dtype::kFloat64 ? 24 : 12;
    const i64 index_bytes = wide_faces ? 8 : 4;
    advise_huge_pages(verts, size(plan.vertices * vertex_bytes));
    advise_huge_pages(faces, size(plan.quads * (triangles ? 6 : 4) * index_bytes));
    (plan.samples.request.label ? emit_label_vertices : emit_vertices)(plan, verts);
    // verts: every vertex at the mean of its crossings.
    if (rounds > 0) {
        Buffer<char> quads(size(4 * plan.quads * index_bytes));
        emit_faces(plan, verts, quads.data(), wide_faces, false);
        relax(plan, verts, quads.data(), wide_faces, rounds);
    }
    // verts: every vertex in its place, so that a quad's diagonals can be compared.
    emit_faces(plan, verts, faces, wide_faces, triangles);
    if (plan.samples.request.label) turn_over(faces, 2 * plan.quads, wide_faces);
}

}  // namespace mc::cpu
