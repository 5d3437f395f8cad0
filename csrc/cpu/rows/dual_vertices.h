// SPDX-License-Identifier: MIT
// Stage 4 of the dual mesh: a vertex at the mean of each patch's crossings, from the cell's eight samples.
#pragma once

#include "../../core/patch_mean.h"
#include "dual_words.h"
#include "stage4_emit.h"

namespace {

// A bit for each edge of a case that is crossed; and how many of a patch's edges lie on the upper side of the
// cell in x, y and z without running along it, and how many there are.
struct EdgeSum {
    u8 upper[3], edges;

    constexpr EdgeSum() : upper{}, edges(0) {}
    explicit constexpr EdgeSum(int patch) : upper{}, edges(0) {
        for (int edge = 0; edge < kEdges; ++edge) {
            if (!(patch >> edge & 1)) continue;
            ++edges;
            for (int axis = 0; axis < 3; ++axis)
                upper[axis] = static_cast<u8>(upper[axis] + (edge_lower_corner(edge) >> axis & 1));
        }
    }
};

struct CaseSums {
    u16 crossed[kCases];
    EdgeSum sum[kCases];

    constexpr CaseSums() : crossed{}, sum{} {
        for (int cube_case = 0; cube_case < kCases; ++cube_case) {
            int patch = 0;
            for (int edge = 0; edge < kEdges; ++edge)
                patch |= ((cube_case >> edge_lower_corner(edge) ^ cube_case >> edge_upper_corner(edge)) & 1)
                         << edge;
            crossed[cube_case] = static_cast<u16>(patch);
            sum[cube_case] = EdgeSum(patch);
        }
    }
};
alignas(64) constexpr CaseSums kCaseSums;

// 1 / n: what each of n crossings weighs.
template <class Real>
struct Shares {
    Real of[16];

    constexpr Shares() : of{} {
        for (int n = 1; n < 16; ++n) of[n] = Real(1) / static_cast<Real>(n);
    }
};
template <class Real>
constexpr Shares<Real> kShares;

// A cell of the batch: its corners' samples, and where its lower corner is.
template <class Real>
struct CellSamples {
    Real corner[kCorners], at[3];
    bool is_before[3], is_after[3];  // is a side of the cell in the layer around the volume?

