// SPDX-License-Identifier: MIT
// Stage 4 of the dual mesh, second half: a quad around every edge that bears one, once all vertices are in
// their places. A warp takes a segment and lists its edges, then makes 32 quads at a time, a lane each.
#pragma once

#include "../core/quad_corners.h"
#include "dual_cells.cuh"
#include "stage4_emit.cuh"

namespace mc::cuda {

constexpr QuadCorners quad_corners() { return {}; }
__device__ const QuadCorners kQuadCorners = quad_corners();

// What a warp keeps in shared memory.
struct QuadStaging {
    u16 list[kListedCells];
    i64 ids[6 * 32];
};

// An item of the list: the lane whose word it is in, its voxel, the axis of its edge, and whether that leads
// out of the inside.
struct ListedQuad {
    u32 entry;

    MC_HD ListedQuad(const Listed& item) : entry(item.entry) {}
    MC_HD int lane() const { return static_cast<int>(entry >> 8); }
    MC_HD int voxel() const { return static_cast<int>(entry >> 3 & 31u); }
    MC_HD int axis() const { return static_cast<int>(entry >> 1 & 3u); }
    MC_HD bool forward() const { return entry & 1u; }
};

// A lane's word of voxels: the edges that bear a quad, and of the four words of cells around them, at y - 1
// (bit 0) and z - 1 (bit 1), the first vertex and the cells with an odd number of vertices.
struct QuadWord {
    CrossedEdges<u32> edges;
    u32 inside;
    u32 several;  // whether any cell that these quads touch may have several
    u32 one[4];
    i64 first[4];
};

// A word that no quad of these touches may never have been written, and is not read.
MC_HD void find_quad_ids(const DualJob& job, u32 z, const WordPlace& place, QuadWord& word) {
    const CrossedEdges<u32>& e = word.edges;
    const u32 touched[4] = {e.x | e.y | e.z, e.x | e.z, e.x | e.y, e.x}, before[4] = {e.y | e.z, e.z, e.y, 0};
    for (int k = 0; k < 4; ++k) {
        if (!touched[k]) continue;
        const u32 of_z = z - static_cast<u32>(k >> 1), number = place.number - (k & 1 ? job.row_words.by : 0);
        const u32* const ranks = plane_of(job, job.ranks, of_z) + number;
        word.one[k] = plane_of(job, job.vertices[0], of_z)[number];
        word.first[k] = first_vertex(job, of_z, number, *ranks);
        word.several |= *ranks & kSeveral;
        if (before[k] & 1u) word.several |= ranks[-1] & kSeveral;  // the cell before the word's first
    }
}

// What a lane has yet to list: its edges, and the place of the first of them in the list.
struct QuadMarks {
    u32 x, y, z, inside, at;

