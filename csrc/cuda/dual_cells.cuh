// SPDX-License-Identifier: MIT
// The cells of the dual mesh: which of them have other than one vertex, and which edges bear a quad.
#pragma once

#include "../core/dual_word.h"
#include "../core/patch_table.h"
#include "dual_job.h"
#include "used_edges.cuh"

namespace mc::cuda {

__device__ const PatchTable kPatchTable = derive_patch_table();

constexpr EdgeSurroundings edge_surroundings() { return {}; }
__device__ const EdgeSurroundings kEdgeSurroundings = edge_surroundings();

// How many vertices each cell of a word has, a bit of the numbers a word.
struct CellCounts {
    u32 bit[kCountBits];

    MC_HD void put(int i, u32 vertices) {
        for (int k = 0; k < kCountBits; ++k) bit[k] |= (vertices >> k & 1u) << i;
    }
    MC_HD u32 of(int i) const {
        return (bit[0] >> i & 1u) | (bit[1] >> i & 1u) << 1 | (bit[2] >> i & 1u) << 2;
    }
    MC_HD u32 several() const { return bit[1] | bit[2]; }
    MC_HD u32 sum(u32 cells) const {
        u32 vertices = static_cast<u32>(popcount(bit[0] & cells));
        if (several())
            vertices += static_cast<u32>(2 * popcount(bit[1] & cells) + 4 * popcount(bit[2] & cells));
        return vertices;
    }
};

// Those of a word of plane z that owns something, by its rank.
MC_HD CellCounts counts_at(const DualJob& job, u32 z, u32 word, u32 rank) {
    CellCounts counts{{plane_of(job, job.vertices[0], z)[word], 0, 0}};
    if (rank & kSeveral)
        for (int k = 1; k < kCountBits; ++k) counts.bit[k] = plane_of(job, job.vertices[k], z)[word];
    return counts;
}

// The first vertex of such a word.
MC_HD i64 first_vertex(const DualJob& job, u32 z, u32 word, u32 rank) {
    const i64* const tiles = job.vertex_tiles + 2 * static_cast<i64>(z) * job.plane_tiles.by;
    return tiles[word / kTileWords] + (rank & ~kSeveral);
}

// The cells of a word that count.
MC_HD u32 cells_of_word(const DualJob& job, u32 z, const WordPlace& place) {
    if (job.cells) return cells_at(job, z, place, 0, 0, 0);
    return z + 1 < job.nz && place.y + 1 < job.ny ? with_neighbour(job, place.w) : 0;
}

// Cells of a word that count and have one vertex where their case has one loop of edges; there may be others.
// A loop meets one face of its cell in two edges next to each other, so a cell at one face of the grid has
// one run of live edges; at two, or where cells beside it do not count, it may have other.
MC_HD u32 plain_cells(const DualJob& job, u32 z, const WordPlace& place) {
    if (job.cells) {
        u32 deep = ~0u;
        MC_SHORT_LOOP
        for (int k = 0; k < 9; ++k) {
            const int dy = k % 3 - 1, dz = k / 3 - 1;
            const auto cells = [&](int words) { return cells_at(job, z, place, dz, dy, words); };
            deep &= deep_beside(valid_row<u32>(cells(-1), cells(0), cells(1)), dy, dz);
        }
        return deep;
    }
    const int sides = (z == 0) + (z + 2 == job.nz) + (place.y == 0) + (place.y + 2 == job.ny);
    if (sides == 0) return with_neighbour(job, place.w);
    if (sides > 1 || job.nx == 2) return 0;
    return low_bits<u32>(job.nx - 2 - static_cast<i64>(place.w) * kWordBits) & (place.w ? ~0u : ~1u);
}

// A word of cells: the active ones, and those of them that may have other than one vertex.
struct DualCells {
    u32 active, rare;

