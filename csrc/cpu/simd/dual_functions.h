// SPDX-License-Identifier: MIT
// The dual mesh's work on one row of cells, compiled once per SIMD level.
#pragma once

#include "../dual/bit_planes.h"
#include "../request.h"

namespace mc::cpu {

struct Level;

// A row of cells, with the bits around it.
struct DualRow {
    const BitPlanes* planes;
    i64 z, y;
    const u64* inside[2][2];  // samples at [z, z + 1][y, y + 1]
    const u64* cells;         // cells that count
    const u64* live[3];       // edges of the voxels along x, y and z that bear a quad where they are crossed
    const u64* plain;         // cells that have one vertex where their case has one loop of edges …
    bool may_be_rare;         // … and whether there may be others
};

// What a row of cells owns: the vertices in its cells, the quads around the edges of its voxels.
struct DualCounts {
    u32 vertices, quads;
    u32 rare;  // cells that may have other than one vertex
};

// Stage 2.
using CountDualRow = DualCounts (*)(const DualRow& row);

// A row's vertices in their order: each one's cell, by its place in x, and the edges whose crossings it is
// the mean of, a bit each.
using ListPatches = void (*)(const DualRow& row, i32* cells, u16* patches);

// Stage 4: the vertices of rows of one plane, collected until there are enough to be worth computing
// together.
constexpr int kCellList = 256;  // cells that are computed before another row joins them
struct CellBatch {
    const void* samples;               // the sample at the lower corner of cell (x, y, z) = (0, y, z)
    i64 stride_x, stride_y, stride_z;  // in samples
    i64 nx, ny, nz;                    // samples a side
    i64 y, z;                          // of the first row, in the volume: -1 is the layer around it
    const Level* level;
    void* to;  // where the vertices go, float or double; moved on
    int size = 0;
    i32 x[kCellList + 80], row[kCellList + 80];  // the cells, of one vertex each: row counted from y on
};
// Adds a row of cells to the batch, `after` rows after its first; computes what is in it where it gets too
// full, or where a cell comes that may have other than one vertex. The grid begins `border` samples before
// the volume.
using AddDualRow = void (*)(const DualRow& row, i64 after, i64 border, CellBatch& batch);
// Computes what is left in the batch.
using FlushCells = void (*)(CellBatch& batch);

// The ids of a row's vertices, found from its bits.
struct DualIds {
    i64 base;      // the row's first vertex
    u32* first;    // a cell's first vertex from there on, where it has one; whole words are written over
    u64* several;  // cells where an edge has to be asked for which vertex is its own …
    u64* vertex_of_edge;  // … four bits an edge, written for those cells
};
using FindDualIds = void (*)(const DualRow& row, DualIds& ids);

// Stage 4: the quads around the edges of one row of voxels.
struct DualFaceRow {
    DualRow row;
    const DualIds* ids[2][2];  // of the rows of cells at [z - 1, z][y - 1, y]
    bool is_last;              // the mesh's last vertex is one of the row's
    const double* spacing;     // between samples on x, y and z
    const void* verts;  // (vertices, 3) coordinates, all written: triangles ask for the shorter diagonal
    void* to;           // 4 indices a quad, or 6
};
using EmitDualFaces = void (*)(const DualFaceRow& row);

struct DualFunctions {
    CountDualRow count;
    ListPatches list_patches;
    AddDualRow add_row[kDtypes];  // a dtype each
    FlushCells flush[kDtypes];    // a dtype each
    FindDualIds find_ids;
    EmitDualFaces emit_quads[2];         // indices of int32, int64
    EmitDualFaces emit_triangles[2][2];  // vertices of float, double; indices of int32, int64
};

}  // namespace mc::cpu
