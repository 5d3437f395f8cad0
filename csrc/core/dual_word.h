// SPDX-License-Identifier: MIT
// The bit algebra of the dual mesh: which edges bear a quad, and what a cell knows of the cells around it.
// Bit i of a row's word w of valid cells is the cell at x = kBits * w + i.
#pragma once

#include "word.h"

namespace mc {

// A row's valid cells at one word, and those one cell before and after in x.
template <class Word>
struct ValidRow {
    Word before, at, after;
};

template <class Word>
MC_HD ValidRow<Word> valid_row(Word previous, Word word, Word next) {
    return {static_cast<Word>(word << 1 | previous >> (WordOf<Word>::kBits - 1)), word,
            static_cast<Word>(word >> 1 | next << (WordOf<Word>::kBits - 1))};
}

// The nine rows around a word of cells: row[1 + dz][1 + dy].
template <class Word>
struct AroundCells {
    ValidRow<Word> row[3][3];
};

// Edges of a word of voxels that bear a quad where they are crossed: all four cells around them are valid.
template <class Word>
MC_HD CrossedEdges<Word> live_edges(const AroundCells<Word>& v) {
    const ValidRow<Word>&here = v.row[1][1], &before_y = v.row[1][0], &before_z = v.row[0][1];
    return {static_cast<Word>(here.at & before_y.at & before_z.at & v.row[0][0].at),
            static_cast<Word>(here.at & here.before & before_z.at & before_z.before),
            static_cast<Word>(here.at & here.before & before_y.at & before_y.before)};
}

// Cells all of whose edges are live, as far as one row of those around them tells.
template <class Word>
MC_HD Word deep_beside(const ValidRow<Word>& row, int dy, int dz) {
    return dy == 0 || dz == 0 ? static_cast<Word>(row.at & row.before & row.after) : row.at;
}

template <class Word>
MC_HD Word deep_cells(const AroundCells<Word>& v) {
    Word deep = ~Word(0);
    for (int dz = -1; dz < 2; ++dz)
        for (int dy = -1; dy < 2; ++dy) deep &= deep_beside(v.row[1 + dz][1 + dy], dy, dz);
    return deep;
}

// Which of the 27 cells around cell i are valid: bit 9 * (1 + dz) + 3 * (1 + dy) + 1 + dx.
template <class Word>
MC_HD u32 cells_around(const AroundCells<Word>& v, int i) {
    u32 around = 0;
    for (int row = 0; row < 9; ++row) {
        const ValidRow<Word>& cells = v.row[row / 3][row % 3];
        const u32 three = static_cast<u32>(cells.before >> i & 1) | static_cast<u32>(cells.at >> i & 1) << 1 |
                          static_cast<u32>(cells.after >> i & 1) << 2;
        around |= three << (3 * row);
    }
    return around;
}

// The four cells around an edge of the middle one, as bits of `cells_around`.
constexpr u32 cells_at_edge(int edge) {
    const int low = edge_lower_corner(edge), axis = edge_axis(edge);
    u32 cells = 0;
    for (int k = 0; k < 8; ++k) {  // the cells before and at the edge in every direction but its own
        int at = 0;
        for (int d = 0, step = 1; d < 3; ++d, step *= 3) {
            const int back = d == axis ? 0 : k >> d & 1;
            at += step * (1 + (low >> d & 1) - back);
        }
        cells |= 1u << at;
    }
    return cells;
}

struct EdgeSurroundings {
    u32 cells[kEdges];

    constexpr EdgeSurroundings() : cells{} {
        for (int edge = 0; edge < kEdges; ++edge) cells[edge] = cells_at_edge(edge);
    }
};

// Edges of the middle cell that are live, a bit each.
MC_HD int live_edges_of_cell(const EdgeSurroundings& at_edge, u32 around) {
    int live = 0;
    for (int edge = 0; edge < kEdges; ++edge)
        live |= static_cast<int>((around & at_edge.cells[edge]) == at_edge.cells[edge]) << edge;
    return live;
}

// The place of a cell's neighbour across face 2 * axis + side among `cells_around`.
MC_HD int beyond_face(int face) {
    const int step = face < 2 ? 1 : face < 4 ? 3 : 9;
    return 13 + (face & 1 ? step : -step);
}

}  // namespace mc
