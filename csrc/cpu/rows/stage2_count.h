// SPDX-License-Identifier: MIT
// Stage 2 on a run of rows: how many vertices and triangles each owns, from the inside-bits alone.
#pragma once

#include "row_words.h"

namespace {

// Adds up a row's words. `counting(w, crossed)` leaves those of the crossed edges that have a vertex, and
// gives the cells that may have triangles.
template <class Counting>
RowCounts count_words(const RowWords& row, const Counting& counting) {
    RowCounts counts{};
    const i64 words = row.words();
    for (i64 w = 0; w < words; ++w) {
        const CellRows<u64> cells = cell_rows(row, w, words);
        CrossedEdges<u64> crossed = crossed_edges_of_voxels(cells, row.nx, w);
        if (!any_differs(cells, crossed)) continue;
        const u64 valid = counting(w, crossed);
        counts.in_plane += static_cast<u32>(popcount(crossed.x) + popcount(crossed.y));
        counts.upright += static_cast<u32>(popcount(crossed.z));
        if (!row.has_cells) continue;
        const u64 active = active_cells(cells, valid);
        if (active)
            counts.triangles += static_cast<u32>(triangles_of_word(cells, active, kCaseTable.triangles));
    }
    return counts;
}

RowCounts count_row(const RowWords& row) {
    return count_words(row, [&row](i64 w, CrossedEdges<u64>&) { return low_bits<u64>(row.nx - 1 - 64 * w); });
}

constexpr u64 kMixed = 1;

// What all the row's bits are, 0 or ~0; kMixed where they differ.
inline u64 alike(const u64* row, i64 nx) {
    const i64 last = (nx - 1) / 64;
    const u64 all = 0 - (row[0] & 1);
    u64 differ = (row[last] ^ all) & low_bits<u64>(nx - 64 * last);
    for (i64 w = 0; w < last; ++w) differ |= row[w] ^ all;
    return differ ? kMixed : all;
}

// Most rows of a usual volume own nothing: each of the four around them is one kind of sample, the same.
inline void count_rows(const RowWords& first, i64 n, RowCounts* counts) {
    RowWords row = first;
    u64 at = alike(row.at[0][0], row.nx), above = alike(row.at[1][0], row.nx);
    for (i64 r = 0; r < n; ++r, row = row.next()) {
        const u64 at_y = alike(row.at[0][1], row.nx), above_y = alike(row.at[1][1], row.nx);
        const bool empty = at != kMixed && at == above && at == at_y && at == above_y;
        counts[r] = empty ? RowCounts{} : count_row(row);
        at = at_y;
        above = above_y;
    }
}

// The row where not all cells count: no more than what those use.
inline RowCounts count_used_row(const RowWords& row, const RowCells& cells_around) {
    return count_words(row, [&cells_around](i64 w, CrossedEdges<u64>& crossed) {
        CellBits<u64> counting[4];
        load_cells(cells_around, w, counting);
        crossed = used_edges(crossed, counting);
        return counting[0].at;
    });
}

}  // namespace
