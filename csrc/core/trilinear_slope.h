// SPDX-License-Identifier: MIT
// How an interpolated value changes with the point: on an axis on which a point is held to the grid not at
// all, on a sample's own plane as above it. In double, whatever the samples are.
#pragma once

#include "trilinear.h"

namespace mc {

struct Slope {
    double along[3];  // x, y, z
};

template <class Real>
MC_HD Slope slope_of(const Trilinear<Real>& at, const Real* samples) {
    const LerpBeyond between;
    const double x = static_cast<double>(at.tx), y = static_cast<double>(at.ty),
                 z = static_cast<double>(at.tz);
    const auto sample = [&](i64 step) { return static_cast<double>(samples[at.base + step]); };
    double along_x[4], difference[4];  // of the four x-edges, y before z
    for (int yz = 0; yz < 4; ++yz) {
        const i64 from = (yz & 1 ? at.step_y : 0) + (yz & 2 ? at.step_z : 0);
        along_x[yz] = between(sample(from), sample(from + at.step_x), x);
        difference[yz] = at.step_x ? sample(from + at.step_x) - sample(from) : 0;
    }
    return {{at.step_x ? between(between(difference[0], difference[1], y),
                                 between(difference[2], difference[3], y), z)
                       : 0,
             at.step_y ? between(along_x[1] - along_x[0], along_x[3] - along_x[2], z) : 0,
             at.step_z ? between(along_x[2], along_x[3], y) - between(along_x[0], along_x[1], y) : 0}};
}

// A loss's gradient by a point, value(c) being that by the value of channel c there. A point with a NaN gets
// 0, and so does an axis on which the value stands still, whatever the loss.
template <class Real, class Value>
MC_HD Slope gradient_of_point(const Real* point, const Real* samples, i64 channels, i64 nz, i64 ny, i64 nx,
                              const Value& value) {
    Slope sum{};
    if (point[0] != point[0] || point[1] != point[1] || point[2] != point[2]) return sum;
    const Trilinear<Real> at = trilinear_at(point, nz, ny, nx);
    for (i64 c = 0; c < channels; ++c) {
        const Slope slope = slope_of(at, samples + c * nz * ny * nx);
        for (int axis = 0; axis < 3; ++axis)
            if (slope.along[axis] != 0) sum.along[axis] += value(c) * slope.along[axis];
    }
    return sum;
}

}  // namespace mc
