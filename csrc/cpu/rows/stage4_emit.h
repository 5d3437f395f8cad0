// SPDX-License-Identifier: MIT
// Stage 4 on one row: write its vertices and triangles, each at its own address.
#pragma once

#include "row_words.h"

namespace {

void find_edges(const EdgeSource& from, const EdgeRow& to) {
    const i64 words = (from.nx + 63) / 64;
    i64 in_plane = from.in_plane, upright = from.upright;
    for (i64 w = 0; w < words; ++w) {
        const RowBits<u64> row = load_row(from.row, w, words);
        to.x[w] = (row.at ^ row.after) & low_bits<u64>(from.nx - 1 - 64 * w);
        to.y[w] = row.at ^ from.row_y[w];
        to.z[w] = row.at ^ from.row_z[w];
        to.in_plane[w] = in_plane;
        to.upright[w] = upright;
        in_plane += popcount(to.x[w]) + popcount(to.y[w]);
        upright += popcount(to.z[w]);
    }
    to.x[words] = to.y[words] = to.z[words] = 0;
}

template <class Real>
Real level_as(const Level& level) {
    if constexpr (sizeof(Real) == sizeof(float))
        return level.f32;
    else
        return level.f64;
}

// The samples a row's vertices lie between, and the row's place in the volume.
template <class T>
struct RowSamples {
    using Real = typename SampleType<T>::Real;
    const T *here, *up_y, *up_z;
    i64 stride_x;
    Real level, y, z;

    explicit RowSamples(const RowOutput& out)
        : here(static_cast<const T*>(out.samples)),
          up_y(static_cast<const T*>(out.samples_y)),
          up_z(static_cast<const T*>(out.samples_z)),
          stride_x(out.stride_x),
          level(level_as<Real>(*out.level)),
          y(static_cast<Real>(out.y)),
          z(static_cast<Real>(out.z)) {}

    Real fraction(const T& low, const T& high) const {
        return edge_fraction(SampleType<T>::read(low), SampleType<T>::read(high), level);
    }
};

template <class Coord, class Real>
Coord* write_vertex(Coord* to, Real x, Real y, Real z) {
    to[0] = static_cast<Coord>(x);
    to[1] = static_cast<Coord>(y);
    to[2] = static_cast<Coord>(z);
    return to + 3;
}

// Vertices on the x- and y-edges of the voxels x0 + i, in raster order, x before y.
template <class T, class Coord>
Coord* emit_in_plane(const RowSamples<T>& row, i64 x0, u64 crossed_x, u64 crossed_y, Coord* to) {
    using Real = typename SampleType<T>::Real;
    for (u64 left = crossed_x | crossed_y; left; left &= left - 1) {
        const int i = lowest_bit(left);
        const i64 x = x0 + i, at = x * row.stride_x;
        const Real fx = static_cast<Real>(x);
        if (crossed_x >> i & 1)
            to = write_vertex(to, fx + row.fraction(row.here[at], row.here[at + row.stride_x]), row.y, row.z);
        if (crossed_y >> i & 1)
            to = write_vertex(to, fx, row.y + row.fraction(row.here[at], row.up_y[at]), row.z);
    }
    return to;
}

// Vertices on the z-edges of the voxels x0 + i.
template <class T, class Coord>
Coord* emit_upright(const RowSamples<T>& row, i64 x0, u64 crossed_z, Coord* to) {
    using Real = typename SampleType<T>::Real;
    for (; crossed_z; crossed_z &= crossed_z - 1) {
        const i64 x = x0 + lowest_bit(crossed_z), at = x * row.stride_x;
        to = write_vertex(to, static_cast<Real>(x), row.y, row.z + row.fraction(row.here[at], row.up_z[at]));
    }
    return to;
}

template <class T>
void emit_vertices_of_row(const RowOutput& out) {
    using Coord = typename SampleType<T>::Coord;
    const RowSamples<T> row(out);
    const EdgeRow& edges = *out.edges[0][0];
    Coord* in_plane = static_cast<Coord*>(out.in_plane);
    Coord* upright = static_cast<Coord*>(out.upright);
    const i64 words = out.row.words();
    for (i64 w = 0; w < words; ++w) {
        in_plane = emit_in_plane(row, 64 * w, edges.x[w], edges.y[w], in_plane);
        upright = emit_upright(row, 64 * w, edges.z[w], upright);
    }
}

// The crossed edges around a word of cells, and the id of the first vertex of each of their rows.
struct WordEdges {
    u64 x[4], y[4], z[2];  // rows [y + 2z], z-edges [y]
    u64 x_after[2];        // the x-edges of the voxels x + 1, rows [z] at y
    i64 in_plane[4], upright[2];

    WordEdges(const RowOutput& out, i64 w) {
        for (int yz = 0; yz < 4; ++yz) {
            const EdgeRow& row = *out.edges[yz >> 1][yz & 1];
            x[yz] = row.x[w];
            y[yz] = row.y[w];
            in_plane[yz] = row.in_plane[w];
        }
        for (int k = 0; k < 2; ++k) {
            x_after[k] = row_bits<u64>(x[2 * k], out.edges[k][0]->x[w + 1]).after;
            z[k] = out.edges[0][k]->z[w];
            upright[k] = out.edges[0][k]->upright[w];
        }
    }
};

// The ids of a cell's twelve edges, meaningful where the edge is crossed.
template <class Index>
void ids_of_cell(const WordEdges& e, int i, Index* id) {
    const auto bit = [i](u64 word) { return static_cast<i64>(word >> i & 1); };
    for (int yz = 0; yz < 4; ++yz) {
        const i64 first = e.in_plane[yz] + in_plane_rank(e.x[yz], e.y[yz], i);
        id[yz] = static_cast<Index>(first);
        if (yz & 1) continue;  // the cell's y-edges belong to the rows at y
        const i64 after_x = first + bit(e.x[yz]);
        id[4 + yz] = static_cast<Index>(after_x);
        id[5 + yz] = static_cast<Index>(after_x + bit(e.y[yz]) + bit(e.x_after[yz >> 1]));
    }
    for (int y = 0; y < 2; ++y) {
        const i64 first = e.upright[y] + popcount(e.z[y] & bits_below<u64>(i));
        id[8 + 2 * y] = static_cast<Index>(first);
        id[9 + 2 * y] = static_cast<Index>(first + bit(e.z[y]));
    }
}

template <class Index>
Index* emit_faces_of_word(const WordEdges& edges, const CellRows<u64>& cells, u64 active, Index* to) {
    for (; active; active &= active - 1) {
        const int i = lowest_bit(active), cube_case = case_of_cell(cells, i);
        Index id[kEdges];
        ids_of_cell(edges, i, id);
        const u8* edge = kCaseTable.edges[cube_case];
        const int count = 3 * kCaseTable.triangles[cube_case];
        for (int k = 0; k < count; ++k) to[k] = id[edge[k]];
        to += count;
    }
    return to;
}

template <class Index>
void emit_faces_of_row(const RowOutput& out) {
    Index* to = static_cast<Index*>(out.faces);
    const i64 words = out.row.words();
    for (i64 w = 0; w < words; ++w) {
        const CellRows<u64> cells = cell_rows(out.row, w, words);
        const u64 active = active_cells(cells, low_bits<u64>(out.row.nx - 1 - 64 * w));
        if (active) to = emit_faces_of_word(WordEdges(out, w), cells, active, to);
    }
}

}  // namespace
