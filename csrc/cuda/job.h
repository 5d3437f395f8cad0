// SPDX-License-Identifier: MIT
// What the host hands to the kernels: the one interface between pipeline.cpp and the .cuh files.
//
// Samples are handled 32 at a time, a bit each, in words. The words of a plane are numbered in raster order
// and padded to whole segments: 32 words, a warp's work. 32 segments of a plane are a tile, a block's work.
#pragma once

#include "../core/host_device.h"

namespace mc::cuda {

constexpr int kWordBits = 32;
constexpr int kSegmentWords = 32;
constexpr int kTileSegments = 32;
constexpr int kTileWords = kSegmentWords * kTileSegments;
constexpr int kThreads = 256;       // a block of stages 1, 2 and 4
constexpr int kScanThreads = 1024;  // the one block of stage 3
constexpr int kScanItems = 8;       // consecutive counts that one of its threads takes at a time
constexpr u32 kHasNan = 1;

// What the host reads back: the only thing, once.
struct Totals {
    i64 vertices, triangles;
    u32 flags;  // kHasNan
    u32 unused;
};

// Sizes are in items, strides in samples.
struct Job {
    const void* samples;               // sample (0, 0, 0); the kernel knows its type
    i64 nz, ny, nx;                    // samples a side
    i64 stride_z, stride_y, stride_x;  // of the volume
    double level64;                    // the level, for samples computed with in float64
    float level32;                     // and for all others
    i32 wide_faces;                    // faces are int64, not int32
    i64 row_words;                     // words a row
    i64 plane_segments, plane_tiles;   // segments and tiles a plane, the last ones not full
    u32* bits;                         // (nz, plane_segments * kSegmentWords), stage 1: inside-bits
    u32* ranks;                        // likewise, stage 2: in-plane | upright << 16, the vertices before the
                                       //   word within its segment
    u32* active;                       // (nz, plane_segments), stage 2: a bit a word of the segment
                                       //   that owns anything
    u32* in_plane;                     // likewise: in-plane vertices before the segment within its tile
    u32* upright;                      // likewise: z-edge vertices
    u32* triangles;                    // likewise: triangles
    i64* vertex_tiles;                 // (nz, 2, plane_tiles), stage 2: counts of in-plane, then of upright
                                       //   vertices; stage 3: the ids of their first ones
    i64* triangle_tiles;               // (nz, plane_tiles): likewise
    Totals* totals;                    // stage 1: flags; stage 3: the rest
    void* verts;                       // (V, 3), stage 4
    void* faces;                       // (F, 3), stage 4
};

// Trilinear interpolation; see core/trilinear.h.
struct InterpolateJob {
    const void* samples;  // (channels, nz, ny, nx), C contiguous, float or double
    const void* points;   // (count, 3), of the same type
    void* values;         // (count, channels)
    i64 channels, nz, ny, nx, count;
};

}  // namespace mc::cuda
