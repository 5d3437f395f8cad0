// SPDX-License-Identifier: MIT
#pragma once

#include "samples.h"

namespace mc::cpu {

// A loss's gradient by the interpolated values (P, C), at any strides, and where those by the samples
// (C, Nz, Ny, Nx) and by the points (P, 3) go: C contiguous, written completely. All of one type: double
// where the volume is float64, else float.
struct InterpolationGradient {
    const void* values;
    i64 point_stride, channel_stride;
    void* volume;
    void* points;
};

// The samples of a plane add up what the points below it give them, then those above, each in the points'
// order, in double: the bytes depend on no thread. On an axis on which a point is held to the grid its value
// stands still; on a sample's own plane it moves as it does above. A point with a NaN moves nothing.
void grid_interp_gradient(const Samples& volume, const Samples& points, const InterpolationGradient& asked,
                          int threads);

}  // namespace mc::cpu
