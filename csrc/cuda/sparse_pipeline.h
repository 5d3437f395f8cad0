// SPDX-License-Identifier: MIT
// Marching cubes over cells and blocks of cells on a GPU, as pipeline.h has it of volumes: prepare, allocate
// exactly, emit. The caller brings the blocks in raster order and the list of words; see sparse_job.h.
#pragma once

#include "pipeline.h"
#include "sparse_job.h"

namespace mc::cuda {

struct SparseRequest {
    const void* data;  // sample (0, 0, 0) of block 0, float32, or float64 where
    bool is_double;
    i64 strides[4];  // between blocks, and on z, y and x, in samples
    i64 side;        // cells a side
    double level;
    const i64 *block_keys, *order;
    i64 blocks;           // at least 1
    i64 low[3], high[3];  // the lowest and the highest position of a block on each axis, x, y, z
    const i64* words;     // keys of words
    i64 count;            // how many; below 2^31
    i64 row_keys;         // keys a row
    i64 plane_rows;       // rows a plane
};

// Scratch memory that prepare_sparse and emit_sparse need, in bytes, for a list of so many words.
std::size_t sparse_scratch_bytes(i64 count);

// Counted blocks; see `Plan`.
struct SparsePlan {
    const Kernels* kernels;
    Stream stream;
    SparseJob job;
    i64 vertices, triangles;
    bool in_trouble;  // blocks make no mesh: a NaN, one that is there twice, shared samples that differ
};

// Stages 1 to 3. Waits for them once. `scratch` has been filled with zeros in the order of the stream.
SparsePlan prepare_sparse(const Kernels& kernels, Stream stream, const SparseRequest& request, void* scratch);

// Stage 4 of fewer than 2^31 vertices: queues the writing of the mesh, and returns at once. `verts`:
// (vertices, 3), double where `wide_verts`, else float; `faces`: (triangles, 3).
void emit_sparse(const SparsePlan& plan, void* verts, i32* faces, bool wide_verts);

// Throws where the stream is being captured into a CUDA graph: a mesh's size is read on the way.
void refuse_capture_of(const Kernels& kernels, Stream stream);

}  // namespace mc::cuda
