// SPDX-License-Identifier: MIT
// Trilinear interpolation, a thread a point.
#pragma once

#include "../core/trilinear.h"
#include "warp.cuh"

namespace mc::cuda {

template <class Real>
MC_HD void grid_interp(const InterpolateJob& job) {
    const i64 p = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (p >= job.count) return;
    const Real* point = static_cast<const Real*>(job.points) + 3 * p;
    const Trilinear<Real> at = trilinear_at(point, job.nz, job.ny, job.nx);
    const Real* samples = static_cast<const Real*>(job.samples);
    Real* values = static_cast<Real*>(job.values) + p * job.channels;
    for (i64 c = 0; c < job.channels; ++c) values[c] = at.value(samples + c * job.nz * job.ny * job.nx);
}

}  // namespace mc::cuda
