// SPDX-License-Identifier: MIT
#pragma once

#include "samples.h"

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

// The same of any samples (C, Nz, Ny, Nx) at any points (P, 3), in double where the volume is float64, else
// in float. What is not contiguous or not of that type is packed first.
void grid_interp(const Samples& volume, const Samples& points, void* values, int threads);

}  // namespace mc::cpu
