// SPDX-License-Identifier: MIT
// The volume's gradient at a sample, and the normal of a vertex between two.
#pragma once

#include "host_device.h"

namespace mc {

struct Vector {
    double x, y, z;
};

// The slope at a sample on one axis, in values a sample: central where both neighbours count, one-sided where
// one does, 0 where none does. Of a neighbour that does not count the value is not looked at.
MC_HD double slope(bool has_lower, double lower, double at, bool has_upper, double upper) {
    if (has_lower && has_upper) return (upper - lower) / 2;
    if (has_lower) return at - lower;
    return has_upper ? upper - at : 0.0;
}

// A fraction of the way from `a` to `b`.
MC_HD double mix(double a, double b, double fraction) { return a * (1 - fraction) + b * fraction; }

// The direction of a gradient whose squares would overflow or vanish.
MC_HD Vector scaled_normal(const Vector& g, const Vector& otherwise) {
    const auto magnitude = [](double v) { return v < 0 ? -v : v; };
    double largest = magnitude(g.x);
    if (magnitude(g.y) > largest) largest = magnitude(g.y);
    if (magnitude(g.z) > largest) largest = magnitude(g.z);
    const Vector n{g.x / largest, g.y / largest, g.z / largest};
    const double length = square_root(n.x * n.x + n.y * n.y + n.z * n.z);
    if (!(length >= 1)) return otherwise;  // 0 / 0 or infinite: NaN
    return {n.x / length, n.y / length, n.z / length};
}

// The direction of the gradient a fraction of the way between an edge's ends, where samples lie `spacing`
// apart. Where it has none (a flat volume, an infinite sample), that of the edge, towards its higher end.
MC_HD Vector vertex_normal(const Vector& lower, const Vector& upper, double fraction, const Vector& spacing,
                           const Vector& towards_higher) {
    const Vector g{mix(lower.x, upper.x, fraction) / spacing.x, mix(lower.y, upper.y, fraction) / spacing.y,
                   mix(lower.z, upper.z, fraction) / spacing.z};
    const double length = square_root(g.x * g.x + g.y * g.y + g.z * g.z);
    // Beyond these a square has lost digits, or there is no gradient; a NaN is neither.
    if (length > 1e-140 && length < 1e140) return {g.x / length, g.y / length, g.z / length};
    return scaled_normal(g, towards_higher);
}

}  // namespace mc
