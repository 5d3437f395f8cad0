// SPDX-License-Identifier: MIT
// Stage 1 of cells and blocks: which samples are inside, which cells and edges there are, and whether blocks
// agree where they share samples. Bits are joined by atomics, whose order does not show.
#pragma once

#include "sparse_words.cuh"

namespace mc::cuda {

// A row of a block's samples.
struct BlockRow {
    i64 k;  // the block, among the sorted ones
    i64 dy, dz;

    MC_HD BlockRow(const SparseJob& job, i64 number) : k(number), dy(0), dz(0) {
        dy = take_digit(k, job.side_samples);
        dz = take_digit(k, job.side_samples);
    }
};

// A row has its samples and its x-edges, and where the block goes on in y or z, the edges there; a thread
// takes one of its words. Tells of NaN, and of cells that are there already.
MC_HD bool fill_word(const SparseJob& job, const BlockRow& row, i64 part) {
    const Block block(job, row.k);
    const i64 side = job.side.by, x = job.first_x + block.x * side, w = (x >> 5) + part;
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

// Two blocks that meet: the second lies some steps away, by at most one on each axis.
struct Meeting {
    Block mine, theirs;
    i64 x, y, z;

    // Do they differ in one of the rows of samples that they share? z is 0 or -1.
    MC_HD bool differs(const SparseJob& job, i64 row) const {
        const i64 side = job.side.by, dx = x > 0 ? side : 0, count = x ? 1 : side + 1;
        const i64 dy = y ? (y > 0 ? side : 0) : take_digit(row, job.side_samples), dz = z ? 0 : row;
        i64 here = mine.sample(job, dx, dy, dz);
        i64 there = theirs.sample(job, dx - x * side, dy - y * side, dz - z * side);
        bool found = false;
        MC_SHORT_LOOP
        for (i64 k = 0; k < count; ++k, here += job.stride_x, there += job.stride_x)
            found |= sample_in_float64(job, here) != sample_in_float64(job, there);
        return found;
    }
};

// Does a block differ from those before it in one row of blocks, as far as they meet? They stand next to one
// another in the list. Threads share the rows of samples.
MC_HD bool differs_from_row(const SparseJob& job, i64 k, int row_before, i64 thread) {
    const Block mine(job, k);
    const i64 z = row_before < 2 ? 0 : -1, y = row_before == 1 ? -1 : row_before == 0 ? 0 : row_before - 3;
    const i64 on_x = job.blocks_on[0].by, samples = job.side_samples.by;
    if (mine.y + y < 0 || mine.y + y >= job.blocks_on[1].by || mine.z + z < 0) return false;
    const i64 key = job.block_keys[k] + (z * job.blocks_on[1].by + y) * on_x,
              end = key + (row_before ? 1 : -1);
    const i64 rows = (y ? 1 : samples) * (z ? 1 : samples);
    bool found = false;
    MC_SHORT_LOOP
    for (i64 at = first_at_least(job.block_keys, job.blocks, key - 1);
         at < job.blocks && job.block_keys[at] <= end; ++at) {
        const i64 x = job.block_keys[at] - key;
        if (mine.x + x < 0 || mine.x + x >= on_x) continue;  // of another row
        const Meeting meeting{mine, Block(job, at), x, y, z};
        MC_SHORT_LOOP
        for (i64 row = thread; row < rows; row += job.meetings.by) found |= meeting.differs(job, row);
    }
    return found;
}

// Threads first have a word of a row of samples each, then a part of two blocks' meeting. Most rows have one
// word, so the words beyond come last, and whole warps have none.
MC_HD void fill(const SparseJob& job) {
    i64 item = static_cast<i64>(blockIdx.x) * kThreads + threadIdx.x;
    const i64 words = job.rows.by * job.row_parts;
    bool trouble;
    if (item < words) {
        const i64 row = take_digit(item, job.rows);
        trouble = fill_word(job, BlockRow(job, row), item);
    } else {
        item -= words;
        const i64 thread = take_digit(item, job.meetings), k = item / kRowsBefore;
        if (k >= job.blocks) return;
        trouble = differs_from_row(job, k, static_cast<int>(item - k * kRowsBefore), thread);
    }
    if (trouble) static_cast<volatile u32&>(job.totals->flags) = kTrouble;  // as many others may
}

}  // namespace mc::cuda
