// SPDX-License-Identifier: MIT
// Stage 3: running sums over the tiles' counts, which become the addresses of their first items. The tiles'
// order in memory is the canonical order: plane by plane, in-plane vertices before those on z-edges.
#pragma once

#include "warp.cuh"

namespace mc::cuda {

// The sum of all threads' values before this thread's; `total` gets the whole.
MC_HD i64 block_exclusive_sum(i64 value, i64* total) {
    __shared__ i64 sums[kScanThreads / 32];
    const i64 sum = inclusive_sum(value);
    if (lane() == 31) sums[warp_of_block()] = sum;
    __syncthreads();
    if (warp_of_block() == 0) sums[lane()] = inclusive_sum(sums[lane()]);
    __syncthreads();
    const i64 before = warp_of_block() == 0 ? 0 : sums[warp_of_block() - 1];
    *total = sums[kScanThreads / 32 - 1];
    __syncthreads();  // before the next call writes `sums` again
    return before + sum - value;
}

// Replaces counts by the sums before them; returns their sum. A round's loads are in flight together, and its
// barriers, which every round waits for, are paid for kScanItems counts a thread.
MC_HD i64 scan_counts(i64* counts, i64 size) {
    i64 carried = 0;
    for (i64 first = 0; first < size; first += kScanThreads * kScanItems) {
        const i64 at = first + threadIdx.x * kScanItems;
        i64 own[kScanItems], sum = 0, total;
        for (int k = 0; k < kScanItems; ++k) {
            own[k] = at + k < size ? counts[at + k] : 0;
            sum += own[k];
        }
        i64 before = carried + block_exclusive_sum(sum, &total);
        for (int k = 0; k < kScanItems; ++k) {
            if (at + k < size) counts[at + k] = before;
            before += own[k];
        }
        carried += total;
    }
    return carried;
}

// Where each volume's items begin: where those of its first tile do.
MC_HD void write_offsets(const Job& job, i64 vertices, i64 triangles) {
    __syncthreads();
    const bool has_nan = job.fixed && job.totals->flags;
    i64* const of_triangles = job.offsets + job.volumes + 1;
    for (u32 k = threadIdx.x; k <= job.volumes; k += kScanThreads) {
        const i64 tile = static_cast<i64>(k) * job.volume_planes.by * job.plane_tiles.by;
        const bool there = tile < job.tiles;
        job.offsets[k] = has_nan ? -1 : there ? job.vertex_tiles[2 * tile] : vertices;
        of_triangles[k] = has_nan ? -1 : there ? job.triangle_tiles[tile] : triangles;
    }
}

// One block of kScanThreads.
MC_HD void scan(const Job& job) {
    const i64 vertices = scan_counts(job.vertex_tiles, 2 * job.tiles);
    const i64 triangles = scan_counts(job.triangle_tiles, job.tiles);
    if (job.offsets) write_offsets(job, vertices, triangles);
    if (threadIdx.x != 0) return;
    job.totals->vertices = vertices;
    job.totals->triangles = triangles;
    if (!job.fixed) return;
    const bool fits = vertices <= job.max_vertices && triangles <= job.max_triangles;
    job.totals->overflow = fits && !job.totals->flags ? 0 : 1;
}

}  // namespace mc::cuda
