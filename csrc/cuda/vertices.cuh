// SPDX-License-Identifier: MIT
// A run of segments for a warp, and of each of them its vertices: listed in order, made 32 at a time, a lane
// each. What a batch makes lies together in memory, so it is gathered in shared memory and stored as whole
// lines.
#pragma once

#include "warp.cuh"

namespace mc::cuda {

constexpr u32 kListedVertices = 1536;  // that a warp lists at a time

// What a warp keeps in shared memory.
template <class Coord>
struct VertexStaging {
    u16 list[kListedVertices];
    Coord coords[3 * 32];  // of a batch
};

// The ids of a plane's words: each is its tile's, and what lies before the word within the tile.
template <class Index>
struct PlaneIds {
    const u32* ranks;
    const i64 *in_plane_tiles, *upright_tiles;

    MC_HD PlaneIds(const Job& job, u32 z)
        : ranks(plane_of(job, job.ranks, z)),
          in_plane_tiles(job.vertex_tiles + 2 * static_cast<i64>(z) * job.plane_tiles.by),
          upright_tiles(in_plane_tiles + job.plane_tiles.by) {}

    MC_HD Index in_plane(u32 word) const {
        return static_cast<Index>(in_plane_tiles[word / kTileWords]) +
               static_cast<Index>(ranks[word] & 0xffffu);
    }
    MC_HD Index upright(u32 word) const {
        return static_cast<Index>(upright_tiles[word / kTileWords]) + static_cast<Index>(ranks[word] >> 16);
    }
};

// Of a segment that owns anything: the ids of its tile's first vertices, and what lies before the lane's word
// within the tile. All its ranks are written.
struct SegmentIds {
    i64 in_plane, upright;
    u32 rank;

    MC_HD SegmentIds(const Job& job, const WarpSegment& segment) {
        const PlaneIds<i64> ids(job, segment.z);
        in_plane = ids.in_plane_tiles[segment.of_plane / kTileSegments];
        upright = ids.upright_tiles[segment.of_plane / kTileSegments];
        rank = ids.ranks[segment.of_plane * kSegmentWords + static_cast<u32>(lane())];
    }
};

// An item of the list: the lane whose word it is in, its voxel, and the axis of its edge where it is a
// vertex.
struct Listed {
    u32 entry;

    MC_HD int lane() const { return static_cast<int>(entry >> 7); }
    MC_HD int voxel() const { return static_cast<int>(entry >> 2 & 31u); }
    MC_HD int axis() const { return static_cast<int>(entry & 3u); }
};

MC_HD u16 listed(int voxel, u32 axis) {
    return static_cast<u16>(static_cast<u32>(lane()) << 7 | static_cast<u32>(voxel) << 2 | axis);
}

// What a lane has yet to list: marked voxels of its word, and the place of the first of them in the list.
struct Marks {
    u32 left, at;

    // Lists those whose places are in [begin, end), in raster order.
    MC_HD void list(u16* list, u32 begin, u32 end, u32 axis) {
        u32 count = static_cast<u32>(popcount(left));
        if (at >= end) return;
        if (end - at < count) count = end - at;
        u16* to = list + (at - begin);
        at += count;
        MC_SHORT_LOOP for (; count; --count, left &= left - 1)* to++ = listed(lowest_bit(left), axis);
    }
};

// Likewise of in-plane edges: at each voxel the x-edge before the y-edge.
struct InPlaneMarks {
    u32 x, y, at;

    MC_HD void list(u16* list, u32 begin, u32 end) {
        u32 count = static_cast<u32>(popcount(x) + popcount(y));
        if (at >= end) return;
        if (end - at < count) count = end - at;
        u16* to = list + (at - begin);
        at += count;
        MC_SHORT_LOOP for (; count; --count) {
            const u32 left = x | y, lowest = left & (0u - left), of_x = x & lowest;
            *to++ = listed(lowest_bit(left), of_x ? 0u : 1u);
            x ^= of_x;
            y ^= lowest ^ of_x;
        }
    }
};

// Calls list(begin, end) for every kMost of `total` items, and batch(item, begin, count) for every 32 of
// those: this lane's item, where the batch begins, and how many items it has.
template <u32 kMost, class List, class Batch>
MC_HD void in_batches(u32 total, const u16 (&listed)[kMost], const List& list, const Batch& batch) {
    for (u32 begin = 0; begin < total; begin += kMost) {
        const u32 end = total - begin < kMost ? total : begin + kMost;
        list(begin, end);
        __syncwarp();
        for (u32 b = begin; b < end; b += 32) {
            const u32 left = end - b, me = static_cast<u32>(lane());
            batch(Listed{me < left ? listed[b - begin + me] : 0u}, b, left < 32 ? left : 32);
        }
    }
}

// Where a segment's vertices go: the in-plane ones, and `further` on from theirs the places of the others.
template <class Coord>
struct VertexRun {
    Coord* to;
    i64 further;
    u32 in_plane;

