// SPDX-License-Identifier: MIT
// The work on one row, compiled once per SIMD level. The stages loop over rows and call these.
#pragma once

#include "../../core/edge_word.h"
#include "../plan.h"
#include "dual_functions.h"

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

// The same, and the bits of the samples that are not NaN to `known`.
using ClassifyKnownRow = bool (*)(const void* samples, i64 n, const Level& level, u64* words, u64* known);

// Stage 1, `rows` rows of cells: those that count, whose eight corners do.
struct ValidRows {
    const u64*
        first;  // bits of the samples that count, from the first row's on; one word more than they have
    i64 step_y, step_z;  // to the next row and the next plane, in words
    i64 nx;
};
using CountingCells = void (*)(const ValidRows& valid, i64 rows, u64* cells);

// The inside-bits around one row (z, y) of voxels. A row past the border is given as the last one
// before it: then nothing is crossed towards it.
struct RowWords {
    const u64* at[2][2];  // [z, z + 1][y, y + 1]
    i64 nx;               // samples a row
    bool has_cells;       // y + 1 and z + 1 lie in the volume

    i64 words() const { return (nx + 63) / 64; }

    // The row after this one; both it and the row after it must lie in the volume.
    RowWords next() const {
        const i64 step = words();
        return {{{at[0][0] + step, at[0][1] + step}, {at[1][0] + step, at[1][1] + step}}, nx, has_cells};
    }
};

// The cells around one row (z, y) of voxels, as bits of those that count: of the rows of cells at (z, y),
// (z, y - 1), (z - 1, y) and (z - 1, y - 1). Of a grid that is selected from; where all cells count there are
// no such bits, and the functions without them are called.
struct RowCells {
    const u64* at[4];
};

// Stage 2: what each of `n` rows owns, from the first on; of all but the last, the next() is the next.
using CountRows = void (*)(const RowWords& first, i64 n, RowCounts* counts);
using CountUsedRow = RowCounts (*)(const RowWords& row, const RowCells& cells);

using EdgeWord = mc::EdgeWord<u64>;

// Where a row of EdgeWords comes from.
struct EdgeSource {
    const u64 *row, *row_y, *row_z;  // inside-bits at (z, y), (z, y + 1), (z + 1, y)
    i64 nx;
    i64 in_plane, upright;  // id of the row's first vertex of each kind
};
using FindEdges = void (*)(const EdgeSource& from, EdgeWord* to);
using FindUsedEdges = void (*)(const EdgeSource& from, const RowCells& cells, EdgeWord* to);

// Crossed edges as numbers kRowStep * row + 2 * i + axis: the row counted from the batch's first, i the
// voxel's place in the span, axis 0 for x-edges and 1 for y-edges. The z-edges have a list of their own and
// axis 0.
constexpr int kSpanWords = 16;
constexpr int kRowStep = 2 * 64 * kSpanWords;
constexpr int kBatchRows = 65536 / kRowStep;
struct EdgeList {
    int size;
    u16 edge[kRowStep + 64];  // lanes past the end are read, and thrown away
};

// Stage 4: vertices of one plane that follow each other in the mesh: of a few whole rows, or of one span of a
// row that is longer. Together they keep the vector units busy where a row holds just a few.
struct VertexBatch {
    i64 x = 0, y = 0, z = 0;  // the first row's first voxel in the span; -1 and the sides are outside samples
    const void* samples;      // its sample, or the one nearest to it
    i64 stride_x, stride_y;   // in samples
    i64 up_z;                 // to the sample above, in samples; not used where nothing is crossed
    i64 nx, ny, nz;           // samples a side
    const Level* level;
    const Plan* plan;
    void *in_plane_to, *upright_to;  // where the vertices go, float or double; moved on by emit_vertices
    EdgeList in_plane, upright;
};

// A listed edge's place in the batch.
inline i64 row_of(int edge) { return edge / kRowStep; }
inline i64 column_of(int edge) { return edge % kRowStep / 2; }

// Appends the crossed edges of a row's `words` words to the batch's lists.
using AppendRow = void (*)(const EdgeWord* edges, i64 words, i64 row, VertexBatch& batch);
using EmitVertices = void (*)(VertexBatch& batch);

// Stage 4: the triangles of one row of cells.
struct FaceRow {
    i64 nx;                       // samples a row
    const u64* cells;             // those that count; null where all do
    const EdgeWord* edges[2][2];  // [z, z + 1][y, y + 1], a word each 64 samples
    void *to, *end;               // where they go, three int32 or int64 each; what follows, up to the end,
                                  // is written later than this row, and may be written over
};
using EmitFaces = void (*)(const FaceRow& row);

// The same of those `cells` of one word that count, between the four words [y + 2z]. Returns where the next
// triangle goes; up to `end` may be written over, as of a row.
using EmitFacesOfWord = void* (*)(const EdgeWord* const (&edges)[4], u64 cells, void* to, const void* end);

struct RowFunctions {
    const char* name;
    ClassifyRow classify[kDtypes];
    ClassifyKnownRow classify_known[kDtypes];
    CountingCells counting_cells;
    CountRows count;
    CountUsedRow count_used;
    FindEdges find_edges;
    FindUsedEdges find_used_edges;
    AppendRow append_row;
    EmitVertices emit_vertices[2][kDtypes];  // border open, closed
    EmitFaces emit_faces[2][2];              // all cells, those that count; indices of int32, int64
    EmitFacesOfWord emit_faces_of_word[2];   // indices of int32, int64
    DualFunctions dual;
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
