// SPDX-License-Identifier: MIT
#include "sparse_pipeline.h"

#include "launch.h"
#include "layout.h"

namespace mc::cuda {

namespace {

constexpr i64 kFewSamples = 8;  // a side: a thread looks at all that two blocks share

// See `quotient`: exact for all numbers below 2^63. The multiplier is ((2^shift - by) << 64) / by + 1, by
// long division.
WideDivisor wide_divisor(i64 by) {
    WideDivisor d{0, by, 0};
    while (d.shift < 63 && (u64(1) << d.shift) < static_cast<u64>(by)) ++d.shift;
    u64 left = (u64(1) << d.shift) - static_cast<u64>(by);
    for (int bit = 0; bit < 64; ++bit) {
        left *= 2;
        const bool fits = left >= static_cast<u64>(by);
        if (fits) left -= static_cast<u64>(by);
        d.multiplier = d.multiplier << 1 | (fits ? 1 : 0);
    }
    ++d.multiplier;
    return d;
}

std::size_t place_arrays(i64 count, SparseJob& job, void* scratch) {
    job.count = count;
    job.tiles = divided_up(count, kThreads);
    Layout layout(scratch);
    layout.take(job.bits, count);
    layout.take(job.after, count);
    layout.take(job.cells, count);
    for (u32*& edges : job.edges) layout.take(edges, count);
    layout.take(job.ranks, count);
    layout.take(job.triangles, divided_up(count, 32));
    layout.take(job.vertex_tiles, 2 * job.tiles);
    layout.take(job.triangle_tiles, job.tiles);
    return layout.used();
}

SparseJob job_of(const SparseRequest& request, void* scratch) {
    SparseJob job{};
    place_arrays(request.count, job, scratch);
    job.samples = request.data;
    job.dtype = request.is_double ? kFloat64 : kFloat32;
    job.stride_volume = request.strides[0], job.stride_z = request.strides[1];
    job.stride_y = request.strides[2], job.stride_x = request.strides[3];
    job.level64 = request.level;
    job.level32 = static_cast<float>(request.level);
    job.block_keys = request.block_keys, job.order = request.order, job.blocks = request.blocks;
    for (int axis = 0; axis < 3; ++axis) {
        job.blocks_on[axis] = wide_divisor(request.high[axis] - request.low[axis] + 1);
        job.origin[axis] = request.low[axis] * request.side;
    }
    job.first_x = static_cast<u32>(job.origin[0] & (kWordBits - 1));
    job.origin[0] -= job.first_x;
    job.side = wide_divisor(request.side), job.side_samples = wide_divisor(request.side + 1);
    job.rows = wide_divisor(request.blocks * (request.side + 1) * (request.side + 1));
    job.row_parts = divided_up(request.side, kWordBits) + 1;
    job.meetings = wide_divisor(request.side < kFewSamples ? 1 : request.side + 1);
    job.words = request.words;
    job.row_keys = wide_divisor(request.row_keys), job.plane_rows = wide_divisor(request.plane_rows);
    job.plane_keys = request.row_keys * request.plane_rows;
    return job;
}

void queue_to_totals(const SparsePlan& plan) {
    const Kernels& kernels = *plan.kernels;
    const SparseJob& job = plan.job;
    const i64 items = job.rows.by * job.row_parts + job.blocks * kRowsBefore * job.meetings.by;
    // The samples are read: from here on one is a bit, and so is a cell, or an edge of one.
    launch(kernels, plan.stream, kernels.sparse_fill, job, divided_up(items, kThreads), kThreads);
    // bits, cells, edges: what there is. A vertex is one only where a cell uses it.
    launch(kernels, plan.stream, kernels.sparse_count, job, job.tiles, kThreads);
    // ranks, segments, tiles: how many vertices and triangles each owns.
    launch<Job>(kernels, plan.stream, kernels.scan, job, 1, kScanThreads);
    // tiles: where each one's vertices and triangles begin; the totals are known.
}

}  // namespace

std::size_t sparse_scratch_bytes(i64 count) {
    SparseJob job{};
    return place_arrays(count, job, nullptr);
}

void refuse_capture_of(const Kernels& kernels, Stream stream) {
    const ContextGuard current(kernels.driver(), kernels.context());
    refuse_capture(kernels.driver(), stream);
}

SparsePlan prepare_sparse(const Kernels& kernels, Stream stream, const SparseRequest& request,
                          void* scratch) {
    const ContextGuard current(kernels.driver(), kernels.context());
    SparsePlan plan{&kernels, stream, job_of(request, scratch), 0, 0, false};
    const TotalsPool::Lease totals(kernels.totals());
    plan.job.totals = totals.get();
    wait_for(kernels, stream, [&] { queue_to_totals(plan); });
    plan.in_trouble = totals.get()->flags != 0;
    if (plan.in_trouble) return plan;
    plan.vertices = totals.get()->vertices;
    plan.triangles = totals.get()->triangles;
    return plan;
}

void emit_sparse(const SparsePlan& plan, void* verts, i32* faces, bool wide_verts) {
    if (plan.vertices == 0) return;
    const Kernels& kernels = *plan.kernels;
    const ContextGuard current(kernels.driver(), kernels.context());
    SparseJob job = plan.job;
    job.verts = verts;
    job.faces = faces;
    job.wide_verts = wide_verts ? 1 : 0;
    launch(kernels, plan.stream, kernels.sparse_emit, job, divided_up(job.count, kEmitThreads), kEmitThreads);
}

}  // namespace mc::cuda
