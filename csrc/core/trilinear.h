// SPDX-License-Identifier: MIT
// Trilinear interpolation on the grid of samples, clamped to it on both sides.
#pragma once

#include "host_device.h"

namespace mc {

// A coordinate between two samples of an axis: `low` and `low + step`, and how far towards the latter.
template <class Real>
struct AxisPosition {
    i64 low;
    i64 step;  // 1, or 0 on the last sample
    Real fraction;
};

// `at` in voxel units on an axis of `n` samples. NaN gives the fraction NaN, and so the value NaN.
template <class Real>
MC_HD AxisPosition<Real> locate(Real at, i64 n) {
    const Real end = static_cast<Real>(n - 1);
    if (at != at) return {0, 0, at};
    if (!(at > Real(0))) return {0, 0, Real(0)};
    if (!(at < end)) return {n - 1, 0, Real(0)};
    const i64 low = static_cast<i64>(at);
    if (low >= n - 1) return {n - 1, 0, Real(0)};
    return {low, 1, at - static_cast<Real>(low)};
}

struct Lerp {
    template <class Real>
    MC_HD Real operator()(Real a, Real b, Real t) const {
        return a * (Real(1) - t) + b * t;
    }
};

// The same where samples may be infinite or NaN: on `a` itself `b` plays no part, though 0 * b is NaN.
struct LerpBeyond {
    template <class Real>
    MC_HD Real operator()(Real a, Real b, Real t) const {
        return t == Real(0) ? a : Lerp()(a, b, t);
    }
};

// The eight samples around a point, as offsets from a channel's first sample, and the point's fractions.
template <class Real>
struct Trilinear {
    i64 base, step_x, step_y, step_z;
    Real tx, ty, tz;

    // Along x first, then y, then z. What is not finite on the way stays so to the end.
    MC_HD Real value(const Real* samples) const {
        const Real usual = along(samples, Lerp());
        return usual - usual == Real(0) ? usual : along(samples, LerpBeyond());
    }

private:
    template <class Between>
    MC_HD Real along(const Real* samples, const Between& between) const {
        const Real* at = samples + base;
        const Real c00 = between(at[0], at[step_x], tx);
        const Real c10 = between(at[step_y], at[step_y + step_x], tx);
        const Real c01 = between(at[step_z], at[step_z + step_x], tx);
        const Real c11 = between(at[step_z + step_y], at[step_z + step_y + step_x], tx);
        return between(between(c00, c10, ty), between(c01, c11, ty), tz);
    }
};

template <class Real>
MC_HD Trilinear<Real> trilinear_at(const Real* point, i64 nz, i64 ny, i64 nx) {
    const AxisPosition<Real> x = locate(point[0], nx), y = locate(point[1], ny), z = locate(point[2], nz);
    return {(z.low * ny + y.low) * nx + x.low,
            x.step,
            y.step * nx,
            z.step * ny * nx,
            x.fraction,
            y.fraction,
            z.fraction};
}

}  // namespace mc
