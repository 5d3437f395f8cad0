// SPDX-License-Identifier: MIT
// Where a vertex of the dual mesh lies: at the mean of its patch's crossings, an axis at a time.
#pragma once

#include "cube.h"

namespace mc {

// Edges, a bit each, on a cell's upper side on an axis that they do not run along.
constexpr int upper_edges(int axis) {
    int edges = 0;
    for (int edge = 0; edge < kEdges; ++edge) edges |= (edge_lower_corner(edge) >> axis & 1) << edge;
    return edges;
}

// The coordinate on an axis of a cell at `at`: `t` are the fractions of the cell's edges along it, 0 where
// one is not the patch's, `crossed` a bit each, `upper` how many of the patch's others lie on the cell's
// upper side, `share` 1 over the number of all. The sums run in one order whatever the edges: every backend
// rounds alike. Towards the layer around the volume, before the cell or after it, the surface is met at the
// volume's own sample.
template <class Real>
MC_HD Real mean_on_axis(const Real (&t)[4], int crossed, int upper, Real share, Real at, bool is_before,
                        bool is_after) {
    Real along = (t[0] + t[1]) + (t[2] + t[3]);
    if (is_before) along = static_cast<Real>(popcount(static_cast<u32>(crossed)));
    if (is_after) along = Real(0);
    return at + (along + static_cast<Real>(upper)) * share;
}

}  // namespace mc
