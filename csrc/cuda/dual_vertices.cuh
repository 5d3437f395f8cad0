// SPDX-License-Identifier: MIT
// Stage 4 of the dual mesh, first half: a vertex at the mean of each patch's crossings. A warp takes a
// segment and lists the vertices of its cells, then makes 32 of them at a time, a lane each.
#pragma once

#include "../core/patch_mean.h"
#include "dual_cells.cuh"
#include "stage4_emit.cuh"

namespace mc::cuda {

// What a warp keeps in shared memory.
template <class Real>
struct DualStaging {
    u16 list[kListedCells];
    union {
        Real corners[kCorners * 32];  // of a batch's cells: corner, lane
        Real coords[3 * 32];
    };
};

// An item of the list: the lane whose word it is in, its cell, and which of the cell's vertices it is.
struct ListedVertex {
    u32 entry;

    MC_HD ListedVertex(const Listed& item) : entry(item.entry) {}
    MC_HD int lane() const { return static_cast<int>(entry >> 8); }
    MC_HD int cell() const { return static_cast<int>(entry >> 3 & 31u); }
    MC_HD u32 number() const { return entry & 7u; }
};

// What a lane has yet to list: the vertices of its word's cells, and the place of the first in the list.
struct VertexMarks {
    CellCounts counts;
    u32 left, number, at;

    MC_HD void list(u16* list, u32 begin, u32 end) {
        u16* to = list + (at - begin);
        const u32 several = counts.several();
        MC_SHORT_LOOP
        for (; left && at < end; ++at) {
            const int i = lowest_bit(left);
            *to++ = static_cast<u16>(static_cast<u32>(lane()) << 8 | static_cast<u32>(i) << 3 | number++);
            if (several && number < counts.of(i)) continue;
            left &= left - 1;
            number = 0;
        }
    }
};

// A cell in the volume, by axis: where its lower corner is, -1 in the layer around it.
struct VolumeCell {
    i64 at[3], last[3];  // and the volume's last sample

