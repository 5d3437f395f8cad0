// SPDX-License-Identifier: MIT
// Stage 4: every vertex and triangle written at its own address. A warp takes a segment, a lane makes a
// word's crossed edges; then the warp lists what they hold, and takes from the list 32 vertices or cells at a
// time, a lane each. What a batch makes lies together in memory, so it is gathered in shared memory and
// stored as whole lines.
#pragma once

#include "case_rows.cuh"
#include "sample_at.cuh"
#include "used_edges.cuh"

namespace mc::cuda {

constexpr int kListed = 512;  // items that a warp lists at a time

// What a warp keeps in shared memory.
template <class Index, class Coord>
struct Staging {
    u16 list[kListed];
    union {
        Coord coords[3 * 32];  // of a batch of vertices
        struct {
            Index ids[kEdges * 32];             // of a batch of cells: edge, lane
            u64 triangles[32 * kMaxTriangles];  // where a triangle's ids are, 16 bits each
        } cells;
    };
};

// A word of cells: the edges of its four rows, y + 2z, that the surface crosses, and the ids of the first
// vertices on those.
template <class Index>
struct CellWord {
    u32 at;          // inside-bits of row 0
    u32 x[4], y[4];  // crossed x- and y-edges
    u32 z[2];        // crossed z-edges, rows 0 and 1
    u32 x_after[2];  // crossed x-edges of the voxels at x + 1, rows 0 and 2
    Index in_plane[4], upright[2];
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

// The crossed edges of a word and of those around it.
template <class Index>
MC_HD void find_edges(const Job& job, u32 z, const WordPlace& place, const WordRows& rows,
                      CellWord<Index>& word) {
    const u32 valid = with_neighbour(job, place.w);
    const u32 next_valid = with_neighbour(job, place.w + 1);
    const u32 step = place.y + 1 < job.ny ? job.row_words.by : 0;
    const u32 beyond = place.y + 2 < job.ny ? step + job.row_words.by : step;
    const u32* const here = plane_of(job, job.bits, z) + place.number;
    const u32* const above = z + 1 < job.nz ? here + job.plane_words : here;
    const u32 row_2[2] = {here[beyond], above[beyond]};
    const CellRows<u32> cells = rows.cells();
    word.at = rows.at[0];
    for (int yz = 0; yz < 4; ++yz) word.x[yz] = (cells.row[yz].at ^ cells.row[yz].after) & valid;
    for (int k = 0; k < 2; ++k) {
        word.y[2 * k] = rows.at[2 * k] ^ rows.at[2 * k + 1];
        word.y[2 * k + 1] = rows.at[2 * k + 1] ^ row_2[k];
        word.z[k] = rows.at[k] ^ rows.at[2 + k];
        const u32 next = rows.next[2 * k];
        word.x_after[k] = row_bits<u32>(word.x[2 * k], (next ^ next >> 1) & next_valid).after;
    }
}

// Leaves those that a cell that counts uses; of rows 1 to 3 where the word has such cells.
template <class Index>
MC_HD void keep_used_edges(const Job& job, u32 z, const WordPlace& place, const WordRows& rows, u32 cells,
                           CellWord<Index>& word) {
    const CrossedEdges<u32> own = used_at(job, z, place, 0, 0, 0, {word.x[0], word.y[0], word.z[0]});
    word.x[0] = own.x, word.y[0] = own.y, word.z[0] = own.z;
    if (!cells) return;
    for (int yz = 1; yz < 4; ++yz) {
        const u32 upright = yz == 1 ? word.z[1] : 0;
        const CrossedEdges<u32> used =
            used_at(job, z, place, yz / 2, yz % 2, 0, {word.x[yz], word.y[yz], upright});
        word.x[yz] = used.x, word.y[yz] = used.y;
        if (yz == 1) word.z[1] = used.z;
    }
    for (int k = 0; k < 2; ++k) {
        const u32 next = rows.next[2 * k], crossed = (next ^ next >> 1) & with_neighbour(job, place.w + 1);
        const u32 used = used_at(job, z, place, k, 0, 1, {crossed, 0, 0}).x;
        word.x_after[k] = row_bits<u32>(word.x[2 * k], used).after;
    }
}

// The ids of rows 1 to 3, asked of words with cells. A word's first ids are needed where the surface crosses
// an edge of one of its voxels or of the next word's first one. Where it does not, they may never have been
// written, and are not read.
template <class Index>
MC_HD void find_ids(const Job& job, u32 z, u32 number, const WordRows& rows, CellWord<Index>& word) {
    const PlaneIds<Index> here(job, z), above(job, z + 1);
    const auto after = [&](int low, int high) { return (rows.next[low] ^ rows.next[high]) & 1u; };
    const u32 row_1 = number + job.row_words.by;
    if (word.x[1] | word.y[1] | word.z[1] | after(1, 3)) {
        word.in_plane[1] = here.in_plane(row_1);
        word.upright[1] = here.upright(row_1);
    }
    if (word.x[2] | word.y[2] | after(2, 3)) word.in_plane[2] = above.in_plane(number);
    if (word.x[3] | word.y[3]) word.in_plane[3] = above.in_plane(row_1);
}

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

// Calls list(begin, end) for every kListed of `total` items, and batch(item, begin, count) for every 32 of
// those: this lane's item, where the batch begins, and how many items it has.
template <class List, class Batch>
MC_HD void in_batches(u32 total, const u16* listed, const List& list, const Batch& batch) {
    for (u32 begin = 0; begin < total; begin += kListed) {
        const u32 end = total - begin < kListed ? total : begin + kListed;
        list(begin, end);
        __syncwarp();
        for (u32 b = begin; b < end; b += 32) {
            const u32 left = end - b, me = static_cast<u32>(lane());
            batch(Listed{me < left ? listed[b - begin + me] : 0u}, b, left < 32 ? left : 32);
        }
    }
}

// The vertex on the edge that leaves a voxel along an axis.
template <class T, class Coord>
MC_HD void make_vertex(const Job& job, u32 z, const WordPlace& place, const Listed& item, Coord* to) {
    using Real = typename EmitType<T>::Real;
    const int axis = item.axis();
    const i64 x = static_cast<i64>(place.w) * kWordBits + item.voxel();
    const i64 at = z * job.stride_z + place.y * job.stride_y + x * job.stride_x;
    const i64 stride = axis == 0 ? job.stride_x : axis == 1 ? job.stride_y : job.stride_z;
    const Real t = edge_fraction(sample_at<T>(job, at), sample_at<T>(job, at + stride), level_as<Real>(job));
    const Real fx = static_cast<Real>(x), fy = static_cast<Real>(place.y), fz = static_cast<Real>(z);
    to[0] = static_cast<Coord>(axis == 0 ? fx + t : fx);
    to[1] = static_cast<Coord>(axis == 1 ? fy + t : fy);
    to[2] = static_cast<Coord>(axis == 2 ? fz + t : fz);
}

MC_HD i64 nearest(i64 at, i64 last) { return at < 0 ? 0 : at > last ? last : at; }

// The same of a grid whose outer samples may be the layer of a closed border. They stand for the volume's
// nearest: an edge to the layer has the same sample at both ends, and its vertex is held within the box.
template <class T, class Coord>
MC_HD void make_held_vertex(const Job& job, u32 z, const WordPlace& place, const Listed& item, Coord* to) {
    if constexpr (kSame<T, Single>)
        if (job.dtype == kInt32) return make_held_vertex<i32>(job, z, place, item, to);
    using Real = typename EmitType<T>::Real;
    const VolumePlane plane(job, z);
    const i64 border = job.border, x = static_cast<i64>(place.w) * kWordBits + item.voxel();
    const i64 at[3] = {x - border, place.y - border, plane.z - border};
    const i64 last[3] = {job.volume_nx - 1, job.volume_ny - 1, job.volume_nz - 1};
    const i64 stride[3] = {job.stride_x, job.stride_y, job.stride_z};
    i64 low = plane.volume * job.stride_volume, high = low;
    for (int k = 0; k < 3; ++k) {
        low += nearest(at[k], last[k]) * stride[k];
        high += nearest(at[k] + (k == item.axis()), last[k]) * stride[k];
    }
    const Real level = level_of<Real>(job, plane.volume);
    const Real t = edge_fraction(sample_at<T>(job, low), sample_at<T>(job, high), level);
    for (int k = 0; k < 3; ++k) {
        const Real from = static_cast<Real>(at[k]), met = from + t, end = static_cast<Real>(last[k]);
        const Real within = met < Real(0) ? Real(0) : met > end ? end : met;
        to[k] = static_cast<Coord>(k == item.axis() ? within : from);
    }
}

// The segment's in-plane vertices, and after them its upright ones: the ids of each kind follow one another,
// so those of the words' row 0 are known from here.
template <class T, bool kUsed, class Index, class Coord>
MC_HD void emit_vertices(const Job& job, const WarpSegment& segment, CellWord<Index>& word,
                         Staging<Index, Coord>& own) {
    const u32 first = segment.of_plane * kSegmentWords;
    const u32 counts = static_cast<u32>(popcount(word.x[0]) + popcount(word.y[0])) |
                       static_cast<u32>(popcount(word.z[0])) << 16;
    const u32 sum = inclusive_sum(counts), totals = __shfl_sync(kWholeWarp, sum, 31);
    const u32 in_plane = totals & 0xffffu, before = sum - counts;
    InPlaneMarks marks{word.x[0], word.y[0], before & 0xffffu};
    Marks upright{word.z[0], in_plane + (before >> 16)};
    const auto list = [&](u32 begin, u32 end) {
        marks.list(own.list, begin, end);
        upright.list(own.list, begin, end, 2);
    };
    const PlaneIds<i64> ids(job, segment.z);
    const i64 first_in_plane = ids.in_plane(first), first_upright = ids.upright(first);
    word.in_plane[0] = static_cast<Index>(first_in_plane) + static_cast<Index>(before & 0xffffu);
    word.upright[0] = static_cast<Index>(first_upright) + static_cast<Index>(before >> 16);
    Coord* const verts = static_cast<Coord*>(job.verts);
    Coord* const to_in_plane = verts + 3 * first_in_plane;
    Coord* const to_upright = verts + 3 * (first_upright - in_plane);
    in_batches(in_plane + (totals >> 16), own.list, list, [&](Listed item, u32 begin, u32 count) {
        const WordPlace place(job, first + static_cast<u32>(item.lane()));
        if (static_cast<u32>(lane()) < count) {
            Coord* const to = own.coords + 3 * lane();
            if constexpr (kUsed)
                make_held_vertex<T>(job, segment.z, place, item, to);
            else
                make_vertex<T>(job, segment.z, place, item, to);
        }
        __syncwarp();
        for (int c = 0; c < 3; ++c) {
            const u32 k = static_cast<u32>(lane() + 32 * c), at = 3 * begin + k;
            if (k < 3 * count) (at < 3 * in_plane ? to_in_plane : to_upright)[at] = own.coords[k];
        }
        __syncwarp();
    });
}

// Voxel i's ids of a word of cells that another lane holds go to ids[32 * edge + lane]; returns the case's
// row.
template <class Index>
MC_HD u64 make_ids(const CellWord<Index>& word, int from, int i, Index* ids) {
    const auto of = [from](auto value) { return __shfl_sync(kWholeWarp, value, from); };
    const auto bit = [i](u32 bits) { return bits >> i & 1u; };
    const auto put = [ids](int edge, Index id) { ids[32 * edge + lane()] = id; };
    const u32 below = bits_below<u32>(i);
    u32 corner[4];  // the case's bits of each row's two corners
    corner[0] = bit(of(word.at));
    for (int yz = 0; yz < 4; ++yz) {
        const u32 x = of(word.x[yz]), y = of(word.y[yz]);
        const Index first =
            of(word.in_plane[yz]) + static_cast<Index>(popcount(x & below) + popcount(y & below));
        put(yz, first);
        if (yz == 0) corner[1] = corner[0] ^ bit(y);
        if (yz == 2) corner[3] = corner[2] ^ bit(y);
        if (!(yz & 1)) {  // the cell's y-edges belong to the rows at y
            const Index after_x = first + static_cast<Index>(bit(x));
            put(4 + yz, after_x);
            put(5 + yz, after_x + static_cast<Index>(bit(y) + bit(of(word.x_after[yz / 2]))));
        }
        if (yz == 1) corner[2] = (corner[0] & 1u) ^ bit(of(word.z[0]));
        corner[yz] |= (corner[yz] ^ bit(x)) << 1;
    }
    for (int y = 0; y < 2; ++y) {
        const u32 z = of(word.z[y]);
        const Index first = of(word.upright[y]) + static_cast<Index>(popcount(z & below));
        put(8 + 2 * y, first);
        put(9 + 2 * y, first + static_cast<Index>(bit(z)));
    }
    return kCaseRows.row[corner[0] | corner[1] << 2 | corner[2] << 4 | corner[3] << 6];
}

// A row's first triangle, three edges of four bits, as the places of this lane's ids, 16 bits each.
MC_HD u64 places_of_ids(u64 row) {
    constexpr u64 kApart = u64(1) << 5 | u64(1) << 17 | u64(1) << 29, kEach = 0x000100010001u;
    return ((row & 0xfffu) * kApart & kEach * 0x1e0u) | kEach * static_cast<u64>(lane());
}

// A lane's cell adds its triangles to the warp's; returns how many those are.
template <class Index, class Coord>
MC_HD u32 list_triangles(u64 row, u32 count, Staging<Index, Coord>& own) {
    const u32 sum = inclusive_sum(count);
    u64* to = own.cells.triangles + (sum - count);
    MC_SHORT_LOOP
    for (; count; --count, row >>= 12) *to++ = places_of_ids(row);
    return __shfl_sync(kWholeWarp, sum, 31);
}

// Where triangles go.
template <class Index>
struct Faces {
    Index* to;

