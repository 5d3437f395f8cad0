// SPDX-License-Identifier: MIT
// The work on one row, compiled once per SIMD level. The stages loop over rows and call these.
#pragma once

#include "../../core/edge_word.h"
#include "../volume.h"

namespace mc::cpu {

// A level, as each kind of sample is compared with it.
struct Level {
    double f64;
    float f32;
    i64 last_inside;  // integer samples: inside means v <= last_inside
};

// Stage 1, one row of `n` unit-stride samples -> ceil(n / 64) words; bits past the end are 0.
// Returns true where a NaN was among them.
using ClassifyRow = bool (*)(const void* samples, i64 n, const Level& level, u64* words);

// The inside-bits around one row (z, y) of voxels. A row past the border is given as the last one
// before it: then nothing is crossed towards it.
struct RowWords {
    const u64* at[2][2];  // [z, z + 1][y, y + 1]
    i64 nx;               // samples a row
    bool has_cells;       // y + 1 and z + 1 lie in the volume

    i64 words() const { return (nx + 63) / 64; }
};

// Stage 2: what the row owns.
using CountRow = RowCounts (*)(const RowWords& row);

using EdgeWord = mc::EdgeWord<u64>;

// Where a row of EdgeWords comes from.
struct EdgeSource {
    const u64 *row, *row_y, *row_z;  // inside-bits at (z, y), (z, y + 1), (z + 1, y)
    i64 nx;
    i64 in_plane, upright;  // id of the row's first vertex of each kind
};
using FindEdges = void (*)(const EdgeSource& from, EdgeWord* to);

// Stage 4: where the row's items go, and what they are made of.
struct RowOutput {
    i64 nx;                       // samples a row
    const EdgeWord* edges[2][2];  // [z, z + 1][y, y + 1], a word each 64 samples
    const void* samples;          // (z, y, 0)
    const void* samples_y;        // (z, y + 1, 0)
    const void* samples_z;        // (z + 1, y, 0)
    const void* samples_ahead;    // (z + 1, y + a few, 0): read some rows later
    i64 stride_x;                 // in samples
    i64 y, z;
    const Level* level;
    void* in_plane;  // where the row's vertices on x- and y-edges begin, float or double
    void* upright;   // where those on z-edges begin
    void* faces;     // where its triangles begin, three int32 or int64 each
};
using EmitRow = void (*)(const RowOutput& out);

struct RowFunctions {
    const char* name;
    ClassifyRow classify[kDtypes];
    CountRow count;
    FindEdges find_edges;
    EmitRow emit_vertices[kDtypes];
    EmitRow emit_faces[2];  // indices of int32, int64
};

// One per file in this folder; null where the build has no such level. To be called only where the CPU
// runs it: even the making of the table is compiled for the level.
const RowFunctions* scalar_rows();
const RowFunctions* avx2_rows();
const RowFunctions* avx512_rows();
const RowFunctions* neon_rows();

// The level in use: the best the machine has, or what TORCHMCUBES_SIMD names. Chosen at first use.
// Throws std::runtime_error where the variable names no level, or one this machine does not have.
const RowFunctions& row_functions();

// Names of the levels this machine can run, best first.
std::vector<const char*> supported_levels();

}  // namespace mc::cpu
