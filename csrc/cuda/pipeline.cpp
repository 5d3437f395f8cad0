// SPDX-License-Identifier: MIT
#include "pipeline.h"

#include "launch.h"

namespace mc::cuda {

namespace {

// Asked before anything is queued: a wait inside a capture would spoil the whole of it.
void refuse_capture(const Driver& driver, Stream stream) {
    int capturing = 0;
    driver.check(driver.is_capturing(stream, &capturing), "cuStreamIsCapturing");
    if (capturing)
        throw DriverError(
            "marching_cubes cannot be captured into a CUDA graph: the mesh's size is read on the way");
}

}  // namespace

Plan prepare(const Kernels& kernels, Stream stream, const Volume& volume, void* scratch) {
    const Driver& driver = kernels.driver();
    const ContextGuard current(driver, kernels.context());
    refuse_capture(driver, stream);
    Plan plan{&kernels, stream, volume.dtype, lay_out(volume, scratch), 0, 0, false};
    const Job& job = plan.job;
    const auto totals = reinterpret_cast<DevicePointer>(job.totals);
    driver.check(driver.fill(totals, 0, sizeof(Totals), stream), "cuMemsetD8Async");
    // The samples are read once: from here on a sample is one bit.
    launch(kernels, stream, kernels.classify[volume.dtype], job, classify_blocks(job), kThreads);
    // bits: every sample's side of the level.
    launch(kernels, stream, kernels.count, job, job.nz * job.plane_tiles, kThreads);
    // ranks, segments, tiles: how many vertices and triangles each owns.
    launch(kernels, stream, kernels.scan, job, 1, kScanThreads);
    // tiles: where each one's vertices and triangles begin; the totals are known.
    Totals read{};
    driver.check(driver.copy_to_host(&read, totals, sizeof(read), stream), "cuMemcpyDtoHAsync");
    driver.check(driver.synchronize(stream), "cuStreamSynchronize");
    plan.has_nan = (read.flags & kHasNan) != 0;
    const bool has_cells =
        job.nz > 1 && job.ny > 1 && job.nx > 1;  // a vertex is one only where a cell uses it
    if (plan.has_nan || !has_cells) return plan;
    plan.vertices = read.vertices;
    plan.triangles = read.triangles;
    return plan;
}

void emit(const Plan& plan, void* verts, void* faces, bool wide_faces) {
    if (plan.vertices == 0) return;
    const Kernels& kernels = *plan.kernels;
    const ContextGuard current(kernels.driver(), kernels.context());
    Job job = plan.job;
    job.verts = verts;
    job.faces = faces;
    const i64 blocks = emit_blocks(job);
    launch(kernels, plan.stream, kernels.emit_vertices[plan.dtype], job, blocks, kThreads);
    launch(kernels, plan.stream, kernels.emit_faces[wide_faces], job, blocks, kThreads);
}

void grid_interp(const Kernels& kernels, Stream stream, const InterpolateJob& job, bool is_double) {
    if (job.count == 0 || job.channels == 0) return;
    const ContextGuard current(kernels.driver(), kernels.context());
    launch(kernels, stream, kernels.grid_interp[is_double], job, (job.count + kThreads - 1) / kThreads,
           kThreads);
}

}  // namespace mc::cuda
