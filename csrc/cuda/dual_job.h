// SPDX-License-Identifier: MIT
// What the host hands to the kernels of the dual mesh. Of a job's arrays they use in their own way:
//     ranks         the vertices before the word within its tile, and kSeveral where one of its cells has
//                   more than one
//     active        a bit a word of the segment that owns anything
//     triangles     quads before the segment within its tile
//     vertex_tiles  (nz, 2, plane_tiles): the tiles' vertices, and after a plane's as many zeros
//     triangle_tiles  quads
#pragma once

#include "job.h"

namespace mc::cuda {

constexpr u32 kSeveral = 0x80000000u;
constexpr int kCountBits = 3;  // of how many vertices a cell has: fewer than eight

struct DualJob : Job {
    u32* vertices[kCountBits];  // (nz, plane_words) each, stage 2, of segments that are not all alike: of the
                                // cells' numbers of vertices one bit; all but the first only where kSeveral
    double spacing[3];          // between samples on x, y and z: quads are cut along their shorter diagonal
    u32 cut;                    // are they, and not kept whole?
    u32 wide_verts;             // are coordinates float64, and not float32?
};

}  // namespace mc::cuda
