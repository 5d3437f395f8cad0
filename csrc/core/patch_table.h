// SPDX-License-Identifier: MIT
// The patches of a case, for the dual mesh: its loops of edges, derived from the joins of case_table.h.
//
// A loop becomes a vertex, an edge the quad between the vertices of the four cells around it. Two cells meet
// along the segments of their common face. An ambiguous face has two; where both cells run both of them
// through one loop, the same two vertices would meet twice and their mesh edge would have four faces: the
// face is pinched. Both cells then cut it the other way, by taking the loops of the opposite case. That moves
// no other face: a case with a face that can be pinched has no other ambiguous one.
#pragma once

#include "case_table.h"

namespace mc {

constexpr int kMaxPatches = 4;  // loops of a case
constexpr u8 kNoFace = 255;

// Faces are numbered 2 * axis + side, as in `edge_faces`.
struct PatchTable {
    u8 patches[kCases];              // how many loops the case has
    u16 edges[kCases][kMaxPatches];  // bit e: edge e is one of the loop's
    u8 ring[kCases][kEdges];         // the crossed edges, loop after loop, each as its joins lead
    u8 pinched[kCases];              // the face whose two segments belong to one loop, or kNoFace
};

namespace detail {

constexpr bool ambiguous_face(int cube_case, int axis, int side) {
    const bool first = corner_inside(cube_case, face_corner(axis, side, 0));
    const bool second = corner_inside(cube_case, face_corner(axis, side, 1));
    return first != second && first == corner_inside(cube_case, face_corner(axis, side, 2)) &&
           second == corner_inside(cube_case, face_corner(axis, side, 3));
}

constexpr int edges_of_face(int face) {
    int edges = 0;
    for (int edge = 0; edge < kEdges; ++edge)
        if (edge_faces(edge) >> face & 1) edges |= 1 << edge;
    return edges;
}

constexpr void add_loop(const Loop& loop, PatchTable& table, int cube_case, int& ringed) {
    const int patch = table.patches[cube_case]++;
    for (int k = 0; k < loop.size; ++k) {
        const int edge = loop.edge[k];
        table.edges[cube_case][patch] = static_cast<u16>(table.edges[cube_case][patch] | 1 << edge);
        table.ring[cube_case][ringed++] = static_cast<u8>(edge);
    }
}

constexpr void find_pinched(PatchTable& table, int cube_case) {
    table.pinched[cube_case] = kNoFace;
    for (int face = 0; face < 6; ++face) {
        if (!ambiguous_face(cube_case, face / 2, face % 2)) continue;
        const int edges = edges_of_face(face);
        for (int patch = 0; patch < table.patches[cube_case]; ++patch)
            if ((table.edges[cube_case][patch] & edges) == edges)
                table.pinched[cube_case] = static_cast<u8>(face);
    }
}

}  // namespace detail

constexpr PatchTable derive_patch_table() {
    PatchTable table{};
    for (int cube_case = 0; cube_case < kCases; ++cube_case) {
        int ringed = 0;
        detail::for_each_loop(
            cube_case, [&](const detail::Loop& loop) { detail::add_loop(loop, table, cube_case, ringed); });
        detail::find_pinched(table, cube_case);
    }
    return table;
}

// The case whose loops a cell takes, its neighbour across its own pinched face being of case `beyond`.
MC_HD int patch_case(const PatchTable& table, int cube_case, int beyond) {
    const bool both = table.pinched[beyond] == (table.pinched[cube_case] ^ 1);
    return both ? kCases - 1 - cube_case : cube_case;
}

// A cell's vertices where not all of its edges bear a quad: one for each run of `live` edges along a loop,
// the first run being the one after the first edge that is not live; so no vertex is without a face, or holds
// two fans together. Calls put(edges of the loop, edges of the run) for each.
template <class Put>
MC_HD void for_each_vertex(const PatchTable& table, int cube_case, int live, const Put& put) {
    const u8* ring = table.ring[cube_case];
    MC_SHORT_LOOP
    for (int patch = 0; patch < table.patches[cube_case]; ++patch) {
        const int edges = table.edges[cube_case][patch], size = popcount(static_cast<u32>(edges));
        int first = 0;  // the edge after the first that is not live
        MC_SHORT_LOOP
        while (first < size && live >> ring[first] & 1) ++first;
        if (first == size) {
            put(edges, edges);
        } else {
            int run = 0;
            MC_SHORT_LOOP
            for (int k = 1; k <= size; ++k) {  // ends on the edge that is not live
                const int edge = ring[(first + k) % size];
                if (live >> edge & 1)
                    run |= 1 << edge;
                else if (run)
                    put(edges, run), run = 0;
            }
        }
        ring += size;
    }
}

}  // namespace mc
