// SPDX-License-Identifier: MIT
// Gradients of a mesh's vertices on a GPU, of a volume that `prepare` has counted again: nothing is kept of
// the mesh.
#pragma once

#include "gradient_job.h"
#include "pipeline.h"

namespace mc::cuda {

// What is given and what is asked; see cpu/gradient.h. Addresses are the device's.
struct Gradient {
    const void* verts;               // Real: a loss's gradient by the vertices (V, 3), at any strides
    i64 vertex_stride, axis_stride;  // in coordinates
    bool wide;                       // is Real double, and not float?
    void* volume;                    // Real (nz, ny, nx), all 0; null: not asked for
    double* sums;                    // gradient_sums doubles, all 0; null: the level's is not asked for
    // Where `direction` is given, the derivative of the above in that direction takes its place.
    const void* direction = nullptr;  // Real (nz, ny, nx): how the samples move
    double level_direction = 0;
    void* moved = nullptr;  // Real (V, 3), all 0: how the vertices move
};

// How many sums the level's gradient takes: itself, then those of planes, of rows, of words.
i64 gradient_sums(const Request& request);

// Queues the work, and returns at once; the level's gradient is the first of the sums.
void gradient(const Plan& plan, const Gradient& asked);

// Queues the gradient of interpolated values by the points.
void gradient_by_points(const Kernels& kernels, Stream stream, const PointsJob& job);

}  // namespace mc::cuda
