// SPDX-License-Identifier: MIT
#pragma once

#include "simd/row_functions.h"

namespace mc::cpu {

// The inside-bits around row (z, y). Past the border, and past the planes that the slab owns, the last row
// stands in for the missing one: two equal rows have no crossed edge between them.
inline RowWords row_words_at(const Slab& slab, i64 nx, i64 z, i64 y) {
    const bool has_z = z < slab.end && z + 1 < slab.last, has_y = y + 1 < slab.ny;
    const u64 *row = slab.bits_of(z, y), *row_z = has_z ? row + slab.ny * slab.words : row;
    const i64 step_y = has_y ? slab.words : 0;
    return {{{row, row + step_y}, {row_z, row_z + step_y}}, nx, has_z && has_y};
}

inline RowCells row_cells_at(const Slab& slab, i64 z, i64 y) {
    return {
        {slab.cells_of(z, y), slab.cells_of(z, y - 1), slab.cells_of(z - 1, y), slab.cells_of(z - 1, y - 1)}};
}

}  // namespace mc::cpu