    MC_HD Faces(const Job& job, u32, i64 first) : to(static_cast<Index*>(job.faces) + 3 * first) {}
    MC_HD void put(u32 k, Index id) const { to[k] = id; }
    MC_HD void pass(u32 ids) { to += ids; }
};

// The same where the host says which of both widths they have, and their ids count from a volume's own first
// vertex.
struct FacesOfAWidth {
    char* to;
    u32 wide;
    i64 first_id;

    MC_HD FacesOfAWidth(const Job& job, u32 z, i64 first)
        : to(static_cast<char*>(job.faces) + (12 * first << job.wide_faces)), wide(job.wide_faces) {
        const i64 plane = z - VolumePlane(job, z).z;
        first_id = job.vertex_tiles[2 * plane * job.plane_tiles.by];
    }
    MC_HD void put(u32 k, i64 id) const {
        id -= first_id;
        if (wide)
            reinterpret_cast<i64*>(to)[k] = id;
        else
            reinterpret_cast<i32*>(to)[k] = static_cast<i32>(id);
    }
    MC_HD void pass(u32 ids) { to += 4 * ids << wide; }
};

// Writes a batch's triangles: of the three lines that 32 triangles fill, one after the other.
template <class Index, class Coord, class Target>
MC_HD void store_triangles(const Staging<Index, Coord>& own, u32 total, const Target& faces) {
    for (u32 line = 0; line < 3; ++line) {
        const u32 first = static_cast<u32>(lane()) + 32 * line;
        const u64* from = own.cells.triangles + first / 3;
        const u32 shift = first % 3 * 16;
        MC_SHORT_LOOP
        for (u32 k = first; k < 3 * total; k += 96, from += 32)
            faces.put(k, own.cells.ids[static_cast<u32>(*from >> shift) & 0xffffu]);
    }
}

// The triangles of a segment's cells; they follow one another.
template <class Target, class Index, class Coord>
MC_HD void emit_faces(const Job& job, const WarpSegment& segment, const CellWord<Index>& word, u32 cells,
                      Staging<Index, Coord>& own) {
    const i64 tile = static_cast<i64>(segment.z) * job.plane_tiles.by + segment.of_plane / kTileSegments;
    Target to(job, segment.z, job.triangle_tiles[tile] + job.triangles[segment.number(job)]);
    const u32 count = static_cast<u32>(popcount(cells)), sum = inclusive_sum(count);
    Marks marks{cells, sum - count};
    const auto list = [&](u32 begin, u32 end) { marks.list(own.list, begin, end, 0); };
    in_batches(__shfl_sync(kWholeWarp, sum, 31), own.list, list, [&](Listed item, u32, u32 batch) {
        const u64 row = make_ids(word, item.lane(), item.voxel(), own.cells.ids);
        const u32 triangles = static_cast<u32>(lane()) < batch ? triangles_of_row(row) : 0;
        const u32 total = list_triangles(row, triangles, own);
        __syncwarp();
        store_triangles(own, total, to);
        __syncwarp();
        to.pass(3 * total);
    });
}

template <class Index, bool kUsed>
struct FacesOf {
    using Type = Faces<Index>;
};
template <>
struct FacesOf<i64, true> {
    using Type = FacesOfAWidth;
};

// A warp a segment; every plane has blocks of its own. With kUsed not all cells count, the border
// may be closed, and faces have either width: such kernels are few, for the sake of the wheel.
template <class T, class Index, bool kUsed>
MC_HD void emit(const Job& job) {
    using Coord = typename EmitType<T>::Coord;
    __shared__ Staging<Index, Coord> staging[kEmitThreads / 32];
    const WarpSegment segment(job.plane_emit_blocks, kEmitThreads / 32);
    if (segment.of_plane >= job.plane_segments) return;
    if (job.fixed && job.totals->overflow) return;
    const u32 active = job.active[segment.number(job)];
    if (!active) return;
    const WordPlace place(job, segment.of_plane * kSegmentWords + static_cast<u32>(lane()));
    CellWord<Index> word{};
    u32 cells = 0;
    if (active >> lane() & 1u) {
        const WordRows rows(job, job.bits, segment.z, place);
        find_edges(job, segment.z, place, rows, word);
        if (segment.z + 1 < job.nz && place.y + 1 < job.ny)
            cells = active_cells(rows.cells(), counting_cells<kUsed>(job, segment.z, place));
        if constexpr (kUsed) keep_used_edges(job, segment.z, place, rows, cells, word);
        if (cells) find_ids(job, segment.z, place.number, rows, word);
    }
    emit_vertices<T, kUsed>(job, segment, word, staging[warp_of_block()]);
    using Target = typename FacesOf<Index, kUsed>::Type;
    emit_faces<Target>(job, segment, word, cells, staging[warp_of_block()]);
}

}  // namespace mc::cuda
