// SPDX-License-Identifier: MIT
// Stage 4: every vertex and triangle written at its own address. A warp takes a segment, its active words
// one after the other, a lane a voxel or cell.
#pragma once

#include "stage1_classify.cuh"
#include "stage2_count.cuh"

namespace mc::cuda {

// The id of a word's first vertex: its tile's, its segment's within the tile, its own within the segment.
MC_HD i64 first_in_plane(const Job& job, i64 z, i64 y, i64 w) {
    const i64 number = word_number(job, z, y, w), tile = (number - z * plane_words(job)) / kTileWords;
    return job.vertex_tiles[2 * z * job.plane_tiles + tile] + job.in_plane[number / kSegmentWords] +
           (job.ranks[number] & 0xffffu);
}

MC_HD i64 first_upright(const Job& job, i64 z, i64 y, i64 w) {
    const i64 number = word_number(job, z, y, w), tile = (number - z * plane_words(job)) / kTileWords;
    return job.vertex_tiles[(2 * z + 1) * job.plane_tiles + tile] + job.upright[number / kSegmentWords] +
           (job.ranks[number] >> 16);
}

// Word w of row (z, y) with its crossed edges, and the ids that cells ask of it.
MC_HD EdgeWord<u32> edge_word(const Job& job, const WordPlace& at) {
    const Neighbours near(job, at);
    const u32* row = job.bits + word_number(job, at.z, at.y, at.w);
    const u32 next = at.w + 1 < job.row_words ? row[1] : 0u;
    const RowBits<u32> here = row_bits<u32>(row[0], next);
    EdgeWord<u32> word{};
    word.at = here.at;
    word.after = here.after;
    word.x = (here.at ^ here.after) & with_neighbour(job, at.w);
    const u32 next_x = (next ^ next >> 1) & with_neighbour(job, at.w + 1);
    word.x_after = row_bits<u32>(word.x, next_x).after;
    word.y = here.at ^ job.bits[word_number(job, at.z, near.y[1], at.w)];
    word.z = here.at ^ job.bits[word_number(job, near.z[1], at.y, at.w)];
    word.in_plane = first_in_plane(job, at.z, at.y, at.w);
    word.upright = first_upright(job, at.z, at.y, at.w);
    return word;
}

// The segment of this warp, and which of its words own anything.
struct WarpSegment {
    i64 z, of_plane, number;  // its plane, its number in the plane and in the volume
    u32 active;

    // The grid has nz * plane_segments warps, at least.
    MC_HD explicit WarpSegment(const Job& job) {
        number = global_warp();
        z = number / job.plane_segments;
        of_plane = number % job.plane_segments;
        active = z < job.nz ? job.active[number] : 0u;
    }

    MC_HD WordPlace place(const Job& job, int word) const {
        return place_in_plane(job, z, of_plane * kSegmentWords + word);
    }
};

template <class Coord, class Real>
MC_HD void write_vertex(void* verts, i64 id, Real x, Real y, Real z) {
    Coord* to = static_cast<Coord*>(verts) + 3 * id;
    to[0] = static_cast<Coord>(x);
    to[1] = static_cast<Coord>(y);
    to[2] = static_cast<Coord>(z);
}

// The vertices that this lane's voxel owns.
template <class T>
MC_HD void emit_voxel(const Job& job, const WordPlace& at, const EdgeWord<u32>& word) {
    using Real = typename SampleType<T>::Real;
    using Coord = typename SampleType<T>::Coord;
    const int i = lane();
    if (!((word.x | word.y | word.z) >> i & 1)) return;
    const i64 x = at.w * kWordBits + i;
    const T* sample =
        static_cast<const T*>(job.samples) + at.z * job.stride_z + at.y * job.stride_y + x * job.stride_x;
    const Real level = level_as<Real>(job), low = SampleType<T>::read(*sample);
    const Real fx = static_cast<Real>(x), fy = static_cast<Real>(at.y), fz = static_cast<Real>(at.z);
    const auto fraction = [&](i64 stride) {
        return edge_fraction(low, SampleType<T>::read(sample[stride]), level);
    };
    i64 id = word.in_plane + in_plane_rank(word.x, word.y, i);
    if (word.x >> i & 1) write_vertex<Coord>(job.verts, id++, fx + fraction(job.stride_x), fy, fz);
    if (word.y >> i & 1) write_vertex<Coord>(job.verts, id, fx, fy + fraction(job.stride_y), fz);
    id = word.upright + popcount(word.z & bits_below<u32>(i));
    if (word.z >> i & 1) write_vertex<Coord>(job.verts, id, fx, fy, fz + fraction(job.stride_z));
}

template <class T>
MC_HD void emit_vertices(const Job& job) {
    const WarpSegment segment(job);
    for (u32 left = segment.active; left; left &= left - 1) {
        const WordPlace at = segment.place(job, lowest_bit(left));
        emit_voxel<T>(job, at, edge_word(job, at));
    }
}

// This lane's cell: its triangles go to `first` and on. Ids wait in shared memory, since which of them a
// triangle wants is known only at run time.
template <class Index>
MC_HD void emit_cell(const Job& job, const EdgeWord<u32>* const (&rows)[4], int cube_case, i64 first) {
    __shared__ Index ids[kEdges][kThreads];
    ids_of_cell(rows, lane(), [](int edge, i64 id) { ids[edge][threadIdx.x] = static_cast<Index>(id); });
    Index* to = static_cast<Index*>(job.faces) + 3 * first;
    const u8* edge = kCaseTable.edges[cube_case];
    const int count = 3 * kCaseTable.triangles[cube_case];
    for (int k = 0; k < count; ++k) to[k] = ids[edge[k]][threadIdx.x];
}

// A word of cells; returns how many triangles they have.
template <class Index>
MC_HD i64 emit_word(const Job& job, const WordPlace& at, i64 first) {
    EdgeWord<u32> words[4];
    for (int yz = 0; yz < 4; ++yz) words[yz] = edge_word(job, {at.z + (yz >> 1), at.y + (yz & 1), at.w});
    const EdgeWord<u32>* const rows[4] = {&words[0], &words[1], &words[2], &words[3]};
    const CellRows<u32> cells = bits_of(rows);
    const u32 active = active_cells(cells, with_neighbour(job, at.w));
    const bool mine = active >> lane() & 1;
    const int cube_case = mine ? case_of_cell(cells, lane()) : 0;
    const u32 own = kCaseTable.triangles[cube_case], sum = inclusive_sum(own);
    if (mine) emit_cell<Index>(job, rows, cube_case, first + sum - own);
    return __shfl_sync(kWholeWarp, sum, 31);
}

template <class Index>
MC_HD void emit_faces(const Job& job) {
    const WarpSegment segment(job);
    if (!segment.active || segment.z + 1 >= job.nz) return;
    i64 next = job.triangle_tiles[segment.z * job.plane_tiles + segment.of_plane / kTileSegments] +
               job.triangles[segment.number];
    for (u32 left = segment.active; left; left &= left - 1) {
        const WordPlace at = segment.place(job, lowest_bit(left));
        if (at.y + 1 < job.ny) next += emit_word<Index>(job, at, next);
    }
}

}  // namespace mc::cuda
