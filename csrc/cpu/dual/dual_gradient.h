// SPDX-License-Identifier: MIT
// Gradients of the dual mesh's vertices with respect to the samples, the level and the samples'
// displacements. A vertex is the mean of its patch's crossings, so a crossing is given, of each vertex around
// it, the vertex's gradient divided by the patch's edges: of at most four cells, in raster order, and within
// a cell in the order of its vertices. Each sample gathers from its at most six edges: those from z - 1, y -
// 1 and x - 1, then its own along x, y and z. All in double; the bytes depend on no thread. Nothing is kept
// of the mesh; the samples say again where it is.
#pragma once

#include "plan.h"

namespace mc::cpu {

// "Real" is the vertices' type: double for a float64 volume, else float. All of it is C contiguous.

// How samples, level and displacements move.
struct DualDirection {
    const void* volume = nullptr;  // Real (nz, ny, nx); null: they do not
    double level = 0;
    const void* deform = nullptr;  // Real (nz, ny, nx, 3); null: they do not
};

// What is given and what is asked.
struct DualGradient {
    const void* verts;               // Real: a loss's gradient by the vertices (V, 3), at any strides
    i64 vertex_stride, axis_stride;  // in coordinates
    const void* deform;            // Real (nz, ny, nx, 3): how far the samples are displaced, on x, y and z;
                                   // null: not at all. Only of an open border
    void* volume;                  // Real (nz, ny, nx), written completely; null: not asked for
    double* level;                 // null: not asked for
    void* by_deform;               // Real (nz, ny, nx, 3), written completely; null: not asked for
    const DualDirection* towards;  // not null: the derivative of the above in that direction is asked for
};

void dual_gradient(const DualPlan& plan, const DualGradient& asked);

// Writes to `moved`, Real (vertices, 3), how far the vertices move in a direction.
void emit_moved(const DualPlan& plan, const void* deform, const DualDirection& towards, void* moved);

// Writes to `verts`, Real (vertices, 3), the vertices of displaced samples.
void emit_displaced(const DualPlan& plan, const void* deform, void* verts);

}  // namespace mc::cpu
