// SPDX-License-Identifier: MIT
// What the host hands to the kernels of cells and blocks of cells; a cell is a block of one.
//
// The words of samples that blocks touch are a list of keys, ascending, which is raster order:
//     (z * plane_rows + y) * row_words + w
// counted from the lowest word, row and plane. Rows and planes have room for one more than there are, so that
// the keys after the last of them are nobody's. A key may be listed several times: the first is the word, the
// others own nothing. 32 words of the list are a segment, a warp's work; 8 segments are a tile, a block's.
//
// Of a job's arrays they use in their own way:
//     bits            (words), inside-bits, of unknown samples 0; those at x + 1 lie in `after`
//     cells           (words), the cells that blocks hold
//     ranks           (words), in-plane | upright << 16, the vertices before the word within its tile
//     triangles       (segments), triangles before the segment within its tile
//     vertex_tiles    (2, tiles), the tiles' in-plane vertices, then their upright ones; after stage 3 what
//                     lies before each in this order, so that the middle one is the number of in-plane ones
//     triangle_tiles  (tiles)
// What is a batch's volume there is a block here, as far as strides go. Samples are float32 or float64, as
// they are computed with. All but these are of other kernels.
#pragma once

#include "job.h"

namespace mc::cuda {

constexpr int kRowsBefore = 5;  // a block's own row of blocks, and the four before it that it touches
constexpr u32 kTrouble = 1;     // of Totals::flags: a NaN, a block that is there twice, samples that differ

// Divides numbers below 2^63 by one that the host knows; see Divisor.
struct WideDivisor {
    u64 multiplier;
    i64 by;
    u32 shift;
};

struct SparseJob : Job {
    // Blocks in raster order. A key is (z * blocks_on[1] + y) * blocks_on[0] + x, from the lowest on each
    // axis.
    const i64* block_keys;  // (blocks), ascending
    const i64* order;       // (blocks), the caller's number of each
    i64 blocks;
    WideDivisor blocks_on[3];  // positions from the lowest to the highest, both included: x, y, z
    WideDivisor side;          // cells a side
    WideDivisor side_samples;  // samples a side
    WideDivisor rows;          // of samples, of all blocks
    i64 row_parts;             // the most words that one touches
    WideDivisor meetings;      // threads that hold a block against those beside it in one row of blocks

    const i64* words;        // (count), the words' keys
    i64 count;               // below 2^31
    WideDivisor row_keys;    // keys a row
    WideDivisor plane_rows;  // rows a plane
    i64 plane_keys;          // keys a plane
    i64 origin[3];           // x of the lowest word's first sample, y and z of the lowest sample
    u32 first_x;             // the lowest sample's x, from there

    u32* after;      // (words), the inside-bits at x + 1, of samples that have an x-edge to there
    u32* edges[3];   // (words) each: the x-, y- and z-edges that a cell uses; from stage 2 on those of them
                     // that the surface crosses
    u32 wide_verts;  // are coordinates float64, and not float32?
};

}  // namespace mc::cuda
