// SPDX-License-Identifier: MIT
// Gradients of a mesh's vertices with respect to the samples and the level. Each sample gathers from the at
// most six vertices around it, in the order of their ids, in double: the bytes depend on no thread. Nothing
// is kept of the mesh; the samples say again where it is.
#pragma once

#include "pipeline.h"

namespace mc::cpu {

// What is given and what is asked. "Real" is the vertices' type: double for a float64 volume, else float.
struct Gradient {
    const void* verts;               // Real: a loss's gradient by the vertices (V, 3), at any strides
    i64 vertex_stride, axis_stride;  // in coordinates
    void* volume;   // Real (nz, ny, nx), C contiguous, written completely; null: not asked for
    double* level;  // null: not asked for
    // Where `direction` is given, the derivative of the above in that direction takes its place, and by
    // `verts` there is one too.
    const void* direction = nullptr;  // Real (nz, ny, nx), C contiguous: how the samples move
    double level_direction = 0;
    void* moved = nullptr;  // Real (V, 3): how the vertices move, written completely
};

// Of a plan made of one slab: `prepare_gradient` makes such.
void gradient(const Plan& plan, const Gradient& asked);
Plan prepare_gradient(Request request, int threads);

}  // namespace mc::cpu
