// SPDX-License-Identifier: MIT
// Stage 1 of cells and blocks: which samples are inside, which cells and edges there are, and whether blocks
// agree where they share samples. Bits are joined by atomics, whose order does not show.
#pragma once

#include "sparse_words.cuh"

namespace mc::cuda {

// A row of a block's samples, or a part of one: a thread's work.
struct BlockRow {
    i64 k;  // the block, among the sorted ones
    i64 dy, dz, part;

    MC_HD explicit BlockRow(const SparseJob& job) : k(blockIdx.x), dy(0), dz(0), part(0) {
        k = k * kThreads + threadIdx.x;
        part = take_digit(k, job.row_parts);
        dy = take_digit(k, job.side_samples);
        dz = take_digit(k, job.side_samples);
    }
};

// A row has its samples and its x-edges, and where the block goes on in y or z, the edges there. Tells of
// NaN, and of cells that are there already.
MC_HD bool fill_words(const SparseJob& job, const Block& block, const BlockRow& row) {
    const i64 side = job.side.by, x = job.first_x + block.x * side, w = (x >> 5) + row.part;
    // From here on x counts from the word's first sample; the row's first one may lie before.
    const i64 row_x = x - kWordBits * w, row_end = row_x + side + 1, begin = row_x < 0 ? 0 : row_x;
    if (begin >= kWordBits || begin >= row_end) return false;
    const double level = job.dtype == kFloat64 ? job.level64 : static_cast<double>(job.level32);
    i64 at = block.sample(job, begin - row_x, row.dy, row.dz);
    u64 inside = 0;
    bool trouble = false;
    MC_SHORT_LOOP
    for (i64 k = begin; k < row_end && k <= kWordBits; ++k, at += job.stride_x) {
        const double sample = sample_in_float64(job, at);
        inside |= (sample < level ? u64(1) : 0) << k;
        trouble |= sample != sample;
    }
    const i64 z = block.z * side + row.dz, y = block.y * side + row.dy;
    const i64 word = place_of(job.words, job.count, (z * job.plane_rows.by + y) * job.row_keys.by + w);
    const u32 from = ~low_bits<u32>(begin), samples = from & low_bits<u32>(row_end),
              cells = from & low_bits<u32>(row_end - 1);
    if (inside) {
        atomicOr(job.bits + word, static_cast<u32>(inside));
        atomicOr(job.after + word, static_cast<u32>(inside >> 1) & cells);
    }
    atomicOr(job.edges[0] + word, cells);
    if (row.dy < side) atomicOr(job.edges[1] + word, samples);
    if (row.dz < side) atomicOr(job.edges[2] + word, samples);
    if (row.dy < side && row.dz < side) trouble |= (atomicOr(job.cells + word, cells) & cells) != 0;
    return trouble;
}

// A block's step to another one around it.
struct Step {
    i64 x, y, z;
};

// Do the samples that the row shares with a block some steps away differ?
MC_HD bool differs(const SparseJob& job, const Block& block, const BlockRow& row, const Step& step) {
    const Block other(job, block.x + step.x, block.y + step.y, block.z + step.z);
    if (other.k == kNowhere) return false;
    const i64 side = job.side.by, begin = step.x > 0 ? side : 0, end = step.x < 0 ? 0 : side;
    i64 mine = block.sample(job, begin, row.dy, row.dz);
    i64 theirs = other.sample(job, begin - step.x * side, row.dy - step.y * side, row.dz - step.z * side);
    bool found = false;
    MC_SHORT_LOOP
    for (i64 k = begin; k <= end; ++k, mine += job.stride_x, theirs += job.stride_x)
        found |= sample_in_float64(job, mine) != sample_in_float64(job, theirs);
    return found;
}

// A row is held against the blocks before its own, out of the 26 around it, that share samples with it.
MC_HD bool differs_from_any(const SparseJob& job, const Block& block, const BlockRow& row) {
    const auto shares = [&](i64 step, i64 at) { return step == 0 || at == (step < 0 ? 0 : job.side.by); };
    bool found = false;
    MC_SHORT_LOOP
    for (int before = 0; before < 13; ++before) {
        const Step step{before % 3 - 1, before / 3 % 3 - 1, before / 9 - 1};
        if (shares(step.y, row.dy) && shares(step.z, row.dz)) found |= differs(job, block, row, step);
    }
    return found;
}

MC_HD void fill(const SparseJob& job) {
    const BlockRow row(job);
    if (row.k >= job.blocks) return;
    const Block block(job, row.k);
    bool trouble = fill_words(job, block, row);
    if (row.part == 0) trouble |= differs_from_any(job, block, row);
    if (trouble) static_cast<volatile u32&>(job.totals->flags) = kTrouble;  // as many others may
}

}  // namespace mc::cuda
