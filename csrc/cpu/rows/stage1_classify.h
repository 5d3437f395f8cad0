// SPDX-License-Identifier: MIT
// Stage 1 on one row: compare each sample with the level, 64 to a word. `Lanes` is the SIMD level's own
// `inside64(samples, level, nan)`; it adds to `nan` a non-zero value where a NaN was among the samples.
#pragma once

#include <cstring>

#include "../../core/word.h"
#include "../simd/row_functions.h"

namespace {

using namespace mc;
using namespace mc::cpu;

// How far ahead of the comparison the samples are asked for, in bytes: a page, where the processor's own
// prefetching ends.
constexpr i64 kAhead = 4096;

inline void prefetch_lines(const char* from, std::size_t bytes) {
#if defined(__GNUC__)
    for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(from + at);
#else
    (void)from, (void)bytes;
#endif
}

// 1, 2, 4 … read from memory: compilers make vector code of a loop that picks them, but not of one that
// shifts.
struct Bits {
    u32 bit[32];

    constexpr Bits() : bit{} {
        for (int i = 0; i < 32; ++i) bit[i] = 1u << i;
    }
};
constexpr Bits kBits;

template <class Lanes, class T>
bool classify_row(const void* samples, i64 n, const Level& level, u64* words) {
    const T* row = static_cast<const T*>(samples);
    u64 nan = 0;
    i64 x = 0;
    for (; x + 64 <= n; x += 64) {
        prefetch_lines(reinterpret_cast<const char*>(row + x) + kAhead, 64 * sizeof(T));
        *words++ = Lanes::inside64(row + x, level, nan);
    }
    if (x < n) {
        T tail[64] = {};
        std::memcpy(tail, row + x, static_cast<std::size_t>(n - x) * sizeof(T));
        *words = Lanes::inside64(tail, level, nan) & low_bits<u64>(n - x);
    }
    return nan != 0;
}

// The bits of the samples that are not NaN. Compilers make vector code of picking them from a table.
template <class T>
u64 known64(const T* samples) {
    u32 half[2] = {};
    for (int k = 0; k < 2; ++k)
        for (int i = 0; i < 32; ++i) {
            const auto v = SampleType<T>::read(samples[32 * k + i]);
            half[k] |= v == v ? kBits.bit[i] : 0u;
        }
    return half[0] | static_cast<u64>(half[1]) << 32;
}

// Few words of a usual volume hold a NaN: only those are looked at twice.
template <class Lanes, class T>
bool classify_known_row(const void* samples, i64 n, const Level& level, u64* words, u64* known) {
    const T* row = static_cast<const T*>(samples);
    bool any = false;
    const auto classify_word = [&](const T* from) {
        u64 nan = 0;
        *words++ = Lanes::inside64(from, level, nan);
        *known++ = nan ? known64(from) : ~u64(0);
        any |= nan != 0;
    };
    i64 x = 0;
    for (; x + 64 <= n; x += 64) {
        prefetch_lines(reinterpret_cast<const char*>(row + x) + kAhead, 64 * sizeof(T));
        classify_word(row + x);
    }
    if (x < n) {
        T tail[64] = {};
        std::memcpy(tail, row + x, static_cast<std::size_t>(n - x) * sizeof(T));
        classify_word(tail);
        words[-1] &= low_bits<u64>(n - x);
    }
    return any;
}

// A row's last word is read with the next row's first, and then freed of what that brought: the last sample
// has no cell.
inline void counting_cells(const ValidRows& valid, i64 rows, u64* cells) {
    const i64 words = valid.step_y;
    const u64 *here = valid.first, *y = here + valid.step_y, *z = here + valid.step_z, *yz = z + valid.step_y;
    for (i64 w = 0; w < rows * words; ++w) {
        const u64 at = here[w] & y[w] & z[w] & yz[w], next = here[w + 1] & y[w + 1] & z[w + 1] & yz[w + 1];
        cells[w] = at & row_bits<u64>(at, next).after;
    }
    const u64 last = low_bits<u64>(valid.nx - 1 - 64 * (words - 1));
    for (i64 r = 1; r <= rows; ++r) cells[r * words - 1] &= last;
}

}  // namespace