    // The layer around the volume has no samples; those nearest to it stand in, and are not looked at.
    template <class T>
    CellSamples(const CellBatch& batch, const T*, i64 x, i64 row) {
        const i64 y = batch.y + row, z = batch.z;
        const T* low = static_cast<const T*>(batch.samples) + x * batch.stride_x + row * batch.stride_y;
        const i64 step_x = x >= 0 && x + 1 < batch.nx ? batch.stride_x : 0;
        const i64 step_y = y >= 0 && y + 1 < batch.ny ? batch.stride_y : 0;
        const i64 step_z = z >= 0 && z + 1 < batch.nz ? batch.stride_z : 0;
        if (x < 0) low += batch.stride_x;
        if (y < 0) low += batch.stride_y;
        if (z < 0) low += batch.stride_z;
        for (int c = 0; c < kCorners; ++c)
            corner[c] =
                SampleType<T>::read(low[(c & 1) * step_x + (c >> 1 & 1) * step_y + (c >> 2) * step_z]);
        const i64 low_corner[3] = {x, y, z}, sides[3] = {batch.nx, batch.ny, batch.nz};
        for (int axis = 0; axis < 3; ++axis) {
            at[axis] = static_cast<Real>(low_corner[axis]);
            is_before[axis] = low_corner[axis] < 0;
            is_after[axis] = low_corner[axis] >= sides[axis] - 1;
        }
    }
};

template <class Coord, class Real>
void put_mean(const CellSamples<Real>& cell, int patch, const EdgeSum& sum, const CellBatch& batch,
              Coord* to) {
    const Real level = level_as<Real>(*batch.level), share = kShares<Real>.of[sum.edges];
    for (int axis = 0; axis < 3; ++axis) {
        const int crossed = patch >> (4 * axis) & 15;
        Real t[4];
        for (int k = 0; k < 4; ++k) {
            const int low = edge_lower_corner(4 * axis + k), high = edge_upper_corner(4 * axis + k);
            const Real fraction = edge_fraction(cell.corner[low], cell.corner[high], level);
            t[k] = crossed >> k & 1 ? fraction : Real(0);
        }
        to[axis] = static_cast<Coord>(mean_on_axis<Real>(t, crossed, sum.upper[axis], share, cell.at[axis],
                                                         cell.is_before[axis], cell.is_after[axis]));
    }
}

// A vector level computes cells whose samples are all smaller than this: their differences are never beyond
// float32.
constexpr float kUsual = 8.5e37f;

// Cells of one vertex: `count` of the batch, from `first` on.
template <class T>
void emit_cells(const CellBatch& batch, int first, int count, typename SampleType<T>::Coord* to) {
    using Real = typename SampleType<T>::Real;
    const Real level = level_as<Real>(*batch.level);
    for (int k = first; k < first + count; ++k, to += 3) {
        const CellSamples<Real> cell(batch, static_cast<const T*>(nullptr), batch.x[k], batch.row[k]);
        int cube_case = 0;
        for (int c = 0; c < kCorners; ++c) cube_case |= (cell.corner[c] < level) << c;
        put_mean(cell, kCaseSums.crossed[cube_case], kCaseSums.sum[cube_case], batch, to);
    }
}

template <class T>
void emit_cells(CellBatch& batch) {
    using Coord = typename SampleType<T>::Coord;
    emit_cells<T>(batch, 0, batch.size, static_cast<Coord*>(batch.to));
    batch.to = static_cast<Coord*>(batch.to) + 3 * batch.size;
    batch.size = 0;
}

template <class T>
void emit_rare_cell(const DualRow& row, int cube_case, i64 x, i64 after, i64 border, CellBatch& batch) {
    using Real = typename SampleType<T>::Real;
    const CellSamples<Real> cell(batch, static_cast<const T*>(nullptr), x - border, after);
    typename SampleType<T>::Coord* to = static_cast<typename SampleType<T>::Coord*>(batch.to);
    for_each_vertex_of_rare(row, cube_case, x, [&](int loop, int) {
        put_mean(cell, loop, EdgeSum(loop), batch, to);
        to += 3;
    });
    batch.to = to;
}

inline void append_cells(u64 cells, i64 x, i64 row, CellBatch& batch) {
    for (; cells; cells &= cells - 1, ++batch.size) {
        batch.x[batch.size] = static_cast<i32>(x + lowest_bit(cells));
        batch.row[batch.size] = static_cast<i32>(row);
    }
}

template <class Lanes, class T>
void add_dual_row(const DualRow& row, i64 after, i64 border, CellBatch& batch) {
    for (i64 w = 0; w < row.planes->words; ++w) {
        const DualWord word(row, w);
        if (!word.active) continue;
        u64 left = word.active;
        for (u64 rare = word.rare(row, w); rare; rare &= rare - 1) {
            const int i = lowest_bit(rare);
            const u64 before = left & bits_below<u64>(i);
            Lanes::append_cells(before, 64 * w - border, after, batch);
            left &= ~before & ~(u64(1) << i);
            Lanes::template emit_cells<T>(batch);
            emit_rare_cell<T>(row, case_of_cell(word.inside, i), 64 * w + i, after, border, batch);
        }
        Lanes::append_cells(left, 64 * w - border, after, batch);
        if (batch.size >= kCellList) Lanes::template emit_cells<T>(batch);
    }
}

template <class Lanes, class T>
void flush_cells(CellBatch& batch) {
    Lanes::template emit_cells<T>(batch);
}

}  // namespace
