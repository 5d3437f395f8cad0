// SPDX-License-Identifier: MIT
// What the dual mesh is made from: which samples of a grid are inside, and which cells count.
#pragma once

#include <vector>

#include "../../core/dual_word.h"

namespace mc::cpu {

// Planes of one bit a sample and a cell, borrowed from whoever made them. Bits past a row's end are 0.
class BitPlanes {
public:
    i64 nz, ny, nx, words;  // samples a side; 64-bit words a row

    // `inside` and `cells` have a row of words for each row of samples; no `cells`: all count.
    // `closed`: the grid's first and last samples on every side are a layer around the volume.
    BitPlanes(const u64* inside, const u64* cells, i64 planes, i64 rows, i64 samples, bool closed)
        : nz(planes),
          ny(rows),
          nx(samples),
          words((samples + 63) / 64),
          inside_(inside),
          cells_(cells),
          closed_(closed) {
        for (std::vector<u64>* row : {&none_, &all_, &inner_, &deep_})
            row->assign(static_cast<std::size_t>(words), 0);
        for (i64 x = 0; x < nx - 1; ++x) {
            const std::size_t w = static_cast<std::size_t>(x / 64);
            const u64 bit = u64(1) << (x % 64);
            all_[w] |= bit;
            if (x > 0) inner_[w] |= bit;
            if (x > 0 && x < nx - 2) deep_[w] |= bit;
        }
    }

    const u64* inside(i64 z, i64 y) const { return inside_ + (z * ny + y) * words; }
    bool all_count() const { return !cells_; }

    // Cells that count of any row, also beyond the grid: none of those does.
    const u64* cells(i64 z, i64 y) const {
        if (z < 0 || y < 0 || z >= nz - 1 || y >= ny - 1) return none_.data();
        return cells_ ? cells_ + (z * ny + y) * words : all_.data();
    }

    // Cells of a row: none, all but the first.
    const u64* none() const { return none_.data(); }
    const u64* inner() const { return inner_.data(); }

    // Where all cells count: the cells of a row at `sides` faces of the grid that have one vertex where their
    // case has one loop of edges. A loop meets one face of its cell in two edges next to each other, so a
    // cell at one face of the grid has one run of live edges; at two it may have other. A layer of outside
    // samples makes them all rare.
    const u64* plain(int sides) const {
        if (closed_) return sides == 0 ? deep_.data() : none_.data();
        if (sides > 1 || nx == 2) return none_.data();
        return sides == 0 ? all_.data() : deep_.data();
    }

    // Which of the 27 cells around one count: bit 9 * (1 + dz) + 3 * (1 + dy) + 1 + dx.
    u32 cells_around(i64 z, i64 y, i64 x) const {
        const u32 three[3] = {sides(x, nx), sides(y, ny), sides(z, nz)};
        u32 around = 0;
        for (int k = 0; k < 9; ++k) {
            if (!(three[1] >> (k % 3) & 1) || !(three[2] >> (k / 3) & 1)) continue;
            u32 found = three[0];
            if (cells_) found &= three_from(cells(z + k / 3 - 1, y + k % 3 - 1), x);
            around |= found << (3 * k);
        }
        return around;
    }

    // The case of a cell of the grid.
    int case_at(i64 z, i64 y, i64 x) const {
        int cube_case = 0;
        for (int c = 0; c < kCorners; ++c)
            cube_case |= inside_at(z + (c >> 2), y + (c >> 1 & 1), x + (c & 1)) << c;
        return cube_case;
    }

private:
    // Which of the cells before, at and after place `at` of `n` samples there are.
    static u32 sides(i64 at, i64 n) { return (at > 0 ? 1u : 0u) | 2u | (at < n - 2 ? 4u : 0u); }

    static u32 three_from(const u64* row, i64 x) {
        u32 found = 0;
        for (int k = 0; k < 3; ++k) {
            const i64 at = x + k - 1;
            if (at >= 0) found |= static_cast<u32>(row[at / 64] >> (at % 64) & 1) << k;
        }
        return found;
    }

    int inside_at(i64 z, i64 y, i64 x) const {
        return static_cast<int>(inside(z, y)[x / 64] >> (x % 64) & 1);
    }

    const u64 *inside_, *cells_;
    bool closed_;
    std::vector<u64> none_, all_, inner_, deep_;
};

}  // namespace mc::cpu