    MC_HD VolumeCell(const Job& job, const GridCell& cell)
        : at{static_cast<i64>(cell.x) - job.border, static_cast<i64>(cell.y) - job.border,
             static_cast<i64>(cell.z) - job.border},
          last{job.volume_nx - 1, job.volume_ny - 1, job.volume_nz - 1} {}
};

// The samples at a cell's corners. The layer around the volume has none; those nearest to it stand in.
template <class T, class Real>
MC_HD void read_corners(const Job& job, const VolumeCell& cell, Real* corners) {
    const i64 stride[3] = {job.stride_x, job.stride_y, job.stride_z};
    i64 low = 0, step[3];
    for (int axis = 0; axis < 3; ++axis) {
        const bool between = !job.border || (cell.at[axis] >= 0 && cell.at[axis] < cell.last[axis]);
        low += (cell.at[axis] < 0 ? 0 : cell.at[axis]) * stride[axis];
        step[axis] = between ? stride[axis] : 0;
    }
    const auto at = [&](int c) {
        return low + (c & 1 ? step[0] : 0) + (c & 2 ? step[1] : 0) + (c & 4 ? step[2] : 0);
    };
    if (kSame<T, Single> && job.dtype == kFloat32) {
        const float* const samples = static_cast<const float*>(job.samples);
        for (int c = 0; c < kCorners; ++c) corners[32 * c] = static_cast<Real>(samples[at(c)]);
    } else {
        MC_SHORT_LOOP
        for (int c = 0; c < kCorners; ++c) corners[32 * c] = sample_at<T>(job, at(c));
    }
}

template <class Real>
MC_HD int case_of_samples(const Real* corners, Real level) {
    int cube_case = 0;
    for (int c = 0; c < kCorners; ++c) cube_case |= (corners[32 * c] < level ? 1 : 0) << c;
    return cube_case;
}

// The loop of one of a cell's vertices, an edge a bit.
MC_HD int loop_of_vertex(const DualJob& job, const GridCell& cell, u32 number) {
    int found = 0;
    u32 at = 0;
    for_each_vertex_of(job, cell, [&](int loop, int) {
        if (at++ == number) found = loop;
    });
    return found;
}

// Fractions along the four edges on an axis, 0 on those that are not `crossed`.
template <class Real>
MC_HD void find_fractions(const Real* corners, int axis, int crossed, Real level, Real (&t)[4]) {
    const int step = 1 << axis, u = axis == 0 ? 2 : 1, v = axis == 2 ? 2 : 4;  // to other corners
    for (int k = 0; k < 4; ++k) {
        const Real* const low = corners + 32 * ((k & 1 ? u : 0) + (k & 2 ? v : 0));
        const Real fraction = edge_fraction(low[0], low[32 * step], level);
        t[k] = crossed >> k & 1 ? fraction : Real(0);
    }
}

template <class Real>
MC_HD void put_mean(const VolumeCell& cell, const Real* corners, int patch, Real level, Real (&to)[3]) {
    const Real share = Real(1) / static_cast<Real>(popcount(static_cast<u32>(patch)));
    for (int axis = 0; axis < 3; ++axis) {
        constexpr int kUpper[3] = {upper_edges(0), upper_edges(1), upper_edges(2)};
        const int crossed = patch >> (4 * axis) & 15;
        Real t[4];
        find_fractions(corners, axis, crossed, level, t);
        to[axis] = mean_on_axis<Real>(t, crossed, popcount(static_cast<u32>(patch & kUpper[axis])), share,
                                      static_cast<Real>(cell.at[axis]), cell.at[axis] < 0,
                                      cell.at[axis] >= cell.last[axis]);
    }
}

template <class T, class Real>
MC_HD void make_dual_vertex(const DualJob& job, const GridCell& at, bool rare, u32 number, Real* corners,
                            Real (&to)[3]) {
    const VolumeCell cell(job, at);
    const Real level = level_as<Real>(job);
    read_corners<T>(job, cell, corners);
    const int patch =
        rare ? loop_of_vertex(job, at, number) : kPatchTable.edges[case_of_samples(corners, level)][0];
    put_mean(cell, corners, patch, level, to);
}

// A batch's coordinates follow one another.
template <class Real>
MC_HD void store_coords(const DualJob& job, const Real* coords, i64 first, u32 count) {
    for (int line = 0; line < 3; ++line) {
        const u32 k = static_cast<u32>(lane() + 32 * line);
        if (k >= 3 * count) continue;
        if (job.wide_verts)
            static_cast<double*>(job.verts)[3 * first + k] = static_cast<double>(coords[k]);
        else
            static_cast<float*>(job.verts)[3 * first + k] = static_cast<float>(coords[k]);
    }
}

// The vertices of a segment, of which `active` words own anything.
template <class T, class Real>
MC_HD void emit_dual_vertices_of(const DualJob& job, const WarpSegment& segment, u32 active,
                                 DualStaging<Real>& own) {
    const u32 first_word = segment.of_plane * kSegmentWords;
    const u32* const ranks = plane_of(job, job.ranks, segment.z);
    CellCounts counts{};
    DualCells cells;
    if (active >> lane() & 1u) {
        const WordPlace place(job, first_word + static_cast<u32>(lane()));
        counts = counts_at(job, segment.z, place.number, ranks[place.number]);
        cells = DualCells(job, segment.z, place, WordRows(job, job.bits, segment.z, place).cells());
    }
    const u32 count = counts.sum(~0u), sum = inclusive_sum(count);
    VertexMarks marks{counts, counts.bit[0] | counts.several(), 0, sum - count};
    const i64 first = first_vertex(job, segment.z, first_word, ranks[first_word]);
    const auto list = [&](u32 begin, u32 end) { marks.list(own.list, begin, end); };
    in_batches(__shfl_sync(kWholeWarp, sum, 31), own.list, list, [&](Listed listed, u32 begin, u32 batch) {
        const ListedVertex item(listed);
        const bool rare = __shfl_sync(kWholeWarp, cells.rare, item.lane()) >> item.cell() & 1u;
        const WordPlace place(job, first_word + static_cast<u32>(item.lane()));
        Real place_of_vertex[3];
        if (static_cast<u32>(lane()) < batch)
            make_dual_vertex<T>(job,
                                {place.w * kWordBits + static_cast<u32>(item.cell()), place.y, segment.z},
                                rare, item.number(), own.corners + lane(), place_of_vertex);
        __syncwarp();
        for (int axis = 0; axis < 3; ++axis) own.coords[3 * lane() + axis] = place_of_vertex[axis];
        __syncwarp();
        store_coords(job, own.coords, first + begin, batch);
        // No barrier: where a lane reads coordinates is where it puts its next corners.
    });
}

// A warp a run of segments.
template <class T>
MC_HD void emit_dual_vertices(const DualJob& job) {
    __shared__ DualStaging<typename EmitType<T>::Real> staging[kEmitThreads / 32];
    for_active_segments(job, [&](const WarpSegment& segment, u32 active) {
        emit_dual_vertices_of<T>(job, segment, active, staging[warp_of_block()]);
    });
}

}  // namespace mc::cuda
