// SPDX-License-Identifier: MIT
// How a vertex moves along its edge with the samples at the edge's ends and with the level. Its place is
// t = (level - a) / (b - a) of the way from `a`, so that with w = g / (b - a) a loss whose derivative by t is
// g changes by -w (1 - t) with a, by -w t with b, and by w with the level. Computed in double, whatever the
// samples are: the difference of two floats is no subnormal double, and its inverse is finite.
#pragma once

#include "edge_vertex.h"

namespace mc {

// What one edge adds to the gradient of its lower sample, of its upper one, and of the level.
struct EdgeGradient {
    double lower, upper, level;
};

// An edge as its vertex's motion sees it.
struct EdgeSlope {
    double inverse;  // 1 / (b - a)
    double t;
};

// Where the difference or its inverse is beyond the type, the vertex is taken to stand still: one of the
// samples is infinite, or they are float64 of more than half the largest or less than the least normal number
// apart.
MC_HD EdgeSlope edge_slope(double a, double b, double level) {
    const double whole = b - a, inverse = 1 / whole;
    if (is_beyond(whole) || is_beyond(inverse)) return {0, 0};
    return {inverse, (level - a) * inverse};
}

MC_HD EdgeGradient edge_gradient(double a, double b, double level, double g) {
    const EdgeSlope edge = edge_slope(a, b, level);
    const double w = g * edge.inverse;
    return {-(w * (1 - edge.t)), -(w * edge.t), w};
}

// A direction in which samples and level move.
struct EdgeDirection {
    double a, b, level;
};

// The derivative of g's edge_gradient in a direction by a, b and the level, and by g itself: `along`, which
// is how far the vertex moves.
struct SecondGradient {
    EdgeGradient by;
    double along;
};

MC_HD SecondGradient second_gradient(double a, double b, double level, double g, const EdgeDirection& to) {
    const EdgeSlope edge = edge_slope(a, b, level);
    const double moved = to.level - (1 - edge.t) * to.a - edge.t * to.b, turned = to.b - to.a;
    const double w = g * edge.inverse * edge.inverse;
    return {{w * (turned * (1 - edge.t) + moved), w * (turned * edge.t - moved), -(w * turned)},
            moved * edge.inverse};
}

// The level's gradient is summed in one order, whoever computes: a sample's x-, y- and z-edge; 32 neighbours
// of a row in pairs, 16 apart, then 8, and on; those of a row, rows, planes one after the other.
constexpr int kLevelLanes = 32;

}  // namespace mc
