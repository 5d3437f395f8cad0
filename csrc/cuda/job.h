// SPDX-License-Identifier: MIT
// What the host hands to the kernels: the one interface between pipeline.cpp and the .cuh files.
//
// Samples are handled 32 at a time, a bit each, in words. The words of a plane are numbered in raster order
// and padded to whole segments: 32 words, a warp's work. 32 segments of a plane are a tile, a block's work in
// stage 2. Numbers within a plane have 32 bits, those of the whole volume 64.
#pragma once

#include "../core/host_device.h"

namespace mc::cuda {

constexpr int kWordBits = 32;
constexpr int kSegmentWords = 32;
constexpr int kTileSegments = 32;
constexpr int kTileWords = kSegmentWords * kTileSegments;
constexpr int kSegmentSamples = kWordBits * kSegmentWords;
constexpr int kThreads = 256;       // a block of stages 1 and 2
constexpr int kScanThreads = 1024;  // the one block of stage 3
constexpr int kScanItems = 8;       // consecutive counts that one of its threads takes at a time
constexpr int kEmitThreads = 128;   // a block of stage 4
constexpr int kEmitBlocks = 5;      // as many of them as a multiprocessor's registers are to hold, at least
constexpr u32 kHasNan = 1;
constexpr i64 kMostPlaneWords = i64(1) << 31;  // a plane has fewer

// The sample types, by their numbers.
enum Dtype : u32 { kFloat32, kFloat64, kFloat16, kBfloat16, kUint8, kInt8, kInt16, kInt32, kDtypes };

// What the host reads back: the only thing, once. It lies in the host's memory, or in the device's where the
// results have a fixed size and the host does not wait.
struct Totals {
    i64 vertices, triangles;
    u32 flags;     // kHasNan
    u32 overflow;  // of results of a fixed size: do they not hold the mesh? Then stage 4 writes nothing
};

// Divides numbers below 2^31 by one that the host knows: a multiplication and a shift.
struct Divisor {
    u32 by, multiplier, shift;
};

// Sizes are in items, strides in samples.
struct Job {
    const void* samples;               // sample (0, 0, 0)
    u32 dtype;                         // an index of kDtypeNames, for kernels that read several types
    u32 nz, ny;                        // samples a side, both below 2^31
    i64 nx;                            // likewise
    i64 stride_z, stride_y, stride_x;  // of the volume
    double level64;                    // the level, for samples computed with in float64
    float level32;                     // and for all others
    u32 row_end;                       // the bits of a row's last word whose sample has a neighbour in x
    Divisor row_words;                 // words a row
    Divisor plane_tiles;               // tiles a plane, the last one not full
    Divisor plane_classify_blocks;     // blocks of kThreads, a warp a segment, that make a plane
    Divisor plane_emit_blocks;         // likewise, blocks of kEmitThreads
    u32 plane_segments;                // segments a plane, the last one not full
    u32 plane_last_word;               // the number of a plane's last word
    u32 plane_words;                   // words a plane in memory: those of whole segments
    u32* bits;                         // (nz, plane_words), stage 1: inside-bits
    u32* ranks;                        // likewise, stage 2, of segments that are not all alike: in-plane |
                                       //   upright << 16, the vertices before the word within its tile;
                                       //   until then, of a request: the samples that count
    u32* active;                       // (nz, plane_segments), stage 2: a bit a word of the segment
                                       //   that owns anything
    u32* triangles;                    // likewise: triangles before the segment within its tile
    i64* vertex_tiles;                 // (nz, 2, plane_tiles), stage 2: counts of in-plane, then of upright
                                       //   vertices; stage 3: the ids of their first ones
    i64* triangle_tiles;               // (nz, plane_tiles): likewise
    u32* cells;                        // (nz, plane_words), stage 1 of a request: the cells that count
    Totals* totals;                    // all 0 at first; stage 1: flags; stage 3: the rest
    void* verts;                       // (V, 3), stage 4
    void* faces;                       // (F, 3), stage 4
    // Of a request that selects samples or closes the border; the sides above are the grid's then.
    const u8* mask;                                   // of sample (0, 0, 0): 0 where it does not count
    i64 mask_stride_z, mask_stride_y, mask_stride_x;  // in bytes
    i64 volume_nz, volume_ny, volume_nx;              // samples a side
    u32 border;                                       // samples of the layer around them, 0 or 1
    u32 skip_nan;                                     // does NaN not count, and is no error?
    u32 wide_faces;                                   // are they int64, and not int32?
    u32 selects;                                      // does stage 1 say which samples count?
    // Of a batch: its volumes lie one above the other in the grid, and no cell counts between them.
    u32 volumes;            // at least 1
    Divisor volume_planes;  // planes of the grid that are a volume's
    i64 stride_volume, mask_stride_volume;
    const double* levels;             // (volumes); null: one for all
    i64 tiles;                        // counted by stage 2: nz * plane_tiles, 0 where no cell fits the grid
    i64* offsets;                     // (2, volumes + 1), stage 3: where each volume's vertices, then
                                      //   triangles begin, and where all end; -1 with a NaN, of a fixed size
    u32 fixed;                        // do the results have a fixed size, which the host does not wait for?
    i64 max_vertices, max_triangles;  // that size
};

// Trilinear interpolation; see core/trilinear.h.
struct InterpolateJob {
    const void* samples;  // (channels, nz, ny, nx), C contiguous, float or double
    const void* points;   // (count, 3), of the same type
    void* values;         // (count, channels)
    i64 channels, nz, ny, nx, count;
};

}  // namespace mc::cuda
