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

template <class Lanes, class T>
bool classify_row(const void* samples, i64 n, const Level& level, u64* words) {
    const T* row = static_cast<const T*>(samples);
    u64 nan = 0;
    i64 x = 0;
    for (; x + 64 <= n; x += 64) *words++ = Lanes::inside64(row + x, level, nan);
    if (x < n) {
        T tail[64] = {};
        std::memcpy(tail, row + x, static_cast<std::size_t>(n - x) * sizeof(T));
        *words = Lanes::inside64(tail, level, nan) & low_bits<u64>(n - x);
    }
    return nan != 0;
}

}  // namespace