    // In raster order, at each voxel x before y before z.
    MC_HD void list(u16* list, u32 begin, u32 end) {
        u32 count = static_cast<u32>(popcount(x) + popcount(y) + popcount(z));
        if (at >= end) return;
        if (end - at < count) count = end - at;
        u16* to = list + (at - begin);
        at += count;
        MC_SHORT_LOOP
        for (; count; --count) {
            const u32 left = x | y | z, lowest = left & (0u - left);
            const u32 of_x = x & lowest, of_y = of_x ? 0 : y & lowest;
            const u32 axis = of_x ? 0u : of_y ? 1u : 2u;
            *to++ = static_cast<u16>(static_cast<u32>(lane()) << 8 | static_cast<u32>(lowest_bit(left)) << 3 |
                                     axis << 1 | (inside & lowest ? 1u : 0u));
            x ^= of_x;
            y ^= of_y;
            z ^= lowest ^ of_x ^ of_y;
        }
    }
};

// A quad's vertices where no cell around it has several; the cell before one in x has the vertex before its.
MC_HD void plain_quad(const QuadWord& word, const ListedQuad& item, i64 (&quad)[4]) {
    const u32 below = bits_below<u32>(item.voxel());
    i64 id[4];
    for (int k = 0; k < 4; ++k)
        id[k] = __shfl_sync(kWholeWarp, word.first[k], item.lane()) +
                popcount(__shfl_sync(kWholeWarp, word.one[k], item.lane()) & below);
    const int axis = item.axis();
    quad[0] = axis == 0 ? id[3] : axis == 1 ? id[2] - 1 : id[1] - 1;
    quad[1] = axis == 0 ? id[2] : axis == 1 ? id[0] - 1 : id[1];
    quad[2] = id[0];
    quad[3] = axis == 0 ? id[1] : axis == 1 ? id[2] : id[0] - 1;
}

// The vertex on an edge of any cell.
MC_HD i64 vertex_on_edge(const DualJob& job, const GridCell& cell, int edge) {
    const u32 number = cell.y * job.row_words.by + cell.x / kWordBits;
    const int i = static_cast<int>(cell.x % kWordBits);
    const u32 rank = plane_of(job, job.ranks, cell.z)[number];
    const CellCounts counts = counts_at(job, cell.z, number, rank);
    i64 id = first_vertex(job, cell.z, number, rank) + counts.sum(bits_below<u32>(i));
    if (!(counts.several() >> i & 1u)) return id;
    i64 found = id;
    for_each_vertex_of(job, cell, [&](int, int edges) {
        if (edges >> edge & 1) found = id;
        ++id;
    });
    return found;
}

// Those of a quad's corners, by way of `ids`.
MC_HD void quad_of_several(const DualJob& job, const GridCell& voxel, int axis, i64* ids, i64 (&quad)[4]) {
    MC_SHORT_LOOP
    for (int k = 0; k < 4; ++k) {
        const QuadCorner& corner = kQuadCorners.corner[axis][k];
        const GridCell cell{voxel.x - corner.back[0], voxel.y - corner.back[1], voxel.z - corner.back[2]};
        ids[k] = vertex_on_edge(job, cell, corner.edge);
    }
    for (int k = 0; k < 4; ++k) quad[k] = ids[k];
}

template <class Coord>
MC_HD Coord squared(const DualJob& job, i64 a, i64 b) {
    const Coord *const from = static_cast<const Coord*>(job.verts) + 3 * a, *const to =
                                                                                static_cast<const Coord*>(
                                                                                    job.verts) +
                                                                                3 * b;
    const auto step = [&](int axis) {
        return (from[axis] - to[axis]) * static_cast<Coord>(job.spacing[axis]);
    };
    const Coord x = step(0), y = step(1), z = step(2);
    return x * x + y * y + z * z;
}

// Is the second diagonal the shorter one?
MC_HD bool is_turned(const DualJob& job, const i64 (&quad)[4]) {
    if (job.wide_verts)
        return squared<double>(job, quad[1], quad[3]) < squared<double>(job, quad[0], quad[2]);
    return squared<float>(job, quad[1], quad[3]) < squared<float>(job, quad[0], quad[2]);
}

// Normals point away from the inside: along the edge where its lower end is inside.
MC_HD void stage_quad(const DualJob& job, i64 (&quad)[4], bool forward, i64* ids) {
    const i64 second = forward ? quad[1] : quad[3], fourth = forward ? quad[3] : quad[1];
    quad[1] = second, quad[3] = fourth;
    if (!job.cut) {
        for (int k = 0; k < 4; ++k) ids[4 * lane() + k] = quad[k];
        return;
    }
    const bool turned = is_turned(job, quad);
    const i64 a = turned ? quad[1] : quad[0], b = turned ? quad[2] : quad[1], c = turned ? quad[3] : quad[2],
              d = turned ? quad[0] : quad[3];
    i64* const to = ids + 6 * lane();
    to[0] = a, to[1] = b, to[2] = c, to[3] = a, to[4] = c, to[5] = d;
}

// A batch's ids follow one another.
MC_HD void store_ids(const DualJob& job, const i64* ids, i64 first, u32 count) {
    for (int line = 0; line < 6; ++line) {
        const u32 k = static_cast<u32>(lane() + 32 * line);
        if (k >= count) continue;
        if (job.wide_faces)
            static_cast<i64*>(job.faces)[first + k] = ids[k];
        else
            static_cast<i32*>(job.faces)[first + k] = static_cast<i32>(ids[k]);
    }
}

// The quads of a segment, of which `active` words own anything.
MC_HD void emit_dual_faces_of(const DualJob& job, const WarpSegment& segment, u32 active, QuadStaging& own) {
    const u32 first_word = segment.of_plane * kSegmentWords;
    QuadWord word{};
    if (active >> lane() & 1u) {
        const WordPlace place(job, first_word + static_cast<u32>(lane()));
        const CellRows<u32> rows = WordRows(job, job.bits, segment.z, place).cells();
        word.edges = quads_of_word(job, segment.z, place, rows);
        word.inside = rows.row[0].at;
        find_quad_ids(job, segment.z, place, word);
    }
    const CrossedEdges<u32>& e = word.edges;
    const u32 count = static_cast<u32>(popcount(e.x) + popcount(e.y) + popcount(e.z));
    const u32 sum = inclusive_sum(count), corners = job.cut ? 6 : 4;
    QuadMarks marks{e.x, e.y, e.z, word.inside, sum - count};
    const i64 tile = static_cast<i64>(segment.z) * job.plane_tiles.by + segment.of_plane / kTileSegments;
    const i64 first = job.triangle_tiles[tile] + job.triangles[segment.number(job)];
    const auto list = [&](u32 begin, u32 end) { marks.list(own.list, begin, end); };
    in_batches(__shfl_sync(kWholeWarp, sum, 31), own.list, list, [&](Listed listed, u32 begin, u32 batch) {
        const ListedQuad item(listed);
        i64 quad[4];
        plain_quad(word, item, quad);
        const u32 several = __shfl_sync(kWholeWarp, word.several, item.lane());
        const bool is_there = static_cast<u32>(lane()) < batch;
        if (is_there && several) {
            const WordPlace place(job, first_word + static_cast<u32>(item.lane()));
            quad_of_several(job, {place.w * kWordBits + static_cast<u32>(item.voxel()), place.y, segment.z},
                            item.axis(), own.ids + 6 * lane(), quad);
        }
        __syncwarp();
        if (is_there) stage_quad(job, quad, item.forward(), own.ids);
        __syncwarp();
        store_ids(job, own.ids, corners * (first + begin), corners * batch);
        __syncwarp();
    });
}

// A warp a run of segments.
MC_HD void emit_dual_faces(const DualJob& job) {
    __shared__ QuadStaging staging[kEmitThreads / 32];
    for_active_segments(job, [&](const WarpSegment& segment, u32 active) {
        emit_dual_faces_of(job, segment, active, staging[warp_of_block()]);
    });
}

}  // namespace mc::cuda
