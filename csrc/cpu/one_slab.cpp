// SPDX-License-Identifier: MIT
#include "one_slab.h"

#include "float_mode.h"
#include "samples.h"
#include "slabs.h"

namespace mc::cpu {

namespace {

// Where plane 0 would lie, so that the stages find each plane by its number in the volume. It is never read.
const void* plane_0(const void* at, i64 first, i64 plane_bytes) {
    return reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(at) -
                                         static_cast<std::uintptr_t>(first * plane_bytes));
}

void number_from(Request& request, i64 first, i64 nz) {
    Volume& volume = request.volume;
    volume.data = plane_0(volume.data, first, volume.stride_z * kDtypeBytes[static_cast<int>(volume.dtype)]);
    volume.nz = nz;
    Mask& mask = request.mask;
    if (mask.data) mask.data = static_cast<const u8*>(plane_0(mask.data, first, mask.stride_z));
}

void begin_at(SlabPlan& slab, i64 first_vertex) {
    const i64 by = first_vertex - slab.first_vertex;
    for (Chunk& chunk : slab.plan.slab.chunks) chunk.in_plane += by, chunk.upright += by;
    slab.first_vertex = first_vertex;
}

void emit_at(const SlabPlan& slab, Mesh mesh) {
    const FloatMode exact;
    if (slab.plan.vertices == 0) return;
    mesh.verts =
        static_cast<char*>(const_cast<void*>(plane_0(mesh.verts, slab.first_vertex, mesh.vertex_bytes)));
    emit_slab(slab.plan, slab.plan.slab, mesh);
}

}  // namespace

SlabPlan prepare_slab(const Request& request, const Part& part, int threads) {
    const FloatMode exact;
    Plan plan{request, Grid(request), nullptr, part.end - part.begin, {}, {}};
    Volume& held = plan.request.volume;
    held.nz = part.last - part.first;
    const double samples =
        static_cast<double>(held.nz) * static_cast<double>(held.ny) * static_cast<double>(held.nx);
    plan.team = std::make_unique<Team>(useful_threads(samples, threads));
    held = readable(held, *plan.team, plan.packed);
    if (!plan.grid.has_cells()) {
        plan.has_nan = any_nan(plan);
        return {std::move(plan)};
    }
    number_from(plan.request, part.first, request.volume.nz);
    Address next;
    plan.slab = fill_slab(plan, part.begin, next, plan.has_nan);
    plan.vertices = next.vertices;
    plan.triangles = next.triangles;
    return {std::move(plan)};
}

void emit_slab_at(SlabPlan& slab, i64 first_vertex, void* verts, void* faces, bool wide_faces) {
    begin_at(slab, first_vertex);
    emit_at(slab, mesh_at(slab.plan, verts, faces, wide_faces));
}

void emit_slab_normals(SlabPlan& slab, void* normals) { emit_at(slab, normals_at(slab.plan, normals)); }

}  // namespace mc::cpu
