// SPDX-License-Identifier: MIT
// A word of voxels with the edges it owns, and the ids of a cell's twelve edges looked up in four of them.
#pragma once

#include "word.h"

namespace mc {

// The voxels of one word of a row: their inside-bits, the edges they own that the surface crosses, and the
// ids of the first vertices on those. 64 bytes, a cache line, where the word has 64 bits.
template <class Word>
struct EdgeWord {
    Word at, after;         // inside-bits of the voxels, and of those at x + 1
    Word x, x_after;        // crossed x-edges of the voxels, and of those at x + 1
    Word y, z;              // crossed y- and z-edges
    i64 in_plane, upright;  // id of the first vertex on x- and y-edges, on z-edges
};

// The four words around a word of cells: row[y + 2z].
template <class Word>
MC_HD CellRows<Word> bits_of(const EdgeWord<Word>* const (&row)[4]) {
    return {{{row[0]->at, row[0]->after},
             {row[1]->at, row[1]->after},
             {row[2]->at, row[2]->after},
             {row[3]->at, row[3]->after}}};
}

// Gives the ids of cell i's edges to put(edge, id); an id means something where its edge is crossed.
template <class Word, class Put>
MC_HD void ids_of_cell(const EdgeWord<Word>* const (&rows)[4], int i, const Put& put) {
    const auto bit = [i](Word word) { return static_cast<i64>(word >> i & 1); };
    for (int yz = 0; yz < 4; ++yz) {
        const EdgeWord<Word>& row = *rows[yz];
        const i64 first = row.in_plane + in_plane_rank(row.x, row.y, i);
        put(yz, first);
        if (yz & 1) continue;  // the cell's y-edges belong to the rows at y
        const i64 after_x = first + bit(row.x);
        put(4 + yz, after_x);
        put(5 + yz, after_x + bit(row.y) + bit(row.x_after));
    }
    for (int y = 0; y < 2; ++y) {
        const EdgeWord<Word>& row = *rows[y];
        const i64 first = row.upright + popcount(static_cast<Word>(row.z & bits_below<Word>(i)));
        put(8 + 2 * y, first);
        put(9 + 2 * y, first + bit(row.z));
    }
}

}  // namespace mc
