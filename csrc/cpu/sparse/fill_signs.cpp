// SPDX-License-Identifier: MIT
#include "fill_signs.h"

#include "../float_mode.h"
#include "bit_grid.h"

namespace mc::cpu {

namespace {

// Bits that run along a row through `open` ones, both ways, from those that are set.
void run_along(u64* row, const u64* open, i64 words) {
    u64 carry = 0;
    for (i64 w = 0; w < words; ++w) {
        u64 from = (row[w] | carry) & open[w];
        for (u64 grown; (grown = from | (from << 1 & open[w])) != from;) from = grown;
        row[w] |= from;
        carry = row[w] >> 63;
    }
    carry = 0;
    for (i64 w = words - 1; w >= 0; --w) {
        u64 from = (row[w] | carry << 63) & open[w];
        for (u64 grown; (grown = from | (from >> 1 & open[w])) != from;) from = grown;
        row[w] |= from;
        carry = row[w] & 1;
    }
}

// One row takes what it can reach from the one beside it; whether that was anything.
bool reach_from(const u64* beside, const u64* open, i64 words, u64* row) {
    u64 fresh = 0;
    for (i64 w = 0; w < words; ++w) {
        const u64 reached = beside[w] & open[w] & ~row[w];
        row[w] |= reached;
        fresh |= reached;
    }
    if (fresh) run_along(row, open, words);
    return fresh != 0;
}

// Fills `reached`, which holds the starts, through `open`: sweeps up and down until nothing is new.
void flood(BitGrid& reached, const BitGrid& open) {
    const i64 nz = open.nz, ny = open.ny, words = open.words;
    for (i64 z = 0; z < nz; ++z)
        for (i64 y = 0; y < ny; ++y) run_along(reached.row(z, y), open.row(z, y), words);
    const auto visit = [&](i64 z, i64 y, i64 step) {
        bool fresh = false;
        u64* row = reached.row(z, y);
        const i64 from_y = y - step, from_z = z - step;
        if (from_y >= 0 && from_y < ny)
            fresh |= reach_from(reached.row(z, from_y), open.row(z, y), words, row);
        if (from_z >= 0 && from_z < nz)
            fresh |= reach_from(reached.row(from_z, y), open.row(z, y), words, row);
        return fresh;
    };
    for (bool fresh = true; fresh;) {
        fresh = false;
        for (i64 r = 0; r < nz * ny; ++r) fresh |= visit(r / ny, r % ny, 1);
        for (i64 r = nz * ny - 1; r >= 0; --r) fresh |= visit(r / ny, r % ny, -1);
    }
}

// Unknown samples that known ones of one side lie beside, as starts: those themselves are marked for that.
BitGrid starts_beside(const BitGrid& side, const BitGrid& open) {
    BitGrid starts(open.nz, open.ny, open.nx);
    for (i64 z = 0; z < open.nz; ++z)
        for (i64 y = 0; y < open.ny; ++y) {
            u64* to = starts.row(z, y);
            add_widened(side.row(z, y), open.words, to);
            if (y > 0) add(side.row(z, y - 1), open.words, to);
            if (y + 1 < open.ny) add(side.row(z, y + 1), open.words, to);
            if (z > 0) add(side.row(z - 1, y), open.words, to);
            if (z + 1 < open.nz) add(side.row(z + 1, y), open.words, to);
            for (i64 w = 0; w < open.words; ++w) to[w] &= open.row(z, y)[w];
        }
    return starts;
}

}  // namespace

i64 fill_signs(float* samples, i64 nz, i64 ny, i64 nx, float level, float low, float high) {
    const FloatMode exact;
    BitGrid open(nz, ny, nx), inside(nz, ny, nx), outside(nz, ny, nx);
    for (i64 r = 0; r < nz * ny; ++r)
        for (i64 x = 0; x < nx; ++x) {
            const float value = samples[r * nx + x];
            BitGrid& grid = value != value ? open : value < level ? inside : outside;
            grid.set(r / ny, r % ny, x);
        }
    BitGrid in = starts_beside(inside, open), out = starts_beside(outside, open);
    flood(in, open);
    flood(out, open);
    i64 left_open = 0;
    for (i64 r = 0; r < nz * ny; ++r)
        for (i64 x = 0; x < nx; ++x) {
            if (!open.at(r / ny, r % ny, x)) continue;
            const bool is_in = in.at(r / ny, r % ny, x), is_out = out.at(r / ny, r % ny, x);
            if (is_in == is_out)
                ++left_open;
            else
                samples[r * nx + x] = is_in ? low : high;
        }
    return left_open;
}

}  // namespace mc::cpu