    // Stores a batch, line by line; nearly all are full and of one kind.
    MC_HD void store(const Coord* coords, u32 begin, u32 count) const {
        const u32 first = static_cast<u32>(lane()), at = 3 * begin + first;
        if (count == 32 && (begin >= in_plane || begin + 32 <= in_plane)) {
            Coord* const line = to + at + (begin >= in_plane ? further : 0);
            for (u32 k = 0; k < 96; k += 32) line[k] = coords[first + k];
            return;
        }
        for (u32 k = 0; k < 96; k += 32)
            if (first + k < 3 * count) (to + at + k)[at + k < 3 * in_plane ? 0 : further] = coords[first + k];
    }
};

// The segment's in-plane vertices, and after them its upright ones: the ids of each kind follow one another.
// `edges` are those of the lane's word, make(place, item, coords) a vertex or whatever it has three of.
template <class Coord, class Make>
MC_HD void store_vertices(const Job& job, const WarpSegment& segment, const SegmentIds& ids,
                          const CrossedEdges<u32>& edges, VertexStaging<Coord>& own, Coord* to,
                          const Make& make) {
    const u32 of_first = __shfl_sync(kWholeWarp, ids.rank, 0), before = ids.rank - of_first;
    const u32 counts =
        static_cast<u32>(popcount(edges.x) + popcount(edges.y)) | static_cast<u32>(popcount(edges.z)) << 16;
    const u32 totals = __shfl_sync(kWholeWarp, before + counts, 31), in_plane = totals & 0xffffu;
    InPlaneMarks marks{edges.x, edges.y, before & 0xffffu};
    Marks upright{edges.z, in_plane + (before >> 16)};
    const auto list = [&](u32 begin, u32 end) {
        marks.list(own.list, begin, end);
        upright.list(own.list, begin, end, 2);
    };
    const i64 first = ids.in_plane + (of_first & 0xffffu);
    const VertexRun<Coord> run{to + 3 * first, 3 * (ids.upright + (of_first >> 16) - in_plane - first),
                               in_plane};
    const u32 word = segment.of_plane * kSegmentWords;
    in_batches(in_plane + (totals >> 16), own.list, list, [&](Listed item, u32 begin, u32 count) {
        const WordPlace place(job, word + static_cast<u32>(item.lane()));
        if (static_cast<u32>(lane()) < count) make(place, item, own.coords + 3 * lane());
        __syncwarp();
        run.store(own.coords, begin, count);
        __syncwarp();
    });
}

// A warp's run of segments: calls use(segment, active) for those that own anything; `active` says in which
// words. Blocks have kEmitThreads. Nothing is called for a mesh that its results have no room for.
template <class Use>
MC_HD void for_active_segments(const Job& job, const Use& use) {
    if (job.fixed && job.totals->overflow) return;
    const u32 warp = blockIdx.x * (kEmitThreads / 32) + threadIdx.x / 32, first = warp * job.emit_run;
    const u32 of_lane = first + static_cast<u32>(lane());
    const bool there = static_cast<u32>(lane()) < job.emit_run && of_lane < job.segments;
    const u32 active = there ? job.active[of_lane] : 0;
    MC_SHORT_LOOP
    for (u32 left = __ballot_sync(kWholeWarp, active != 0); left; left &= left - 1) {
        const int k = lowest_bit(left);
        use(WarpSegment(job, first + static_cast<u32>(k)), __shfl_sync(kWholeWarp, active, k));
    }
}

}  // namespace mc::cuda
