// SPDX-License-Identifier: MIT
// What the stages hand to each other.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "buffer.h"
#include "request.h"
#include "team.h"

namespace mc::cpu {

// What one row of voxels owns.
struct RowCounts {
    u32 in_plane;   // vertices on x- and y-edges
    u32 upright;    // vertices on z-edges
    u32 triangles;  // of the cells whose lower corner is in the row

    bool any() const { return (in_plane | upright | triangles) != 0; }
};

// A chunk is a run of rows of one plane. After stage 2 it holds its counts, after stage 3 the addresses
// where its items begin.
struct Chunk {
    i64 in_plane, upright, triangles;
};

// Addresses in the mesh: of its next vertex and its next triangle.
struct Address {
    i64 vertices = 0, triangles = 0;
};

// The counts of several meshes become the addresses where they begin, and the last, which counts nothing,
// where all end. Returns the vertices of the largest.
inline i64 scan_meshes(std::vector<Address>& counts) {
    i64 most_vertices = 0;
    Address next;
    for (Address& mesh : counts) {
        most_vertices = std::max(most_vertices, mesh.vertices);
        const Address count = std::exchange(mesh, next);
        next.vertices += count.vertices;
        next.triangles += count.triangles;
    }
    return most_vertices;
}

// A run of planes, with all that the stages know of it. Beside the planes that it owns it holds the bits of
// those that their cells and vertices look at: the plane after them and, where not all samples count, one
// more on either side.
struct Slab {
    i64 begin, end;   // planes it owns
    i64 first, last;  // planes whose bits it holds
    i64 ny, words;    // rows a plane, words a row
    i64 chunk_rows;   // rows a chunk (the last of a plane may be shorter)
    i64 chunks_a_plane;
    Buffer<u64> bits;           // a row's words for each row of [first, last): inside-bits, by stage 1
    Buffer<u64> cells;          // likewise: cells that count; empty where all do
    Buffer<u64> no_cells;       // a row's words, all 0: the cells beyond the grid
    Buffer<RowCounts> rows;     // each row of [begin, counted()), by stage 2
    std::vector<Chunk> chunks;  // each chunk of these planes
    i64 last_triangle;          // one past the slab's, by stage 3

    // One past the planes that stage 2 counts: of the plane after its own a slab needs the in-plane vertices.
    i64 counted() const { return end < last ? end + 1 : end; }
    i64 chunk_count() const { return (counted() - begin) * chunks_a_plane; }

    const u64* bits_of(i64 z, i64 y) const { return bits.data() + ((z - first) * ny + y) * words; }
    const u64* cells_of(i64 z, i64 y) const {
        const bool held = z >= first && z + 1 < last && y >= 0 && y + 1 < ny;
        return held ? cells.data() + ((z - first) * ny + y) * words : no_cells.data();
    }
    const RowCounts* counts_of(i64 z) const { return rows.data() + (z - begin) * ny; }
};

// Everything between the first stage and the last. Usually the whole grid is one slab, whose scratch is kept
// for stage 4; where that would be too much it is cut into several, and each is made anew when it is emitted.
struct Plan {
    Request request;
    Grid grid;
    std::unique_ptr<Team> team;  // the threads at work, for as long as the plan lives
    i64 slab_planes;             // planes a slab
    Buffer<char> packed;         // the volume, where the stages do not read its dtype
    Slab slab;                   // the one, or the last one made
    bool has_nan = false;        // seen by stage 1 and not to be skipped; the later stages did not run
    i64 vertices = 0, triangles = 0;

    bool in_one_slab() const { return slab_planes >= grid.nz; }
};

}  // namespace mc::cpu
