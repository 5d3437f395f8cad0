// SPDX-License-Identifier: MIT
// Stage 2 of the dual mesh: how many vertices and quads every word, segment and tile owns. Reads bits only, a
// lane a word. Stage 3 is that of marching cubes.
#pragma once

#include "dual_cells.cuh"
#include "stage2_count.cuh"

namespace mc::cuda {

// A segment's sums.
struct alignas(16) DualSegment {
    u32 vertices, quads;
    u32 active;  // a bit a word that owns anything
    u32 mixed;   // are not all samples in and around the segment alike?
};

// What a block keeps of its tile.
struct DualTile {
    DualSegment segment[kTileSegments];
    u32 before[kTileSegments][kSegmentWords];  // of a mixed segment: its words' ranks within it
};

MC_HD CellCounts count_cells(const DualJob& job, u32 z, const WordPlace& place, const CellRows<u32>& rows) {
    const DualCells cells(job, z, place, rows);
    CellCounts counts{{cells.active & ~cells.rare, 0, 0}};
    MC_SHORT_LOOP
    for (u32 rare = cells.rare; rare; rare &= rare - 1) {
        const int i = lowest_bit(rare);
        u32 vertices = 0;
        for_each_vertex_of(job, {place.w * kWordBits + static_cast<u32>(i), place.y, z},
                           [&](int, int) { ++vertices; });
        counts.put(i, vertices);
    }
    return counts;
}

// A warp a segment: notes its words' counts, their ranks and its sums.
MC_HD void count_dual_segment(const DualJob& job, DualTile& tile, u32 z, u32 segment) {
    const u32 s = segment % kTileSegments;
    DualSegment sums{};
    if (segment < job.plane_segments.by) {
        // Lanes past the plane's end look at its last word, and own nothing.
        const u32 number = segment * kSegmentWords + static_cast<u32>(lane()), last = job.plane_last_word;
        const WordPlace place(job, number < last ? number : last);
        const WordRows words(job, job.bits, z, place);
        sums.mixed = __ballot_sync(kWholeWarp, !uniform(words));
        if (sums.mixed) {
            CellCounts counts{};
            u32 quads = 0;
            if (number <= last) {
                const CellRows<u32> rows = words.cells();
                counts = count_cells(job, z, place, rows);
                const CrossedEdges<u32> edges = quads_of_word(job, z, place, rows);
                quads = static_cast<u32>(popcount(edges.x) + popcount(edges.y) + popcount(edges.z));
            }
            const u32 own = counts.sum(~0u), sum = inclusive_sum(own);
            tile.before[s][lane()] = (sum - own) | (counts.several() ? kSeveral : 0);
            plane_of(job, job.vertices[0], z)[number] = counts.bit[0];
            if (counts.several())
                for (int k = 1; k < kCountBits; ++k)
                    plane_of(job, job.vertices[k], z)[number] = counts.bit[k];
            sums.vertices = sum;  // of lane 31
            sums.quads = warp_sum(quads);
            sums.active = __ballot_sync(kWholeWarp, (own | quads) != 0);
        }
    }
    if (lane() == 31) tile.segment[s] = sums;
}

// Writes what a tile's segments count, a lane each, and what it counts itself; `before` are the vertices
// before the segment within the tile.
MC_HD void write_dual_tile(const DualJob& job, const DualSegment& own, u32 before, u32 z, u32 number) {
    const u32 sum = inclusive_sum(own.quads), segment = number * kTileSegments + static_cast<u32>(lane());
    const i64 tiles = job.plane_tiles.by, tile = z * tiles + number;
    if (segment < job.plane_segments.by) {
        const u32 at = z * job.plane_segments.by + segment;
        job.active[at] = own.active;
        job.triangles[at] = sum - own.quads;
    }
    if (lane() != 31) return;
    job.triangle_tiles[tile] = sum;
    job.vertex_tiles[tile + z * tiles] = before + own.vertices;
    job.vertex_tiles[tile + z * tiles + tiles] = 0;
}

// One block a tile: the grid has nz * plane_tiles blocks of kThreads.
MC_HD void count_dual(const DualJob& job) {
    __shared__ DualTile tile;
    const u32 z = quotient(blockIdx.x, job.plane_tiles), number = blockIdx.x - z * job.plane_tiles.by;
    for (int s = warp_of_block(); s < kTileSegments; s += kThreads / 32)
        count_dual_segment(job, tile, z, number * kTileSegments + static_cast<u32>(s));
    __syncthreads();
    const DualSegment own = tile.segment[lane()];
    const u32 before = inclusive_sum(own.vertices) - own.vertices;
    if (warp_of_block() == 0) write_dual_tile(job, own, before, z, number);
    u32* const ranks = plane_of(job, job.ranks, z) + number * kTileWords;
    const u32 of_warp = 0x01010101u << warp_of_block();
    for (u32 mixed = __ballot_sync(kWholeWarp, own.mixed != 0) & of_warp; mixed; mixed &= mixed - 1) {
        const int s = lowest_bit(mixed);
        ranks[s * kSegmentWords + lane()] = __shfl_sync(kWholeWarp, before, s) + tile.before[s][lane()];
    }
}

}  // namespace mc::cuda
