// SPDX-License-Identifier: MIT
// Dual marching cubes on a GPU, as pipeline.h has marching cubes: prepare, allocate exactly, emit.
#pragma once

#include "dual_job.h"
#include "pipeline.h"

namespace mc::cuda {

// Scratch memory that prepare_dual and emit_dual need, in bytes; see `scratch_bytes`.
std::size_t dual_scratch_bytes(const Request& request);

// A counted volume; see `Plan`.
struct DualPlan {
    Plan grid;  // its triangles are quads
    DualJob job;
};

// Stages 1 to 3; see `prepare`. `spacing` lies between samples on x, y and z. The request has one volume; its
// offsets and greatest numbers are those of vertices and quads.
DualPlan prepare_dual(const Kernels& kernels, Stream stream, const Request& request,
                      const double (&spacing)[3], void* scratch);

// What is written, and where.
struct DualMesh {
    void* verts;  // (vertices, 3), double where `wide_verts`, else float
    void* faces;  // (quads, 4), or (2 * quads, 3) where `cut`; int64 where `wide_faces`, else int32
    bool wide_verts, wide_faces, cut;
};

// Stage 4: queues the writing of the mesh, and returns at once.
void emit_dual(const DualPlan& plan, const DualMesh& mesh);

}  // namespace mc::cuda
