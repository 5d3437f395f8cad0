// SPDX-License-Identifier: MIT
// Stage 2: how many vertices and triangles every word, segment and tile owns. Reads bits only, a lane a word.
#pragma once

#include "../core/case_table.h"
#include "warp.cuh"

namespace mc::cuda {

__device__ const CaseTable kCaseTable = derive_case_table();

struct WordCounts {
    u32 in_plane, upright, triangles;
};

MC_HD WordCounts count_word(const Job& job, const WordPlace& at) {
    const Neighbours near(job, at);
    CellRows<u32> cells;
    for (int yz = 0; yz < 4; ++yz) cells.row[yz] = load_row(job, near.z[yz >> 1], near.y[yz & 1], at.w);
    const RowBits<u32>* r = cells.row;
    const u32 valid = with_neighbour(job, at.w);
    WordCounts counts{};
    counts.in_plane =
        static_cast<u32>(popcount((r[0].at ^ r[0].after) & valid) + popcount(r[0].at ^ r[1].at));
    counts.upright = static_cast<u32>(popcount(r[0].at ^ r[2].at));
    const u32 active = active_cells(cells, valid);
    if (active && at.z + 1 < job.nz && at.y + 1 < job.ny)
        counts.triangles = static_cast<u32>(triangles_of_word(cells, active, kCaseTable.triangles));
    return counts;
}

// A warp a segment: writes its words' ranks and its bits of `active`, and gives its sums to lane 31.
MC_HD WordCounts count_segment(const Job& job, i64 z, i64 segment) {
    const i64 word = segment * kSegmentWords + lane();
    WordCounts counts{};
    if (word < job.ny * job.row_words) counts = count_word(job, place_in_plane(job, z, word));
    const u32 vertices = counts.in_plane | counts.upright << 16;  // at most 2048 and 1024 a segment
    const u32 sum = inclusive_sum(vertices);
    const i64 number = z * plane_words(job) + word;
    job.ranks[number] = sum - vertices;
    const u32 active = __ballot_sync(kWholeWarp, (vertices | counts.triangles) != 0);
    if (lane() == 0) job.active[number / kSegmentWords] = active;
    return {sum & 0xffffu, sum >> 16, inclusive_sum(counts.triangles)};
}

// One block a tile: the grid has nz * plane_tiles blocks of kThreads.
MC_HD void count(const Job& job) {
    __shared__ u32 sums[3][kTileSegments];
    const i64 z = blockIdx.x / job.plane_tiles, tile = blockIdx.x % job.plane_tiles;
    for (int s = warp_of_block(); s < kTileSegments; s += kThreads / 32) {
        const i64 number = tile * kTileSegments + s;
        WordCounts segment{};
        if (number < job.plane_segments) segment = count_segment(job, z, number);
        if (lane() == 31) {
            sums[0][s] = segment.in_plane;
            sums[1][s] = segment.upright;
            sums[2][s] = segment.triangles;
        }
    }
    __syncthreads();
    if (warp_of_block() >= 3) return;
    // Three warps, a kind of item each; a lane a segment.
    const int kind = warp_of_block();
    const u32 own = sums[kind][lane()], sum = inclusive_sum(own);
    u32* const before = kind == 0 ? job.in_plane : kind == 1 ? job.upright : job.triangles;
    const i64 segment = tile * kTileSegments + lane();
    if (segment < job.plane_segments) before[z * job.plane_segments + segment] = sum - own;
    if (lane() != 31) return;
    if (kind == 2)
        job.triangle_tiles[z * job.plane_tiles + tile] = sum;
    else
        job.vertex_tiles[(2 * z + kind) * job.plane_tiles + tile] = sum;
}

}  // namespace mc::cuda
