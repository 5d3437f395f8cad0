// SPDX-License-Identifier: MIT
#pragma once

#include "../core/host_device.h"

namespace mc::cpu {

// A stack of volumes, C contiguous: samples[((c * nz + z) * ny + y) * nx + x].
template <class Real>
struct Channels {
    const Real* samples;
    i64 channels, nz, ny, nx;  // sides >= 1
};

// values[p * channels + c]: channel c at points[3 * p] = (x, y, z), in voxel units.
template <class Real>
void grid_interp(const Channels<Real>& volume, const Real* points, i64 count, Real* values, int threads);

}  // namespace mc::cpu
