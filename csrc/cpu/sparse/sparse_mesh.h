// SPDX-License-Identifier: MIT
// Stages 2 to 4 over planes of which only some samples are known. A source makes the planes, one after the
// other; a thread holds two of them, so that scratch grows with a plane and not with the grid.
#pragma once

#include "../../core/case_table.h"
#include "../../core/edge_vertex.h"
#include "../float_mode.h"
#include "../plan.h"
#include "../simd/row_functions.h"
#include "sparse_plane.h"

namespace mc::cpu {

// What a plane owns: first how many, then, after the scan, where they begin.
using PlaneItems = Chunk;

inline constexpr CaseTable kSparseCases = derive_case_table();

// Where a sparse mesh goes.
struct SparseMesh {
    void* verts;
    void* faces;
    bool double_verts, wide_faces;
};

// A plane and the one above it.
template <class Real>
struct PlanePair {
    const SparsePlane<Real>&lower, &upper;

    // Gives the four words of edges around each word of cells, and those that count, to visit(edges, cells).
    template <class Visit>
    void for_each_word_of_cells(const Visit& visit) const {
        for (std::size_t s = 0; s < lower.words.size(); ++s) {
            if (!lower.words[s].cells[0]) continue;  // a cell that counts has all its four words
            const std::size_t up = static_cast<std::size_t>(lower.at_z[s]);
            const mc::EdgeWord<u64>* const edges[4] = {
                &lower.edges[s], &lower.edges[static_cast<std::size_t>(lower.at_y[s])], &upper.edges[up],
                &upper.edges[static_cast<std::size_t>(upper.at_y[up])]};
            visit(edges, lower.words[s].cells[0]);
        }
    }

    i64 count_triangles() const {
        i64 triangles = 0;
        for_each_word_of_cells([&](const mc::EdgeWord<u64>* const(&edges)[4], u64 cells) {
            const u64 active = active_cells(bits_of(edges), cells);
            if (active) triangles += triangles_of_word(bits_of(edges), active, kSparseCases.triangles);
        });
        return triangles;
    }

    // Triangles follow from `to` on; up to `end` may be written over by what comes later.
    void emit_faces(EmitFacesOfWord emit, void* to, const void* end) const {
        for_each_word_of_cells(
            [&](const mc::EdgeWord<u64>* const(&edges)[4], u64 cells) { to = emit(edges, cells, to, end); });
    }

    template <class Coord>
    void emit_vertices(Real level, Coord* in_plane_to, Coord* upright_to) const {
        const Real z = static_cast<Real>(lower.z);
        for (std::size_t s = 0; s < lower.words.size(); ++s) {
            const mc::EdgeWord<u64>& edges = lower.edges[s];
            const Real* values = lower.values(s);
            const Real y = static_cast<Real>(lower.words[s].y);
            const auto column = [&](int i) { return static_cast<Real>(64 * lower.words[s].w + i); };
            const auto put = [](Coord*& to, Real x, Real row, Real plane) {
                to[0] = static_cast<Coord>(x), to[1] = static_cast<Coord>(row);
                to[2] = static_cast<Coord>(plane);
                to += 3;
            };
            for (u64 left = edges.x | edges.y; left; left &= left - 1) {
                const int i = lowest_bit(left);
                if (edges.x >> i & 1) {
                    const Real next = i < 63 ? values[i + 1] : lower.values(s + 1)[0];
                    put(in_plane_to, column(i) + edge_fraction(values[i], next, level), y, z);
                }
                if (edges.y >> i & 1) {
                    const Real next = lower.values(static_cast<std::size_t>(lower.at_y[s]))[i];
                    put(in_plane_to, column(i), y + edge_fraction(values[i], next, level), z);
                }
            }
            for (u64 left = edges.z; left; left &= left - 1) {
                const int i = lowest_bit(left);
                const Real next = upper.values(static_cast<std::size_t>(lower.at_z[s]))[i];
                put(upright_to, column(i), y, z + edge_fraction(values[i], next, level));
            }
        }
    }
};

// Calls visit(k, pair) for the planes [begin, end) of a source, which has count() planes, z(k) of each, and
// build(k, plane), which is called in ascending order. first_of(k): ids of the planes' first vertices.
template <class Real, class Source, class FirstOf, class Visit>
void walk_planes(Source& source, i64 begin, i64 end, const FirstOf& first_of, const Visit& visit) {
    SparsePlane<Real> lower, upper;
    const auto build = [&](i64 k, SparsePlane<Real>& plane) {
        const PlaneItems first = first_of(k);
        plane.clear(source.z(k), first.in_plane, first.upright);
        source.build(k, plane);
        plane.find_in_plane();
    };
    if (begin < end) build(begin, lower);
    for (i64 k = begin; k < end; ++k) {
        const bool has_next = k + 1 < source.count(), joined = has_next && source.z(k + 1) == source.z(k) + 1;
        if (joined)
            build(k + 1, upper);
        else
            upper.clear(source.z(k) + 1, 0, 0);
        lower.find_upright(upper);
        visit(k, PlanePair<Real>{lower, upper});
        if (!joined && k + 1 < end) build(k + 1, upper);
        std::swap(lower, upper);
    }
}

// Stage 2 of one part of the planes.
template <class Real, class Source>
void count_planes(Source& source, i64 begin, i64 end, PlaneItems* items) {
    const auto first_of = [](i64) { return PlaneItems{0, 0, 0}; };
    walk_planes<Real>(source, begin, end, first_of, [items](i64 k, const PlanePair<Real>& pair) {
        items[k] = {pair.lower.in_plane, pair.lower.upright, pair.count_triangles()};
    });
}

// Stage 3: counts become addresses. One more plane than there are stands at the end.
inline Address scan_planes(std::vector<PlaneItems>& items) {
    Address next;
    for (PlaneItems& plane : items) {
        const PlaneItems count = plane;
        plane = {next.vertices, next.vertices + count.in_plane, next.triangles};
        next.vertices += count.in_plane + count.upright;
        next.triangles += count.triangles;
    }
    return next;
}

// Stage 4 of one part of the planes.
template <class Real, class Coord, class Index, class Source>
void emit_planes(Source& source, i64 begin, i64 end, Real level, const PlaneItems* items,
                 const SparseMesh& to) {
    Coord* verts = static_cast<Coord*>(to.verts);
    Index* faces = static_cast<Index*>(to.faces);
    const Index* faces_end = faces + 3 * items[end].triangles;
    const EmitFacesOfWord emit = row_functions().emit_faces_of_word[sizeof(Index) == sizeof(i64)];
    const auto first_of = [items](i64 k) { return items[k]; };
    walk_planes<Real>(source, begin, end, first_of, [&](i64 k, const PlanePair<Real>& pair) {
        pair.emit_vertices(level, verts + 3 * items[k].in_plane, verts + 3 * items[k].upright);
        pair.emit_faces(emit, faces + 3 * items[k].triangles, faces_end);
    });
}

}  // namespace mc::cpu