    MC_HD DualCells() : active(0), rare(0) {}
    MC_HD DualCells(const DualJob& job, u32 z, const WordPlace& place, const CellRows<u32>& rows)
        : active(active_cells(rows, cells_of_word(job, z, place))), rare(0) {
        if (active) rare = active & (ambiguous_cells(rows) | ~plain_cells(job, z, place));
    }
};

// Edges of a word's voxels that bear a quad.
MC_HD CrossedEdges<u32> quads_of_word(const DualJob& job, u32 z, const WordPlace& place,
                                      const CellRows<u32>& rows) {
    const RowBits<u32>* const r = rows.row;
    CrossedEdges<u32> live;
    if (job.cells) {
        AroundCells<u32> around{};
        for (int k = 0; k < 4; ++k) {
            const auto cells = [&](int words) { return cells_at(job, z, place, -(k >> 1), -(k & 1), words); };
            around.row[1 - (k >> 1)][1 - (k & 1)] = valid_row<u32>(cells(-1), cells(0), 0);
        }
        live = live_edges(around);
    } else {
        const u32 here = cells_of_word(job, z, place), inner = here & (place.w ? ~0u : ~1u);
        live = {place.y && z ? here : 0, z ? inner : 0, place.y ? inner : 0};
    }
    return {(r[0].at ^ r[0].after) & live.x, (r[0].at ^ r[1].at) & live.y, (r[0].at ^ r[2].at) & live.z};
}

// A cell of the grid.
struct GridCell {
    u32 x, y, z;
};

MC_HD int case_at(const DualJob& job, const GridCell& cell) {
    int cube_case = 0;
    MC_SHORT_LOOP
    for (int c = 0; c < kCorners; ++c) {
        const u32 x = cell.x + (c & 1), y = cell.y + (c >> 1 & 1), z = cell.z + (c >> 2);
        const u32 word = plane_of(job, job.bits, z)[y * job.row_words.by + x / kWordBits];
        cube_case |= static_cast<int>(word >> x % kWordBits & 1u) << c;
    }
    return cube_case;
}

// Which of the cells before, at and after one at `at` of `n` samples there are.
MC_HD u32 cells_beside(i64 at, i64 n) { return (at > 0 ? 1u : 0u) | 2u | (at < n - 2 ? 4u : 0u); }

// Those before, at and after a cell that count, of its row or one beside it.
MC_HD u32 three_cells(const DualJob& job, const GridCell& cell, int rows, int up) {
    u32 found = 0;
    MC_SHORT_LOOP
    for (int k = 0; k < 3; ++k) {
        const u32 x = cell.x + static_cast<u32>(k) - 1, y = cell.y + static_cast<u32>(rows);
        if (x >= job.nx) continue;  // -1 is beyond too
        const u32 w = x / kWordBits;
        const WordPlace place(job, y * job.row_words.by + w);
        found |= (cells_at(job, cell.z + static_cast<u32>(up), place, 0, 0, 0) >> x % kWordBits & 1u) << k;
    }
    return found;
}

// Which of the 27 cells around one count: bit 9 * (1 + dz) + 3 * (1 + dy) + 1 + dx.
MC_HD u32 cells_around(const DualJob& job, const GridCell& cell) {
    const u32 on_x = cells_beside(cell.x, job.nx), on_y = cells_beside(cell.y, job.ny),
              on_z = cells_beside(cell.z, job.nz);
    u32 around = 0;
    MC_SHORT_LOOP
    for (int k = 0; k < 9; ++k) {
        if (!(on_y >> k % 3 & 1u) || !(on_z >> k / 3 & 1u)) continue;
        u32 three = on_x;
        if (job.cells) three &= three_cells(job, cell, k % 3 - 1, k / 3 - 1);
        around |= three << 3 * k;
    }
    return around;
}

MC_HD int live_edges_of(u32 around) {
    int live = 0;
    MC_SHORT_LOOP
    for (int edge = 0; edge < kEdges; ++edge) {
        const u32 cells = kEdgeSurroundings.cells[edge];
        live |= ((around & cells) == cells ? 1 : 0) << edge;
    }
    return live;
}

// Calls put(edges of the loop, edges of the vertex) for each vertex of a cell that may have other than one.
template <class Put>
MC_HD void for_each_vertex_of(const DualJob& job, const GridCell& cell, const Put& put) {
    int cube_case = case_at(job, cell);
    const u32 around = cells_around(job, cell);
    const int face = kPatchTable.pinched[cube_case];
    if (face != kNoFace && around >> beyond_face(face) & 1u) {
        const u32 step = face & 1 ? 1u : ~0u;
        const GridCell beyond{cell.x + (face / 2 == 0 ? step : 0), cell.y + (face / 2 == 1 ? step : 0),
                              cell.z + (face / 2 == 2 ? step : 0)};
        cube_case = patch_case(kPatchTable, cube_case, case_at(job, beyond));
    }
    for_each_vertex(kPatchTable, cube_case, live_edges_of(around), put);
}

}  // namespace mc::cuda
