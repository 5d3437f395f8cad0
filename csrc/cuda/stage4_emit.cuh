// SPDX-License-Identifier: MIT
// Stage 4: every vertex and triangle written at its own address. A warp takes segments, a lane makes a word's
// crossed edges; then the warp lists what they hold, and takes from the list 32 vertices or cells at a time,
// a lane each.
#pragma once

#include "case_rows.cuh"
#include "sample_at.cuh"
#include "used_edges.cuh"
#include "vertices.cuh"

namespace mc::cuda {

constexpr u32 kListedCells = 512;  // that a warp lists at a time: a batch of them takes more room

// Where a triangle's ids are; the fourth place is unused.
union Triangle {
    u64 all;
    u16 places[4];
};

// What a warp keeps in shared memory.
template <class Index, class Coord>
union Staging {
    VertexStaging<Coord> vertices;
    struct {
        u16 list[kListedCells];
        Index ids[kEdges * 32];                  // of a batch: edge, lane
        Triangle triangles[32 * kMaxTriangles];  // likewise
    } cells;
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
MC_HD u32 list_triangles(u64 row, u32 count, Triangle* list) {
    const u32 sum = inclusive_sum(count);
    Triangle* to = list + (sum - count);
    MC_SHORT_LOOP
    for (; count; --count, row >>= 12, ++to) to->all = places_of_ids(row);
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

// Writes a batch's triangles, three lines of 32 ids at a time: those are 32 triangles.
template <class Index, class Target>
MC_HD void store_triangles(const Triangle* triangles, const Index* ids, u32 total, Target to) {
    const u32 first = static_cast<u32>(lane());
    const auto place = [&](u32 k) { return &triangles[k / 3].places[k % 3]; };
    const u16 *line_0 = place(first), *line_1 = place(first + 32), *line_2 = place(first + 64);
    to.pass(first);
    MC_SHORT_LOOP
    for (u32 k = first; k < 3 * total; k += 96) {
        to.put(0, ids[*line_0]);
        if (k + 32 < 3 * total) to.put(32, ids[*line_1]);
        if (k + 64 < 3 * total) to.put(64, ids[*line_2]);
        line_0 += 4 * 32, line_1 += 4 * 32, line_2 += 4 * 32;
        to.pass(96);
    }
}

// The triangles of a warp's cells; they follow one another. `own` is what the warp keeps in shared memory.
template <class Target, class Index, class Cells>
MC_HD void store_faces(Target to, const CellWord<Index>& word, u32 cells, Cells& own) {
    const u32 count = static_cast<u32>(popcount(cells)), sum = inclusive_sum(count);
    Marks marks{cells, sum - count};
    const auto list = [&](u32 begin, u32 end) { marks.list(own.list, begin, end, 0); };
    in_batches(__shfl_sync(kWholeWarp, sum, 31), own.list, list, [&](Listed item, u32, u32 batch) {
        const u64 row = make_ids(word, item.lane(), item.voxel(), own.ids);
        const u32 triangles = static_cast<u32>(lane()) < batch ? triangles_of_row(row) : 0;
        const u32 total = list_triangles(row, triangles, own.triangles);
        __syncwarp();
        store_triangles(own.triangles, own.ids, total, to);
        __syncwarp();
        to.pass(3 * total);
    });
}

// Those of a segment.
template <class Target, class Index, class Coord>
MC_HD void emit_faces(const Job& job, const WarpSegment& segment, const CellWord<Index>& word, u32 cells,
                      Staging<Index, Coord>& staging) {
    const i64 tile = static_cast<i64>(segment.z) * job.plane_tiles.by + segment.of_plane / kTileSegments;
    const Target to(job, segment.z, job.triangle_tiles[tile] + job.triangles[segment.number(job)]);
    store_faces(to, word, cells, staging.cells);
}

template <class Index, bool kUsed>
struct FacesOf {
    using Type = Faces<Index>;
};
template <>
struct FacesOf<i64, true> {
    using Type = FacesOfAWidth;
};

// A segment, of which `active` words own anything.
template <class T, bool kUsed, class Index, class Coord>
MC_HD void emit_segment(const Job& job, const WarpSegment& segment, u32 active, Staging<Index, Coord>& own) {
    const WordPlace place(job, segment.of_plane * kSegmentWords + static_cast<u32>(lane()));
    CellWord<Index> word{};
    u32 cells = 0;
    if (active >> lane() & 1u) {
        const WordRows rows(job, job.bits, segment.z, place);
        find_edges(job, segment.z, place, rows, word);
        if (segment.z + 1 < job.nz && place.y + 1 < job.ny)
            cells = active_cells(rows.cells(), counting_cells<kUsed>(job, segment.z, place));
        if (kUsed && job.cells) keep_used_edges(job, segment.z, place, rows, cells, word);
        if (cells) find_ids(job, segment.z, place.number, rows, word);
    }
    const SegmentIds ids(job, segment);
    word.in_plane[0] = static_cast<Index>(ids.in_plane) + static_cast<Index>(ids.rank & 0xffffu);
    word.upright[0] = static_cast<Index>(ids.upright) + static_cast<Index>(ids.rank >> 16);
    store_vertices(job, segment, ids, {word.x[0], word.y[0], word.z[0]}, own.vertices,
                   static_cast<Coord*>(job.verts),
                   [&](const WordPlace& of_item, const Listed& item, Coord* to) {
                       if constexpr (kUsed)
                           make_held_vertex<T>(job, segment.z, of_item, item, to);
                       else
                           make_vertex<T>(job, segment.z, of_item, item, to);
                   });
    using Target = typename FacesOf<Index, kUsed>::Type;
    emit_faces<Target>(job, segment, word, cells, own);
}

// With kUsed not all cells may count, the border may be closed, and faces have either width: such kernels are
// few, for the sake of the wheel.
template <class T, class Index, bool kUsed>
MC_HD void emit(const Job& job) {
    __shared__ Staging<Index, typename EmitType<T>::Coord> staging[kEmitThreads / 32];
    for_active_segments(job, [&](const WarpSegment& segment, u32 active) {
        emit_segment<T, kUsed>(job, segment, active, staging[warp_of_block()]);
    });
}

}  // namespace mc::cuda
