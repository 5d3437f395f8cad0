// SPDX-License-Identifier: MIT
// One bit a sample or a cell of a grid, a row in whole words, and the algebra of rows. Bits past a row's end
// are 0.
#pragma once

#include <algorithm>
#include <vector>

#include "../../core/word.h"
#include "../buffer.h"

namespace mc::cpu {

class BitGrid {
public:
    i64 nz = 0, ny = 0, nx = 0, words = 0;  // samples a side; words a row

    BitGrid() = default;
    BitGrid(i64 planes, i64 rows, i64 samples)
        : nz(planes),
          ny(rows),
          nx(samples),
          words((samples + 63) / 64),
          bits_(static_cast<std::size_t>(planes * rows * words)) {
        clear();
    }
    void clear() { std::fill_n(bits_.data(), nz * ny * words, u64(0)); }

    u64* row(i64 z, i64 y) { return bits_.data() + (z * ny + y) * words; }
    const u64* row(i64 z, i64 y) const { return bits_.data() + (z * ny + y) * words; }
    i64 plane_words() const { return ny * words; }
    bool at(i64 z, i64 y, i64 x) const { return row(z, y)[x / 64] >> (x % 64) & 1; }
    void set(i64 z, i64 y, i64 x) { row(z, y)[x / 64] |= u64(1) << (x % 64); }
    u64 end_mask(i64 w) const { return low_bits<u64>(nx - 64 * w); }

    i64 count_plane(i64 z) const {
        i64 set_bits = 0;
        const u64* plane = row(z, 0);
        for (i64 w = 0; w < plane_words(); ++w) set_bits += popcount(plane[w]);
        return set_bits;
    }

private:
    Buffer<u64> bits_;
};

// Word w of a row moved by one sample: each bit comes from x + 1, or from x - 1.
inline u64 from_after(const u64* row, i64 w, i64 words) {
    return row_bits<u64>(row[w], w + 1 < words ? row[w + 1] : 0).after;
}
inline u64 from_before(const u64* row, i64 w) {
    return cell_bits<u64>(row[w], w > 0 ? row[w - 1] : 0).before;
}

// to |= from, and its neighbours along x.
inline void add_widened(const u64* from, i64 words, u64* to) {
    for (i64 w = 0; w < words; ++w) to[w] |= from[w] | from_after(from, w, words) | from_before(from, w);
}
inline void add(const u64* from, i64 words, u64* to) {
    for (i64 w = 0; w < words; ++w) to[w] |= from[w];
}

// Each bit of the word's lower half, twice as far.
inline u64 spread(u64 half) {
    u64 w = half & 0xffffffffull;
    w = (w | w << 16) & 0x0000ffff0000ffffull;
    w = (w | w << 8) & 0x00ff00ff00ff00ffull;
    w = (w | w << 4) & 0x0f0f0f0f0f0f0f0full;
    w = (w | w << 2) & 0x3333333333333333ull;
    return (w | w << 1) & 0x5555555555555555ull;
}

}  // namespace mc::cpu
