// SPDX-License-Identifier: MIT
// How a crossing moves where its edge's ends are displaced too. It lies at t along the edge, t as in
// edge_gradient.h, and (1 - t) `from` + t `to` beside it, so that a loss whose derivative by its place is g
// has one by t of  g on the edge's axis + g (to - from),  by `from` of g (1 - t), by `to` of g t.
#pragma once

#include "edge_gradient.h"

namespace mc {

// An edge along an axis: its ends' samples, the level, and how far the ends are displaced, on x, y and z.
struct DisplacedEdge {
    int axis;
    double a, b, level;
    double from[3], to[3];
};

// What it adds to the gradients of samples, level and displacements.
struct DisplacedGradient {
    EdgeGradient by;
    double from[3], to[3];
};

// A direction in which all of them move.
struct DisplacedDirection {
    EdgeDirection samples;
    double from[3], to[3];
};

// A loss's derivative by t, from that by the crossing's place.
MC_HD double along_edge(const DisplacedEdge& edge, const double (&g)[3]) {
    double sum = g[edge.axis];
    for (int k = 0; k < 3; ++k) sum += g[k] * (edge.to[k] - edge.from[k]);
    return sum;
}

MC_HD DisplacedGradient displaced_gradient(const DisplacedEdge& edge, const double (&g)[3]) {
    const double t = edge_fraction(edge.a, edge.b, edge.level);
    DisplacedGradient found{edge_gradient(edge.a, edge.b, edge.level, along_edge(edge, g)), {}, {}};
    for (int k = 0; k < 3; ++k) {
        found.from[k] = g[k] * (1 - t);
        found.to[k] = g[k] * t;
    }
    return found;
}

// The derivative of that in a direction.
MC_HD DisplacedGradient second_displaced(const DisplacedEdge& edge, const double (&g)[3],
                                         const DisplacedDirection& to) {
    const SecondGradient second =
        second_gradient(edge.a, edge.b, edge.level, along_edge(edge, g), to.samples);
    DisplacedGradient found{second.by, {}, {}};
    double turned = 0;
    for (int k = 0; k < 3; ++k) {
        turned += g[k] * (to.to[k] - to.from[k]);
        found.from[k] = -(g[k] * second.along);
        found.to[k] = g[k] * second.along;
    }
    const EdgeGradient more = edge_gradient(edge.a, edge.b, edge.level, turned);
    found.by = {second.by.lower + more.lower, second.by.upper + more.upper, second.by.level + more.level};
    return found;
}

// How far the crossing moves in a direction, on an axis.
MC_HD double crossing_moves(const DisplacedEdge& edge, const DisplacedDirection& to, int axis) {
    const double t = edge_fraction(edge.a, edge.b, edge.level);
    const double along = second_gradient(edge.a, edge.b, edge.level, 0, to.samples).along;
    const double step = (axis == edge.axis ? 1 : 0) + (edge.to[axis] - edge.from[axis]);
    return step * along + (1 - t) * to.from[axis] + t * to.to[axis];
}

}  // namespace mc
