// SPDX-License-Identifier: MIT
// What the CPU backend is given, and what its stages hand to each other.
#pragma once

#include <memory>
#include <vector>

#include "../core/edge_vertex.h"
#include "buffer.h"
#include "team.h"

namespace mc::cpu {

// The order is that of `kDtypeNames` and of every table indexed by a dtype.
enum class Dtype { kFloat32, kFloat64, kFloat16, kBFloat16, kUInt8, kInt8, kInt16, kInt32 };
constexpr int kDtypes = 8;
constexpr const char* kDtypeNames[kDtypes] = {"float32", "float64", "float16", "bfloat16",
                                              "uint8",   "int8",    "int16",   "int32"};
constexpr int kDtypeBytes[kDtypes] = {4, 8, 2, 2, 1, 1, 2, 4};

// A borrowed view of the caller's samples.
struct Volume {
    const void* data;  // sample (0, 0, 0)
    Dtype dtype;
    i64 nz, ny, nx;                    // samples a side, each >= 1
    i64 stride_z, stride_y, stride_x;  // in samples; any sign, 0 allowed
    double level;                      // not NaN

    i64 words() const { return (nx + 63) / 64; }  // 64-sample words a row
    i64 rows() const { return nz * ny; }
    const char* row(i64 z, i64 y) const {
        return static_cast<const char*>(data) +
               (z * stride_z + y * stride_y) * kDtypeBytes[static_cast<int>(dtype)];
    }
};

// What one row of voxels owns.
struct RowCounts {
    u32 in_plane;   // vertices on x- and y-edges
    u32 upright;    // vertices on z-edges
    u32 triangles;  // of the cells whose lower corner is in the row
};

// A chunk is a run of rows of one plane. After stage 2 it holds its counts, after stage 3 the addresses
// where its items begin.
struct Chunk {
    i64 in_plane, upright, triangles;
};

// Everything between the first stage and the last; the buffers are the only scratch memory.
struct Plan {
    Volume volume;
    std::unique_ptr<Team> team;  // the threads at work, for as long as the plan lives
    i64 chunk_rows;              // rows a chunk (the last of a plane may be shorter)
    i64 chunks_a_plane;
    Buffer<u64> bits;           // rows() * words() inside-bits, written by stage 1
    Buffer<RowCounts> rows;     // rows(), written by stage 2
    std::vector<Chunk> chunks;  // nz * chunks_a_plane
    bool has_nan = false;       // seen by stage 1; the later stages did not run
    i64 vertices = 0, triangles = 0;

    const u64* bits_of_row(i64 z, i64 y) const { return bits.data() + (z * volume.ny + y) * volume.words(); }
};

}  // namespace mc::cpu
