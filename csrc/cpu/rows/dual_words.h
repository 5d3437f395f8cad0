// SPDX-License-Identifier: MIT
// A word of cells as the dual mesh sees it, and the vertices of the cells that are not like most.
#pragma once

#include "../../core/patch_table.h"
#include "../simd/dual_functions.h"
#include "row_words.h"

namespace {

constexpr PatchTable kPatchTable = derive_patch_table();
constexpr EdgeSurroundings kEdgeSurroundings;

struct DualWord {
    CellRows<u64> inside;
    u64 active;  // cells that count and are crossed

    DualWord(const DualRow& row, i64 w) {
        const i64 words = row.planes->words;
        for (int yz = 0; yz < 4; ++yz) inside.row[yz] = load_row(row.inside[yz >> 1][yz & 1], w, words);
        active = active_cells(inside, row.cells[w]);
    }

    // Active cells that may have other than one vertex.
    u64 rare(const DualRow& row, i64 w) const {
        return row.may_be_rare ? active & (ambiguous_cells(inside) | ~row.plain[w]) : 0;
    }

    // Edges of the word's voxels that bear a quad.
    CrossedEdges<u64> quads(const DualRow& row, i64 w) const {
        const RowBits<u64>* r = inside.row;
        return {(r[0].at ^ r[0].after) & row.live[0][w], (r[0].at ^ r[1].at) & row.live[1][w],
                (r[0].at ^ r[2].at) & row.live[2][w]};
    }
};

// Calls put(edges of the loop, edges of the vertex) for each vertex of a rare cell.
template <class Put>
void for_each_vertex_of_rare(const DualRow& row, int cube_case, i64 x, const Put& put) {
    const u32 around = row.planes->cells_around(row.z, row.y, x);
    const int face = kPatchTable.pinched[cube_case];
    if (face != kNoFace && around >> beyond_face(face) & 1) {
        const i64 step = face & 1 ? 1 : -1;
        const int beyond = row.planes->case_at(row.z + (face / 2 == 2) * step, row.y + (face / 2 == 1) * step,
                                               x + (face / 2 == 0) * step);
        cube_case = patch_case(kPatchTable, cube_case, beyond);
    }
    for_each_vertex(kPatchTable, cube_case, live_edges_of_cell(kEdgeSurroundings, around), put);
}

DualCounts count_dual_row(const DualRow& row) {
    DualCounts counts{};
    for (i64 w = 0; w < row.planes->words; ++w) {
        const DualWord word(row, w);
        if (!word.active) continue;
        const u64 rare = word.rare(row, w);
        const CrossedEdges<u64> quads = word.quads(row, w);
        counts.vertices += static_cast<u32>(popcount(word.active & ~rare));
        counts.rare += static_cast<u32>(popcount(rare));
        counts.quads += static_cast<u32>(popcount(quads.x) + popcount(quads.y) + popcount(quads.z));
        for (u64 left = rare; left; left &= left - 1) {
            const int i = lowest_bit(left);
            for_each_vertex_of_rare(row, case_of_cell(word.inside, i), 64 * w + i,
                                    [&](int, int) { ++counts.vertices; });
        }
    }
    return counts;
}

void list_patches(const DualRow& row, i32* cells, u16* patches) {
    for (i64 w = 0; w < row.planes->words; ++w) {
        const DualWord word(row, w);
        const u64 rare = word.active ? word.rare(row, w) : 0;
        for (u64 left = word.active; left; left &= left - 1) {
            const int i = lowest_bit(left), cube_case = case_of_cell(word.inside, i);
            const i32 x = static_cast<i32>(64 * w + i);
            const auto put = [&](int patch, int) {
                *cells++ = x;
                *patches++ = static_cast<u16>(patch);
            };
            if (rare >> i & 1)
                for_each_vertex_of_rare(row, cube_case, x, put);
            else
                put(kPatchTable.edges[cube_case][0], 0);
        }
    }
}

}  // namespace
