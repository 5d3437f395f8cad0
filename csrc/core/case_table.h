// SPDX-License-Identifier: MIT
// The 256-case table, derived at compile time from the cube's geometry; nothing is typed in.
//
// On each face of the cube the surface joins the crossed edges so that every run of inside corners is
// cut off on its own: an ambiguous face separates its inside corners. Neighbouring cells see the same
// face, decide alike, and the mesh closes. The joins, followed from edge to edge, form loops; each loop
// becomes a fan of triangles.
#pragma once

#include "cube.h"

namespace mc {

struct CaseTable {
    u8 triangles[kCases];                     // how many triangles the case has, 0..5
    u8 edges[kCases][3 * kMaxTriangles + 1];  // their edges, three a triangle, padded with 0
};

namespace detail {

// For each crossed edge of a case, the edge where its directed segment leads; -1 where not crossed.
struct Joins {
    int next[kEdges];
};

// The face's corners, counter-clockwise seen from outside the cube.
constexpr int face_corner(int axis, int side, int k) {
    const int u = 1 << ((axis + 1) % 3), v = 1 << ((axis + 2) % 3);
    const int step = side ? k : (4 - k) % 4;  // the lower face is seen from the other side
    const int ring = step == 0 ? 0 : step == 1 ? u : step == 2 ? u + v : v;
    return ring + (side << axis);
}

constexpr bool corner_inside(int cube_case, int corner) { return ((cube_case >> corner) & 1) != 0; }

// Walking the face counter-clockwise, a run of inside corners begins on the edge that enters it and
// ends on the edge that leaves it. The segment runs from the entry to the exit: then the inside lies
// on its right seen from outside, and the loop turns right-handed around the direction of higher values.
constexpr void join_face(int cube_case, int axis, int side, Joins& joins) {
    for (int k = 0; k < 4; ++k) {
        const int before = face_corner(axis, side, k), first = face_corner(axis, side, (k + 1) % 4);
        if (corner_inside(cube_case, before) || !corner_inside(cube_case, first)) continue;
        int last = (k + 1) % 4;
        while (corner_inside(cube_case, face_corner(axis, side, (last + 1) % 4))) last = (last + 1) % 4;
        const int exit = edge_between(face_corner(axis, side, last), face_corner(axis, side, (last + 1) % 4));
        joins.next[edge_between(before, first)] = exit;
    }
}

constexpr Joins join_faces(int cube_case) {
    Joins joins{};
    for (int edge = 0; edge < kEdges; ++edge) joins.next[edge] = -1;
    for (int axis = 0; axis < 3; ++axis)
        for (int side = 0; side < 2; ++side) join_face(cube_case, axis, side, joins);
    return joins;
}

// A loop of edges, in the order of the joins.
struct Loop {
    int size;
    int edge[kEdges];
};

constexpr Loop follow(const Joins& joins, int start) {
    Loop loop{};
    int at = start;
    do {
        loop.edge[loop.size++] = at;
        at = joins.next[at];
    } while (at != start);
    return loop;
}

// A diagonal between two edges of one face would lie in that face, where the neighbouring cell may
// draw the same one: four triangles on an edge. Counts such diagonals of the fan around `apex`.
constexpr int flat_diagonals(const Loop& loop, int apex) {
    int flat = 0;
    for (int k = 2; k + 1 < loop.size; ++k)
        flat += edges_share_face(loop.edge[apex], loop.edge[(apex + k) % loop.size]);
    return flat;
}

// The smallest edge number among the apexes with the fewest flat diagonals.
constexpr int choose_apex(const Loop& loop) {
    int best = 0;
    for (int apex = 1; apex < loop.size; ++apex) {
        const int flat = flat_diagonals(loop, apex), least = flat_diagonals(loop, best);
        if (flat < least || (flat == least && loop.edge[apex] < loop.edge[best])) best = apex;
    }
    return best;
}

constexpr void add_fan(const Loop& loop, CaseTable& table, int cube_case) {
    const int apex = choose_apex(loop);
    for (int k = 1; k + 1 < loop.size; ++k) {
        u8* edges = table.edges[cube_case] + 3 * table.triangles[cube_case]++;
        edges[0] = static_cast<u8>(loop.edge[apex]);
        edges[1] = static_cast<u8>(loop.edge[(apex + k) % loop.size]);
        edges[2] = static_cast<u8>(loop.edge[(apex + k + 1) % loop.size]);
    }
}

// Calls visit(loop) for a case's loops, in the order of each one's least edge.
template <class Visit>
constexpr void for_each_loop(int cube_case, const Visit& visit) {
    const Joins joins = join_faces(cube_case);
    bool seen[kEdges] = {};
    for (int edge = 0; edge < kEdges; ++edge) {
        if (joins.next[edge] < 0 || seen[edge]) continue;
        const Loop loop = follow(joins, edge);
        for (int k = 0; k < loop.size; ++k) seen[loop.edge[k]] = true;
        visit(loop);
    }
}

}  // namespace detail

constexpr CaseTable derive_case_table() {
    CaseTable table{};
    for (int cube_case = 0; cube_case < kCases; ++cube_case)
        detail::for_each_loop(cube_case,
                              [&](const detail::Loop& loop) { detail::add_fan(loop, table, cube_case); });
    return table;
}

}  // namespace mc
