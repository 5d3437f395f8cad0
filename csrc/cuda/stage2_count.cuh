// SPDX-License-Identifier: MIT
// Stage 2: how many vertices and triangles every word, segment and tile owns. Reads bits only, a lane a word.
#pragma once

#include "case_rows.cuh"
#include "used_edges.cuh"

namespace mc::cuda {

struct WordCounts {
    u32 vertices;  // in-plane | upright << 16
    u32 triangles;
};

// What the samples of a segment are, and of those around that it looks at: one row and plane further.
MC_HD u32 kinds_around(const Job& job, u32 z, u32 segment) {
    const u32 last = job.plane_segments.by - 1, row = job.row_words.by / kSegmentWords;
    const u8* const here = job.kinds + static_cast<i64>(z) * job.plane_segments.by;
    const u8* const above = z + 1 < job.nz ? here + job.plane_segments.by : here;
    const auto of = [&](u32 number) {
        const u32 held = number < last ? number : last;
        return static_cast<u32>(here[held] | above[held]);
    };
    const u32 near = of(segment) | of(segment + 1);
    return row ? near | of(segment + row) | of(segment + row + 1) : near;
}

// Are all samples around the word alike? Then it owns nothing.
MC_HD bool uniform(const WordRows& rows) {
    const u32 any = rows.at[0] | rows.at[1] | rows.at[2] | rows.at[3] | rows.next[0] | rows.next[1] |
                    rows.next[2] | rows.next[3];
    const u32 all = rows.at[0] & rows.at[1] & rows.at[2] & rows.at[3] & rows.next[0] & rows.next[1] &
                    rows.next[2] & rows.next[3];
    return any == 0 || all == ~0u;
}

template <bool kUsed>
MC_HD WordCounts count_word(const Job& job, u32 z, const WordPlace& place, const WordRows& rows) {
    const CellRows<u32> cells = rows.cells();
    CrossedEdges<u32> edges = crossed_edges(job, place, rows);
    if constexpr (kUsed) edges = used_at(job, z, place, 0, 0, 0, edges);
    const int in_plane = popcount(edges.x) + popcount(edges.y);
    WordCounts counts{static_cast<u32>(in_plane) | static_cast<u32>(popcount(edges.z)) << 16, 0};
    const u32 active = active_cells(cells, counting_cells<kUsed>(job, z, place));
    if (active && z + 1 < job.nz && place.y + 1 < job.ny)
        counts.triangles = static_cast<u32>(triangles_of_word(cells, active, kCaseRows.triangles));
    return counts;
}

// A segment's sums.
struct alignas(16) SegmentCounts {
    u32 vertices;  // in-plane | upright << 16
    u32 triangles;
    u32 active;  // a bit a word that owns anything
    u32 mixed;   // are not all samples in and around the segment alike?
};

// What a block of stage 2 keeps of its tile.
struct TileCounts {
    SegmentCounts segment[kTileSegments];
    u32 before[kTileSegments][kSegmentWords];  // of a mixed segment: the vertices before each word
};

// A warp a segment, of a kind that may own something: notes its words' ranks and its sums.
template <bool kUsed>
MC_HD void count_segment(const Job& job, TileCounts& tile, u32 z, u32 segment) {
    const u32 s = segment % kTileSegments;
    SegmentCounts counts{};
    // Lanes past the plane's end look at its last word, and own nothing.
    const u32 number = segment * kSegmentWords + static_cast<u32>(lane()), last = job.plane_last_word;
    const WordPlace place(job, number < last ? number : last);
    const WordRows rows(job, job.bits, z, place);
    counts.mixed = __ballot_sync(kWholeWarp, !uniform(rows));
    if (counts.mixed) {
        const WordCounts own = number <= last ? count_word<kUsed>(job, z, place, rows) : WordCounts{};
        const u32 sum = inclusive_sum(own.vertices);
        tile.before[s][lane()] = sum - own.vertices;
        counts.vertices = sum;  // of lane 31
        counts.triangles = warp_sum(own.triangles);
        counts.active = __ballot_sync(kWholeWarp, (own.vertices | own.triangles) != 0);
    }
    if (lane() == 31) tile.segment[s] = counts;
}

// Writes what a tile's segments count, a lane each, and what it counts itself; `before` are the vertices
// before the segment within the tile.
MC_HD void write_tile(const Job& job, const SegmentCounts& own, u32 before, u32 z, u32 number) {
    const u32 sum = inclusive_sum(own.triangles), segment = number * kTileSegments + static_cast<u32>(lane());
    const i64 tiles = job.plane_tiles.by, tile = z * tiles + number;
    if (segment < job.plane_segments.by) {
        const u32 at = z * job.plane_segments.by + segment;
        job.active[at] = own.active;
        job.triangles[at] = sum - own.triangles;
    }
    if (lane() != 31) return;
    job.triangle_tiles[tile] = sum;
    job.vertex_tiles[tile + z * tiles] = (before & 0xffffu) + (own.vertices & 0xffffu);
    job.vertex_tiles[tile + z * tiles + tiles] = (before >> 16) + (own.vertices >> 16);
}

// One block a tile: the grid has nz * plane_tiles blocks of kThreads. With kUsed not all cells count.
template <bool kUsed>
MC_HD void count(const Job& job) {
    __shared__ TileCounts tile;
    const u32 z = quotient(blockIdx.x, job.plane_tiles), number = blockIdx.x - z * job.plane_tiles.by;
    const u32 of_lane = number * kTileSegments + static_cast<u32>(lane());
    const u32 kinds = of_lane < job.plane_segments.by ? kinds_around(job, z, of_lane) : 0;
    const u32 several = __ballot_sync(kWholeWarp, kinds == (kSomeInside | kSomeOutside));
    const u32 of_warp = 0x01010101u << warp_of_block();
    MC_SHORT_LOOP
    for (u32 left = several & of_warp; left; left &= left - 1)
        count_segment<kUsed>(job, tile, z, number * kTileSegments + static_cast<u32>(lowest_bit(left)));
    __syncthreads();
    // At most 65472 in-plane and half as many upright vertices lie before a word of a tile: both fit 16 bits.
    const SegmentCounts own = several >> lane() & 1u ? tile.segment[lane()] : SegmentCounts{};
    const u32 before = inclusive_sum(own.vertices) - own.vertices;
    if (warp_of_block() == 0) write_tile(job, own, before, z, number);
    u32* const ranks = plane_of(job, job.ranks, z) + number * kTileWords;
    for (u32 mixed = __ballot_sync(kWholeWarp, own.mixed != 0) & of_warp; mixed; mixed &= mixed - 1) {
        const int s = lowest_bit(mixed);
        ranks[s * kSegmentWords + lane()] = __shfl_sync(kWholeWarp, before, s) + tile.before[s][lane()];
    }
}

}  // namespace mc::cuda
