// SPDX-License-Identifier: MIT
// The cube: every number that names a corner, an edge or a face is drawn here, once.
//
//            6 ------ 3 ------ 7          corner = x + 2y + 4z, bit `corner` of a case is 1 where the
//           /|                /|          corner is inside
//         10 |   z          11 |
//         .  6   | y        .  7          inside:  value < level, strictly (NaN is never inside)
//        2 --|--- 1 ------ 3   |
//        |   |   |/__ x    |   |          edge = 4 * axis + a + 2b, where (a, b) are the other two
//        |   4 --|--- 2 ---|-- 5          coordinates of the edge's lower corner, lower axis first:
//        4  /              5  /               x-edges  0 + y + 2z      (0, 1, 2, 3)
//        | 8               | 9                y-edges  4 + x + 2z      (4, 5, 6, 7)
//        |/                |/                 z-edges  8 + x + 2y      (8, 9, 10, 11)
//        0 ------ 0 ------ 1
//
// An edge belongs to its lower corner's voxel, so it has one vertex however many cells touch it.
// Triangles wind so that right-hand normals point to higher values: away from the inside.
#pragma once

#include "host_device.h"

namespace mc {

constexpr int kCorners = 8;
constexpr int kEdges = 12;
constexpr int kCases = 256;
constexpr int kMaxTriangles = 5;  // in one cell

constexpr int edge_axis(int edge) { return edge / 4; }

// Lower corner of an edge: its two free coordinates go to the two axes that are not its own.
constexpr int edge_lower_corner(int edge) {
    const int axis = edge_axis(edge), a = edge & 1, b = (edge >> 1) & 1;
    if (axis == 0) return 2 * a + 4 * b;
    if (axis == 1) return a + 4 * b;
    return a + 2 * b;
}

constexpr int edge_upper_corner(int edge) { return edge_lower_corner(edge) + (1 << edge_axis(edge)); }

// The edge between two corners that differ in one coordinate.
constexpr int edge_between(int corner_a, int corner_b) {
    const int low = corner_a & corner_b, step = corner_a ^ corner_b;
    if (step == 1) return (low >> 1) & 3;
    if (step == 2) return 4 + (low & 1) + ((low >> 1) & 2);
    return 8 + (low & 3);
}

// The two faces of the cube an edge lies on: bit 2 * axis + side of each.
constexpr int edge_faces(int edge) {
    const int low = edge_lower_corner(edge);
    int faces = 0;
    for (int axis = 0; axis < 3; ++axis)
        if (axis != edge_axis(edge)) faces |= 1 << (2 * axis + ((low >> axis) & 1));
    return faces;
}

// Do two edges lie on a common face of the cube?
constexpr bool edges_share_face(int e, int f) { return (edge_faces(e) & edge_faces(f)) != 0; }

}  // namespace mc
