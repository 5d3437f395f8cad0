// SPDX-License-Identifier: MIT
#include "pipeline.h"

#include "launch.h"

namespace mc::cuda {

namespace {

// Queues stages 1 to 3 and waits for them.
void run_to_totals(const Plan& plan, const Volume& volume) {
    const Kernels& kernels = *plan.kernels;
    const Job& job = plan.job;
    wait_for(kernels, plan.stream, [&] {
        // The samples are read once: from here on a sample is one bit.
        launch_classify(plan, volume);
        // bits: every sample's side of the level. A vertex is one only where a cell uses it.
        if (has_cells(job)) {
            const Function count = plan.is_plain ? kernels.count : kernels.count_used;
            launch(kernels, plan.stream, count, job, count_blocks(job), kThreads);
            // ranks, segments, tiles: how many vertices and triangles each owns.
            launch(kernels, plan.stream, kernels.scan, job, 1, kScanThreads);
        }
        // tiles: where each one's vertices and triangles begin; the totals are known.
    });
}

}  // namespace

Plan prepare(const Kernels& kernels, Stream stream, const Request& request, void* scratch) {
    const ContextGuard current(kernels.driver(), kernels.context());
    refuse_capture(kernels.driver(), stream);
    Plan plan{&kernels, stream, request.volume.dtype, request.is_plain(), lay_out(request, scratch), 0,
              0,        false};
    const TotalsPool::Lease totals(kernels.totals());
    plan.job.totals = totals.get();
    run_to_totals(plan, request.volume);
    read_totals(*totals.get(), plan);
    return plan;
}

void emit(const Plan& plan, void* verts, void* faces, bool wide_faces) {
    if (plan.vertices == 0) return;
    const Kernels& kernels = *plan.kernels;
    const ContextGuard current(kernels.driver(), kernels.context());
    Job job = plan.job;
    job.verts = verts;
    job.faces = faces;
    job.wide_faces = wide_faces ? 1 : 0;
    const Function function =
        plan.is_plain ? kernels.emit[plan.dtype][wide_faces] : kernels.emit_used[plan.dtype == kFloat64];
    launch(kernels, plan.stream, function, job, emit_blocks(job), kEmitThreads);
}

void grid_interp(const Kernels& kernels, Stream stream, const InterpolateJob& job, bool is_double) {
    if (job.count == 0 || job.channels == 0) return;
    const ContextGuard current(kernels.driver(), kernels.context());
    launch(kernels, stream, kernels.grid_interp[is_double], job, (job.count + kThreads - 1) / kThreads,
           kThreads);
}

}  // namespace mc::cuda
