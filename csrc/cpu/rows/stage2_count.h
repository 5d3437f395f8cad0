// SPDX-License-Identifier: MIT
// Stage 2 on a run of rows: how many vertices and triangles each owns, from the inside-bits alone.
#pragma once

#include "row_words.h"

namespace {

RowCounts count_row(const RowWords& row) {
    RowCounts counts{};
    const i64 words = row.words();
    for (i64 w = 0; w < words; ++w) {
        const CellRows<u64> cells = cell_rows(row, w, words);
        const CrossedEdges<u64> crossed = crossed_edges_of_voxels(cells, row.nx, w);
        if (!any_differs(cells, crossed)) continue;
        counts.in_plane += static_cast<u32>(popcount(crossed.x) + popcount(crossed.y));
        counts.upright += static_cast<u32>(popcount(crossed.z));
        if (!row.has_cells) continue;
        const u64 active = active_cells(cells, low_bits<u64>(row.nx - 1 - 64 * w));
        if (active)
            counts.triangles += static_cast<u32>(triangles_of_word(cells, active, kCaseTable.triangles));
    }
    return counts;
}

inline void count_rows(const RowWords& first, i64 n, RowCounts* counts) {
    RowWords row = first;
    for (i64 r = 0; r < n; ++r, row = row.next()) counts[r] = count_row(row);
}

}  // namespace
