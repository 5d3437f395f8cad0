// SPDX-License-Identifier: MIT
// The bit algebra of a word of samples: 64 on the CPU, 32 on the GPU. Bit i of a row's word w is the
// sample x = kBits * w + i; `next` is the word after it in the same row (0 past the end).
//
// A cell is named by its lower corner, so one word of cells reads four rows of inside-bits:
//     [y, z]  00 and 10 (y + 1)  at z,   01 and 11 (y + 1)  at z + 1.
#pragma once

#include "cube.h"

namespace mc {

template <class Word>
struct WordOf {
    static constexpr int kBits = 8 * static_cast<int>(sizeof(Word));
};

// A row's inside-bits at one word, and the same bits one sample further in x.
template <class Word>
struct RowBits {
    Word at;     // corner x = 0
    Word after;  // corner x = 1
};

template <class Word>
MC_HD RowBits<Word> row_bits(Word word, Word next) {
    return {word, static_cast<Word>(word >> 1 | next << (WordOf<Word>::kBits - 1))};
}

// Bits of the first `n` samples of a word: all of them where n >= kBits, none where n <= 0.
template <class Word>
MC_HD Word low_bits(i64 n) {
    if (n >= WordOf<Word>::kBits) return ~Word(0);
    return n <= 0 ? Word(0) : static_cast<Word>((Word(1) << n) - 1);
}

// Bits below position i, 0 <= i < kBits.
template <class Word>
MC_HD Word bits_below(int i) {
    return static_cast<Word>((Word(1) << i) - 1);
}

// The four rows around a word of cells: row[y + 2z].
template <class Word>
struct CellRows {
    RowBits<Word> row[4];
};

// Cells of the word whose corners are not all alike, out of the `valid` ones.
template <class Word>
MC_HD Word active_cells(const CellRows<Word>& c, Word valid) {
    const Word all = c.row[0].at & c.row[0].after & c.row[1].at & c.row[1].after & c.row[2].at &
                     c.row[2].after & c.row[3].at & c.row[3].after;
    const Word any = c.row[0].at | c.row[0].after | c.row[1].at | c.row[1].after | c.row[2].at |
                     c.row[2].after | c.row[3].at | c.row[3].after;
    return any & ~all & valid;
}

// The case of cell i: corner x + 2y + 4z gives bit x + 2y + 4z.
template <class Word>
MC_HD int case_of_cell(const CellRows<Word>& c, int i) {
    int cube_case = 0;
    for (int yz = 0; yz < 4; ++yz) {
        cube_case |= static_cast<int>(c.row[yz].at >> i & 1) << (2 * yz);
        cube_case |= static_cast<int>(c.row[yz].after >> i & 1) << (2 * yz + 1);
    }
    return cube_case;
}

// Cells of the word with more than one loop of edges, or none: those whose triangle count the formula
// of `triangles_of_word` does not give. A cell has several loops only where a face is ambiguous or where
// the inside (or the outside) is two opposite corners; the test lets a few single loops through too.
template <class Word>
MC_HD Word ambiguous_cells(const CellRows<Word>& c) {
    const RowBits<Word>* r = c.row;
    // A face is ambiguous where its diagonals are each of one kind, and differ.
    const auto face = [](Word a, Word b, Word d, Word e) {  // a, e and b, d lie diagonally
        return static_cast<Word>(~(a ^ e) & ~(b ^ d) & (a ^ b));
    };
    Word found = face(r[0].at, r[0].after, r[1].at, r[1].after);    // z = 0
    found |= face(r[2].at, r[2].after, r[3].at, r[3].after);        // z = 1
    found |= face(r[0].at, r[0].after, r[2].at, r[2].after);        // y = 0
    found |= face(r[1].at, r[1].after, r[3].at, r[3].after);        // y = 1
    found |= face(r[0].at, r[1].at, r[2].at, r[3].at);              // x = 0
    found |= face(r[0].after, r[1].after, r[2].after, r[3].after);  // x = 1
    // Opposite corners alike and all their six neighbours of the other kind.
    for (int yz = 0; yz < 2; ++yz) {
        const auto pair = [&](Word a, Word z, Word n0, Word n1, Word n2, Word n3, Word n4, Word n5) {
            const Word neighbours_all = n0 & n1 & n2 & n3 & n4 & n5;
            const Word neighbours_any = n0 | n1 | n2 | n3 | n4 | n5;
            return static_cast<Word>((a & z & ~neighbours_any) | (~(a | z) & neighbours_all));
        };
        const int far = 3 - yz, u = 1 - yz, v = 2 + yz;
        found |=
            pair(r[yz].at, r[far].after, r[yz].after, r[u].at, r[u].after, r[v].at, r[v].after, r[far].at);
        found |=
            pair(r[yz].after, r[far].at, r[yz].at, r[u].at, r[u].after, r[v].at, r[v].after, r[far].after);
    }
    return found;
}

struct Popcount {
    template <class Word>
    MC_HD int operator()(Word word) const {
        return popcount(word);
    }
};

// Edges of the `active` cells that the surface crosses, counted once a cell. `Word` may also be a vector of
// words, with a `count` that gives their popcounts as lanes.
template <class Word, class Count>
MC_HD auto crossed_edges(const CellRows<Word>& c, Word active, Count count) {
    const RowBits<Word>* r = c.row;
    const auto on_x = [&](int yz) { return count((r[yz].at ^ r[yz].after) & active); };
    const auto between = [&](int low, int high) {  // the y- or z-edges between two rows, on both sides in x
        return count((r[low].at ^ r[high].at) & active) + count((r[low].after ^ r[high].after) & active);
    };
    return on_x(0) + on_x(1) + on_x(2) + on_x(3) + between(0, 1) + between(2, 3) + between(0, 2) +
           between(1, 3);
}

// Triangles of the word's active cells that have one loop: a loop of n edges makes n - 2 triangles.
template <class Word, class Count>
MC_HD auto plain_triangles(const CellRows<Word>& c, Word plain, Count count) {
    return crossed_edges(c, plain, count) - 2 * count(plain);
}

// Triangles of the word's active cells; the rare ones that may have several loops are looked up one by one.
template <class Word>
MC_HD int triangles_of_word(const CellRows<Word>& c, Word active, const u8* case_triangles) {
    Word rare = ambiguous_cells(c) & active;
    int triangles = plain_triangles(c, static_cast<Word>(active & ~rare), Popcount{});
    for (; rare; rare &= rare - 1) triangles += case_triangles[case_of_cell(c, lowest_bit(rare))];
    return triangles;
}

// The edges a word of voxels owns and the surface crosses: one vertex each.
template <class Word>
struct CrossedEdges {
    Word x, y, z;
};

// The cells of a word of voxels that count, and those at x - 1; `previous` is the row's word before.
template <class Word>
struct CellBits {
    Word at, before;
};

template <class Word>
MC_HD CellBits<Word> cell_bits(Word word, Word previous) {
    return {word, static_cast<Word>(word << 1 | previous >> (WordOf<Word>::kBits - 1))};
}

// Out of the crossed edges, those that belong to a cell that counts: only these have a vertex. The cells are
// those of the voxels' row and of the rows at y - 1, at z - 1, and at both.
template <class Word>
MC_HD CrossedEdges<Word> used_edges(const CrossedEdges<Word>& crossed, const CellBits<Word> (&cells)[4]) {
    const CellBits<Word>&here = cells[0], &y = cells[1], &z = cells[2], &yz = cells[3];
    return {static_cast<Word>(crossed.x & (here.at | y.at | z.at | yz.at)),
            static_cast<Word>(crossed.y & (here.at | here.before | z.at | z.before)),
            static_cast<Word>(crossed.z & (here.at | here.before | y.at | y.before))};
}

// Vertices of a row's in-plane edges before the x-edge of voxel i, counted from the word's first voxel:
// raster order, x before y.
template <class Word>
MC_HD int in_plane_rank(Word crossed_x, Word crossed_y, int i) {
    const Word below = bits_below<Word>(i);
    return popcount(static_cast<Word>(crossed_x & below)) + popcount(static_cast<Word>(crossed_y & below));
}

}  // namespace mc
