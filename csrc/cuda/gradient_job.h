// SPDX-License-Identifier: MIT
// What the host hands to the kernels of gradients. "Real" is the vertices' type: double where `wide`, else
// float.
#pragma once

#include "job.h"

namespace mc::cuda {

struct GradientJob : Job {
    const void* vertex_gradient;     // Real: a loss's gradient by the vertices (V, 3), at any strides
    i64 vertex_stride, axis_stride;  // in coordinates
    void* by_volume;    // Real (volume_nz, volume_ny, volume_nx), all 0 at first; null: not asked for
    double* word_sums;  // (nz, ny, row_words), all 0 at first: what each word's edges add to the level's
                        //   gradient; null: not asked for
    // Where `direction` is given, the derivative of the above in that direction takes its place.
    const void* direction;  // Real, of by_volume's shape: how the samples move
    double level_direction;
    void* moved;  // Real (V, 3), all 0 at first: how the vertices move
    u32 wide;
};

// The gradient of interpolated values by the points.
struct PointsJob : InterpolateJob {
    const void* by_values;  // Real: a loss's gradient by the values (count, channels), at any strides
    i64 point_stride, channel_stride;
    void* by_points;  // Real (count, 3)
    u32 wide;         // is Real double, and not float?
};

// Sums of items that follow one another, each group's from its first to its last.
struct SumJob {
    const double* items;  // (groups, size)
    double* sums;         // (groups)
    i64 groups, size;
};

}  // namespace mc::cuda
