// SPDX-License-Identifier: MIT
// The samples of one grid of a field as far as they are known.
#pragma once

#include "../team.h"
#include "bit_grid.h"

namespace mc::cpu {

template <class Real>
struct FieldGrid {
    BitGrid known, inside;
    BitGrid pending;                        // to be evaluated
    std::vector<std::vector<Real>> values;  // of each plane: its known samples', in raster order
    i64 stride = 1;                         // in samples of the finest grid

    FieldGrid() = default;
    FieldGrid(i64 nz, i64 ny, i64 nx, i64 samples_apart)
        : known(nz, ny, nx),
          inside(nz, ny, nx),
          pending(nz, ny, nx),
          values(static_cast<std::size_t>(nz)),
          stride(samples_apart) {}
    std::vector<Real>& of_plane(i64 z) { return values[static_cast<std::size_t>(z)]; }
    const std::vector<Real>& of_plane(i64 z) const { return values[static_cast<std::size_t>(z)]; }
};

// Samples a side of the grid with one sample in `stride`, and the last one.
inline i64 coarse_side(i64 side, i64 stride) { return (side - 2 + stride) / stride + 1; }

// The pending samples' values join the known ones; `taken` holds them in raster order.
template <class Real>
void settle(FieldGrid<Real>& grid, const std::vector<Real>& taken, Real level, Team& team);

// A row of cells that are crossed, out of those with all corners known; no `known`: all are.
void crossed_row(const BitGrid* known, const BitGrid& inside, i64 z, i64 y, u64* to);

// Cells with all corners known that are crossed, or have a corner marked in `near` (no bits: none has).
template <class Real>
BitGrid crossed_cells(const FieldGrid<Real>& grid, const BitGrid& near, Team& team);

// Samples that lie no further from the level than `reach`.
template <class Real>
BitGrid samples_near(const FieldGrid<Real>& grid, Real level, Real reach, Team& team);

// Cells and those around them, corners and edges included.
BitGrid widened(const BitGrid& cells, Team& team);

// pending |= the corners of cells, but for what is known.
template <class Real>
void demand_corners(FieldGrid<Real>& grid, const BitGrid& cells, Team& team);

// pending |= the corners of all cells around crossed edges, but for what is known: with these the surface
// goes on.
template <class Real>
void demand_around_edges(FieldGrid<Real>& grid, Team& team);

// The grid of half the stride, with `sides` (z, y, x) samples; pending are those in the cells of the old one.
template <class Real>
FieldGrid<Real> refined(FieldGrid<Real>&& grid, const BitGrid& cells, const i64 (&sides)[3], Team& team);

}  // namespace mc::cpu
