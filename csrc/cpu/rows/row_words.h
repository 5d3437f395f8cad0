// SPDX-License-Identifier: MIT
// The words of inside-bits around a word of voxels, read from the rows around it.
#pragma once

#include "../../core/case_table.h"
#include "../../core/word.h"
#include "../simd/row_functions.h"

namespace {

using namespace mc;
using namespace mc::cpu;

constexpr CaseTable kCaseTable = derive_case_table();

inline RowBits<u64> load_row(const u64* row, i64 w, i64 words) {
    return row_bits<u64>(row[w], w + 1 < words ? row[w + 1] : 0);
}

inline CellRows<u64> cell_rows(const RowWords& row, i64 w, i64 words) {
    return {{load_row(row.at[0][0], w, words), load_row(row.at[0][1], w, words),
             load_row(row.at[1][0], w, words), load_row(row.at[1][1], w, words)}};
}

// Edges owned by the word's voxels: those towards x + 1, y + 1 and z + 1.
inline CrossedEdges<u64> crossed_edges_of_voxels(const CellRows<u64>& cells, i64 nx, i64 w) {
    const RowBits<u64>* r = cells.row;
    return {(r[0].at ^ r[0].after) & low_bits<u64>(nx - 1 - 64 * w), r[0].at ^ r[1].at, r[0].at ^ r[2].at};
}

// Word w of the cells around a row.
inline void load_cells(const RowCells& row, i64 w, CellBits<u64> (&cells)[4]) {
    for (int k = 0; k < 4; ++k) cells[k] = cell_bits<u64>(row.at[k][w], w > 0 ? row.at[k][w - 1] : 0);
}

// Is there anything to count or emit in the word? False for nearly every word of a usual volume.
inline bool any_differs(const CellRows<u64>& cells, const CrossedEdges<u64>& crossed) {
    const RowBits<u64>* r = cells.row;
    return (crossed.x | crossed.y | crossed.z | (r[0].after ^ r[1].after) | (r[0].after ^ r[2].after) |
            (r[0].at ^ r[3].at) | (r[0].after ^ r[3].after)) != 0;
}

}  // namespace
