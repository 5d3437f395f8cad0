// SPDX-License-Identifier: MIT
// Stage 2 of cells and blocks: how many vertices and triangles every word, segment and tile owns. A thread a
// word. Stage 3 is that of dense volumes.
#pragma once

#include "case_rows.cuh"
#include "sparse_words.cuh"

namespace mc::cuda {

struct SparseCounts {
    u32 vertices;  // in-plane | upright << 16
    u32 triangles;
};

// Leaves the edges that are crossed, and counts what the word owns.
MC_HD SparseCounts count_sparse_word(const SparseJob& job, i64 word) {
    u32* const to[3] = {job.edges[0] + word, job.edges[1] + word, job.edges[2] + word};
    u32 edges[3] = {*to[0], *to[1], *to[2]};
    if (!(edges[0] | edges[1] | edges[2])) return {0, 0};
    const CellRows<u32> rows = WordsAround(job, word).cells(job);
    const u32 at = rows.row[0].at;
    const u32 beyond[3] = {rows.row[0].after, rows.row[1].at, rows.row[2].at};
    for (int axis = 0; axis < 3; ++axis) *to[axis] = edges[axis] &= at ^ beyond[axis];
    const int in_plane = popcount(edges[0]) + popcount(edges[1]);
    const u32 active = active_cells(rows, job.cells[word]);
    const int triangles = active ? triangles_of_word(rows, active, kCaseRows.triangles) : 0;
    return {static_cast<u32>(in_plane) | static_cast<u32>(popcount(edges[2])) << 16,
            static_cast<u32>(triangles)};
}

// A block a tile. At most 16384 in-plane and half as many upright vertices are a tile's: both fit 16 bits.
MC_HD void count_sparse(const SparseJob& job) {
    __shared__ SparseCounts segments[kThreads / 32];
    const i64 word = static_cast<i64>(blockIdx.x) * kThreads + threadIdx.x;
    const SparseCounts own = word < job.count ? count_sparse_word(job, word) : SparseCounts{};
    const u32 vertices = inclusive_sum(own.vertices), triangles = inclusive_sum(own.triangles);
    if (lane() == 31) segments[warp_of_block()] = {vertices, triangles};
    __syncthreads();
    SparseCounts before{};
    MC_SHORT_LOOP
    for (int k = 0; k < warp_of_block(); ++k) {
        before.vertices += segments[k].vertices;
        before.triangles += segments[k].triangles;
    }
    if (word < job.count) {
        job.ranks[word] = before.vertices + vertices - own.vertices;
        if (lane() == 0) job.triangles[word / 32] = before.triangles;
    }
    if (threadIdx.x != kThreads - 1) return;
    const u32 sum = before.vertices + vertices;
    job.vertex_tiles[blockIdx.x] = sum & 0xffffu;
    job.vertex_tiles[job.tiles + blockIdx.x] = sum >> 16;
    job.triangle_tiles[blockIdx.x] = before.triangles + triangles;
}

}  // namespace mc::cuda
