// SPDX-License-Identifier: MIT
// The ids of a cell's twelve edges as eight running numbers, which grow from voxel to voxel by what the case
// tells: no bits are counted. An id is one of the numbers plus 0, 1 or 2, and the case tells that too. The
// same ids as those of `ids_of_cell`.
#pragma once

#include "row_words.h"

namespace {

// 0..3   the first vertex in the plane from this voxel on, of row y + 2z
// 4, 5   the first upright one, of row y
// 6, 7   0 and 2, and one more where the x-edge at x + 1 is crossed: before the y-edge there
constexpr int kRunning = 8;

// Bits of a voxel that its cell's corners do not tell: the y-edges of rows 1 and 3, the x-edges at x + 1 of
// rows 0 and 2.
constexpr int kBeside = 16;

struct RunningTable {
    u8 ids[kCases][3 * kMaxTriangles + 1];  // of the triangles: a number's place + 16 * what is added to it
    u8 step[kCases][kRunning];              // how far the numbers grow to the next voxel …
    u8 step_beside[kBeside][kRunning];      // … and how much further
    u8 ahead[kBeside][kRunning];            // what the numbers are more for this voxel alone
};

constexpr RunningTable derive_running_table() {
    RunningTable table{};
    for (int cube_case = 0; cube_case < kCases; ++cube_case) {
        u8 crossed[kEdges] = {}, *step = table.step[cube_case], ids[kEdges] = {};
        for (int edge = 0; edge < kEdges; ++edge)
            crossed[edge] = (cube_case >> edge_lower_corner(edge) ^ cube_case >> edge_upper_corner(edge)) & 1;
        for (int yz = 0; yz < 4; ++yz) {
            const bool has_y = !(yz & 1);  // the cell's y-edges belong to the rows at y
            ids[yz] = static_cast<u8>(yz);
            step[yz] = static_cast<u8>(crossed[yz] + (has_y ? crossed[4 + yz] : 0));
            if (!has_y) continue;
            ids[4 + yz] = static_cast<u8>(yz | 16 * crossed[yz]);
            ids[5 + yz] = static_cast<u8>((6 + yz / 2) | 16 * step[yz]);
            step[6 + yz / 2] = step[yz];
        }
        for (int y = 0; y < 2; ++y) {
            step[4 + y] = crossed[8 + 2 * y];
            ids[8 + 2 * y] = static_cast<u8>(4 + y);
            ids[9 + 2 * y] = static_cast<u8>((4 + y) | 16 * step[4 + y]);
        }
        for (int k = 0; k < 3 * kCaseTable.triangles[cube_case]; ++k)
            table.ids[cube_case][k] = ids[kCaseTable.edges[cube_case][k]];
    }
    for (int beside = 0; beside < kBeside; ++beside)
        for (int k = 0; k < 2; ++k) {
            table.step_beside[beside][1 + 2 * k] = beside >> k & 1;
            table.ahead[beside][6 + k] = beside >> (2 + k) & 1;
        }
    return table;
}

alignas(64) constexpr RunningTable kRunningTable = derive_running_table();

// The four words around a word of cells: [y + 2z].
using CellEdges = const cpu::EdgeWord* const (&)[4];

// The `active` cells, and the voxels between them where the numbers grow all the same.
inline u64 growing(CellEdges edges, u64 active) { return active | edges[1]->y | edges[3]->y; }

}  // namespace
