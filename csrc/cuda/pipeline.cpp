// SPDX-License-Identifier: MIT
#include "pipeline.h"

#include "launch.h"

namespace mc::cuda {

namespace {

void queue_to_totals(const Plan& plan, const Request& request) {
    const Kernels& kernels = *plan.kernels;
    const Job& job = plan.job;
    // The samples are read once: from here on a sample is one bit.
    launch_classify(plan, request);
    // bits: every sample's side of the level. A vertex is one only where a cell uses it.
    const Function count = plan.is_plain ? kernels.count : kernels.count_used;
    if (job.tiles) launch(kernels, plan.stream, count, job, job.tiles, kThreads);
    // ranks, segments, tiles: how many vertices and triangles each owns.
    if (job.tiles || job.offsets) launch(kernels, plan.stream, kernels.scan, job, 1, kScanThreads);
    // tiles: where each one's vertices and triangles begin; the totals are known.
}

}  // namespace

Plan prepare(const Kernels& kernels, Stream stream, const Request& request, void* scratch) {
    const ContextGuard current(kernels.driver(), kernels.context());
    if (!request.totals) refuse_capture(kernels.driver(), stream);
    Plan plan{&kernels, stream, request.volume.dtype, request.is_plain(), lay_out(request, scratch), 0,
              0,        false};
    plan.job.totals = request.totals;
    if (request.totals) return queue_to_totals(plan, request), plan;
    const TotalsPool::Lease totals(kernels.totals());
    plan.job.totals = totals.get();
    wait_for(kernels, stream, [&] { queue_to_totals(plan, request); });
    read_totals(*totals.get(), plan);
    return plan;
}

void emit(const Plan& plan, void* verts, void* faces, bool wide_faces) {
    if (plan.job.fixed ? plan.job.tiles == 0 : plan.vertices == 0) return;
    const ContextGuard current(plan.kernels->driver(), plan.kernels->context());
    Job job = plan.job;
    job.verts = verts;
    job.faces = faces;
    job.wide_faces = wide_faces ? 1 : 0;
    launch_emit(plan, job);
}

void emit_normals(const Plan& plan, void* normals, const double (&spacing)[3]) {
    if (plan.vertices == 0) return;
    const Kernels& kernels = *plan.kernels;
    const ContextGuard current(kernels.driver(), kernels.context());
    Job job = plan.job;
    job.normals = normals;
    job.spacing_x = spacing[0], job.spacing_y = spacing[1], job.spacing_z = spacing[2];
    const Function function = kernels.normals[plan.dtype == kFloat64];
    launch(kernels, plan.stream, function, job, emit_blocks(job), kEmitThreads);
}

void grid_interp(const Kernels& kernels, Stream stream, const InterpolateJob& job, bool is_double) {
    if (job.count == 0 || job.channels == 0) return;
    const ContextGuard current(kernels.driver(), kernels.context());
    launch(kernels, stream, kernels.grid_interp[is_double], job, (job.count + kThreads - 1) / kThreads,
           kThreads);
}

}  // namespace mc::cuda
