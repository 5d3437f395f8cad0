// SPDX-License-Identifier: MIT
// The gradient of interpolated values by the points, a thread a point; the rule is core/trilinear_slope.h's,
// as on the CPU. That by the samples is the CPU's: a sample would have to find its points.
#pragma once

#include "../core/trilinear_slope.h"
#include "gradient_job.h"
#include "warp.cuh"

namespace mc::cuda {

template <class Real>
MC_HD void gradient_by_point(const PointsJob& job, i64 p) {
    const Real* const values = static_cast<const Real*>(job.by_values) + p * job.point_stride;
    const auto value = [&](i64 c) { return static_cast<double>(values[c * job.channel_stride]); };
    const Slope sum =
        gradient_of_point(static_cast<const Real*>(job.points) + 3 * p, static_cast<const Real*>(job.samples),
                          job.channels, job.nz, job.ny, job.nx, value);
    Real* const to = static_cast<Real*>(job.by_points) + 3 * p;
    for (int axis = 0; axis < 3; ++axis) to[axis] = static_cast<Real>(sum.along[axis]);
}

MC_HD void gradient_by_points(const PointsJob& job) {
    const i64 p = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (p >= job.count) return;
    if (job.wide)
        gradient_by_point<double>(job, p);
    else
        gradient_by_point<float>(job, p);
}

}  // namespace mc::cuda
