// SPDX-License-Identifier: MIT
// Stage 1: which samples are inside. Reads the volume once, writes one bit a sample.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "levels.h"
#include "pipeline.h"
#include "simd/row_functions.h"

namespace mc::cpu {

namespace {

// Copies a strided row next to each other; samples are moved as plain bits of their size.
template <class Bits>
void gather_row(const void* from, i64 n, i64 stride, void* to) {
    const Bits* samples = static_cast<const Bits*>(from);
    Bits* packed = static_cast<Bits*>(to);
    for (i64 x = 0; x < n; ++x) packed[x] = samples[x * stride];
}

using GatherRow = void (*)(const void*, i64, i64, void*);

GatherRow gather_for(int bytes) {
    switch (bytes) {
        case 1:
            return gather_row<u8>;
        case 2:
            return gather_row<u16>;
        case 4:
            return gather_row<u32>;
        default:
            return gather_row<u64>;
    }
}

}  // namespace

void classify(Plan& plan) {
    const Volume& volume = plan.volume;
    const int dtype = static_cast<int>(volume.dtype), bytes = kDtypeBytes[dtype];
    const Level level = level_for(volume);
    const ClassifyRow classify_row = row_functions().classify[dtype];
    const GatherRow gather = gather_for(bytes);
    std::atomic<bool> nan{false};
    plan.team->for_each(volume.rows(), [&](i64 begin, i64 end) {
        std::vector<u64> packed(volume.stride_x == 1 ? 0
                                                     : static_cast<std::size_t>(volume.nx * bytes / 8 + 1));
        bool found = false;
        for (i64 r = begin; r < end; ++r) {
            const void* row = volume.row(r / volume.ny, r % volume.ny);
            if (volume.stride_x != 1) {
                gather(row, volume.nx, volume.stride_x, packed.data());
                row = packed.data();
            }
            found |= classify_row(row, volume.nx, level, plan.bits.data() + r * volume.words());
        }
        if (found) nan = true;
    });
    plan.has_nan = nan;
}

}  // namespace mc::cpu
