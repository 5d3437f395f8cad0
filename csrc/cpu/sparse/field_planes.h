// SPDX-License-Identifier: MIT
// The planes of a field's finest grid: how the mesh's stages see it, and how planes that are known whole are
// kept.
#pragma once

#include "field_grid.h"
#include "sparse_plane.h"

namespace mc::cpu {

// A source of planes for sparse_mesh.h, as one thread makes them.
template <class Real>
class FieldPlanes {
public:
    // `whole`: every sample is known, on which side it is; the values that are held are known's.
    FieldPlanes(const FieldGrid<Real>& grid, bool whole) : grid_(grid), whole_(whole) {}

    i64 count() const { return grid_.known.nz; }
    i64 z(i64 k) const { return k; }
    void build(i64 z, SparsePlane<Real>& plane);

private:
    void find_cells(i64 z, std::vector<u64>& to) const;

    const FieldGrid<Real>& grid_;
    bool whole_;
    std::vector<u64> cells_, cells_below_;  // of the plane built last, and of the one below it
    i64 built_ = -2;
    std::vector<i64> ranks_;  // of each word of the plane: of its first value among the plane's
};

// Takes planes that are known whole, one after the other, and keeps of their values those that a vertex
// needs.
template <class Real>
class WholePlanes {
public:
    explicit WholePlanes(FieldGrid<Real>& grid) : grid_(grid) {}
    // The values of the plane after the last one.
    void add(std::vector<Real>&& values, Real level);

private:
    void mark_in_plane(i64 z);
    void mark_upright(i64 z);
    void keep(i64 z, const std::vector<Real>& values);

    FieldGrid<Real>& grid_;
    i64 next_ = 0;
    std::vector<Real> last_;
};

}  // namespace mc::cpu
