// SPDX-License-Identifier: MIT
// Where a thread stands, and what a warp does together.
#pragma once

#include "../core/edge_word.h"
#include "job.h"

#if defined(MC_EMULATED_GPU)
#include MC_EMULATED_GPU
#endif

namespace mc::cuda {

constexpr u32 kWholeWarp = 0xffffffffu;

MC_HD int lane() { return static_cast<int>(threadIdx.x % 32); }
MC_HD int warp_of_block() { return static_cast<int>(threadIdx.x / 32); }

// Widened before it is multiplied: there are grids of more than 2^32 threads.
MC_HD i64 global_warp() { return (static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x) / 32; }

// The sum over the lanes up to and with this one.
template <class Number>
MC_HD Number inclusive_sum(Number value) {
    for (int step = 1; step < 32; step *= 2) {
        const Number below = __shfl_up_sync(kWholeWarp, value, step);
        if (lane() >= step) value += below;
    }
    return value;
}

// Where a word of voxels stands in the volume.
struct WordPlace {
    i64 z, y, w;
};

// A plane's words are fewer than 2^32 for any plane of less than 2^37 samples, which no GPU holds.
MC_HD WordPlace place_in_plane(const Job& job, i64 z, i64 word) {
    const u32 row_words = static_cast<u32>(job.row_words), at = static_cast<u32>(word);
    return {z, static_cast<i64>(at / row_words), static_cast<i64>(at % row_words)};
}

MC_HD i64 plane_words(const Job& job) { return job.plane_segments * kSegmentWords; }

// A word's number in the padded arrays.
MC_HD i64 word_number(const Job& job, i64 z, i64 y, i64 w) {
    return z * plane_words(job) + y * job.row_words + w;
}

// The inside-bits of row (z, y) around word w. Past the border the last row stands in for the missing one:
// nothing is crossed between equal rows.
struct Neighbours {
    i64 z[2], y[3];

    MC_HD Neighbours(const Job& job, const WordPlace& at) : z{}, y{} {
        for (int k = 0; k < 2; ++k) z[k] = at.z + k < job.nz ? at.z + k : job.nz - 1;
        for (int k = 0; k < 3; ++k) y[k] = at.y + k < job.ny ? at.y + k : job.ny - 1;
    }
};

MC_HD RowBits<u32> load_row(const Job& job, i64 z, i64 y, i64 w) {
    const u32* word = job.bits + word_number(job, z, y, w);
    return row_bits<u32>(word[0], w + 1 < job.row_words ? word[1] : 0u);
}

// Samples of word w that have a neighbour in x.
MC_HD u32 with_neighbour(const Job& job, i64 w) { return low_bits<u32>(job.nx - 1 - kWordBits * w); }

}  // namespace mc::cuda
