// SPDX-License-Identifier: MIT
#include "dual_pipeline.h"

#include "launch.h"

namespace mc::cuda {

std::size_t dual_scratch_bytes(const Request& request) {
    return scratch_bytes(request) + kCountBits * plane_array_bytes(lay_out(request, nullptr));
}

namespace {

void queue_to_totals(const DualPlan& plan, const Request& request) {
    const Plan& grid = plan.grid;
    const Kernels& kernels = *grid.kernels;
    // The samples are read once: from here on a sample is one bit.
    launch_classify(grid, request);
    // bits: every sample's side of the level.
    if (grid.job.tiles) launch(kernels, grid.stream, kernels.dual_count, plan.job, grid.job.tiles, kThreads);
    // ranks, segments, tiles: how many vertices and quads each owns.
    if (grid.job.tiles || grid.job.offsets)
        launch(kernels, grid.stream, kernels.scan, grid.job, 1, kScanThreads);
    // tiles: where each one's vertices and quads begin; the totals are known.
}

void place(DualPlan& plan, const Request& request, const double (&spacing)[3], void* scratch) {
    static_cast<Job&>(plan.job) = plan.grid.job;
    char* after = static_cast<char*>(scratch) + scratch_bytes(request);
    for (int k = 0; k < kCountBits; ++k, after += plane_array_bytes(plan.job))
        plan.job.vertices[k] = reinterpret_cast<u32*>(after);
    for (int axis = 0; axis < 3; ++axis) plan.job.spacing[axis] = spacing[axis];
}

}  // namespace

DualPlan prepare_dual(const Kernels& kernels, Stream stream, const Request& request,
                      const double (&spacing)[3], void* scratch) {
    const ContextGuard current(kernels.driver(), kernels.context());
    if (!request.totals) refuse_capture(kernels.driver(), stream);
    DualPlan plan{
        {&kernels, stream, request.volume.dtype, request.is_plain(), lay_out(request, scratch), 0, 0, false},
        {}};
    plan.grid.job.totals = request.totals;
    if (request.totals) {
        place(plan, request, spacing, scratch);
        return queue_to_totals(plan, request), plan;
    }
    const TotalsPool::Lease totals(kernels.totals());
    plan.grid.job.totals = totals.get();
    place(plan, request, spacing, scratch);
    wait_for(kernels, stream, [&] { queue_to_totals(plan, request); });
    read_totals(*totals.get(), plan.grid);
    return plan;
}

void emit_dual(const DualPlan& plan, const DualMesh& mesh) {
    const Plan& grid = plan.grid;
    if (grid.job.fixed ? grid.job.tiles == 0 : grid.vertices == 0) return;
    const Kernels& kernels = *grid.kernels;
    const ContextGuard current(kernels.driver(), kernels.context());
    DualJob job = plan.job;
    job.verts = mesh.verts;
    job.faces = mesh.faces;
    job.wide_verts = mesh.wide_verts ? 1 : 0;
    job.wide_faces = mesh.wide_faces ? 1 : 0;
    job.cut = mesh.cut ? 1 : 0;
    const bool in_float64 = grid.dtype == kFloat64 || grid.dtype == kInt32;
    launch(kernels, grid.stream, kernels.dual_vertices[in_float64], job, emit_blocks(job), kEmitThreads);
    // verts: every vertex in its place, so that a quad's diagonals can be compared.
    launch(kernels, grid.stream, kernels.dual_faces, job, emit_blocks(job), kEmitThreads);
}

}  // namespace mc::cuda
