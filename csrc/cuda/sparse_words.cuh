// SPDX-License-Identifier: MIT
// Where blocks and words are that are known by their places in the grid: looked up in ascending lists.
#pragma once

#include "sparse_job.h"
#include "warp.cuh"

namespace mc::cuda {

constexpr i64 kNowhere = -1;

// Which of ascending keys is the first that is at least `key`; `count` where none is.
MC_HD i64 first_at_least(const i64* keys, i64 count, i64 key) {
    i64 begin = 0;
    MC_SHORT_LOOP
    while (count > 0) {
        const i64 half = count >> 1;
        const bool below = keys[begin + half] < key;
        begin = below ? begin + half + 1 : begin;
        count = below ? count - half - 1 : half;
    }
    return begin;
}

MC_HD i64 place_of(const i64* keys, i64 count, i64 key) {
    const i64 at = first_at_least(keys, count, key);
    return at < count && keys[at] == key ? at : kNowhere;
}

MC_HD i64 quotient(i64 number, const WideDivisor& d) {
    const u64 of = static_cast<u64>(number);
    return static_cast<i64>((__umul64hi(of, d.multiplier) + of) >> d.shift);
}

// Splits what is left of a number into what a divisor leaves of it, which is returned, and how often.
MC_HD i64 take_digit(i64& number, const WideDivisor& d) {
    const i64 often = quotient(number, d), digit = number - often * d.by;
    number = often;
    return digit;
}

// A block, and its position from the lowest on each axis.
struct Block {
    i64 k;  // among the sorted ones, or kNowhere
    i64 x, y, z;

    // By its position, which may lie beyond all blocks.
    MC_HD Block(const SparseJob& job, i64 at_x, i64 at_y, i64 at_z) : k(kNowhere), x(at_x), y(at_y), z(at_z) {
        const WideDivisor* const on = job.blocks_on;
        if (x < 0 || y < 0 || z < 0 || x >= on[0].by || y >= on[1].by || z >= on[2].by) return;
        k = place_of(job.block_keys, job.blocks, (z * on[1].by + y) * on[0].by + x);
    }

    MC_HD Block(const SparseJob& job, i64 number) : k(number), z(job.block_keys[number]) {
        x = take_digit(z, job.blocks_on[0]);
        y = take_digit(z, job.blocks_on[1]);
    }

    // Where a sample of it lies.
    MC_HD i64 sample(const SparseJob& job, i64 dx, i64 dy, i64 dz) const {
        return job.order[k] * job.stride_volume + dz * job.stride_z + dy * job.stride_y + dx * job.stride_x;
    }
};

template <class Real>
MC_HD Real real_at(const SparseJob& job, i64 at) {
    return static_cast<const Real*>(job.samples)[at];
}

// A sample in float64: it compares there as in float32.
MC_HD double sample_in_float64(const SparseJob& job, i64 at) {
    return job.dtype == kFloat64 ? real_at<double>(job, at) : static_cast<double>(real_at<float>(job, at));
}

// A word of cells and the words around it: rows y + 2z, and what is inside there. Where a cell counts, all
// its words are there.
struct WordsAround {
    i64 at[4];

    MC_HD WordsAround(const SparseJob& job, i64 word) : at{word, kNowhere, kNowhere, kNowhere} {
        const i64 key = job.words[word];
        for (int yz = 1; yz < 4; ++yz)
            at[yz] = place_of(job.words, job.count,
                              key + (yz & 1 ? job.row_keys.by : 0) + (yz & 2 ? job.plane_keys : 0));
    }

    MC_HD CellRows<u32> cells(const SparseJob& job) const {
        CellRows<u32> rows{};
        for (int yz = 0; yz < 4; ++yz)
            if (at[yz] != kNowhere) rows.row[yz] = {job.bits[at[yz]], job.after[at[yz]]};
        return rows;
    }
};

}  // namespace mc::cuda
