// SPDX-License-Identifier: MIT
// Stage 4 on one row: write its vertices and triangles, each at its own address.
#pragma once

#include "row_words.h"

namespace {

void find_edges(const EdgeSource& from, cpu::EdgeWord* to) {
    const i64 words = (from.nx + 63) / 64;
    i64 in_plane = from.in_plane, upright = from.upright;
    for (i64 w = 0; w < words; ++w) {
        const RowBits<u64> row = load_row(from.row, w, words);
        const u64 x = (row.at ^ row.after) & low_bits<u64>(from.nx - 1 - 64 * w);
        const u64 y = row.at ^ from.row_y[w], z = row.at ^ from.row_z[w];
        to[w] = {row.at, row.after, x, x >> 1, y, z, in_plane, upright};
        if (w > 0) to[w - 1].x_after |= x << 63;
        in_plane += popcount(x) + popcount(y);
        upright += popcount(z);
    }
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
};

// Crossed edges of a span of a row, as numbers 2 * i + axis with i the voxel's place in the span: the
// z-edges have a list of their own and axis 0. Lists of a whole span keep the vector units busy where a
// word holds just one or two edges.
constexpr i64 kSpanWords = 16;
constexpr int kLanes = 16;
struct EdgeList {
    int size = 0;
    u16 edge[2 * 64 * kSpanWords + 64];  // lanes past the end are read, and thrown away
};

// Appends the bits set in `even` as even numbers from `first` on, those in `odd` as odd ones, in order.
inline void append_edges(u64 even, u64 odd, int first, EdgeList& list) {
    for (u64 left = even | odd; left; left &= left - 1) {
        const int i = lowest_bit(left);
        list.edge[list.size] = static_cast<u16>(first + 2 * i);
        list.size += static_cast<int>(even >> i & 1);
        list.edge[list.size] = static_cast<u16>(first + 2 * i + 1);
        list.size += static_cast<int>(odd >> i & 1);
    }
}

// The two samples each of sixteen edges lies between, and how far along it the level is met.
template <class Real>
struct Fractions {
    Real x[kLanes], t[kLanes];

    template <class T, class Upper>
    Fractions(const RowSamples<T>& row, i64 x0, const u16* edge, int count, const Upper& upper) {
        Real a[kLanes] = {}, b[kLanes] = {};
        for (int k = 0; k < count; ++k) {
            const i64 at = (x0 + edge[k] / 2) * row.stride_x;
            a[k] = SampleType<T>::read(row.here[at]);
            b[k] = SampleType<T>::read(*upper(at, edge[k] & 1));
        }
        for (int k = 0; k < kLanes; ++k) {
            x[k] = static_cast<Real>(x0 + (k < count ? edge[k] / 2 : 0));
            t[k] = edge_fraction(a[k], b[k], row.level);
        }
    }
};

// Vertices on the listed x- and y-edges of the voxels from x0 on.
template <class T, class Coord>
Coord* emit_in_plane(const RowSamples<T>& row, i64 x0, const EdgeList& list, Coord* to) {
    using Real = typename SampleType<T>::Real;
    for (int done = 0; done < list.size; done += kLanes) {
        const u16* edge = list.edge + done;
        const int count = list.size - done < kLanes ? list.size - done : kLanes;
        const Fractions<Real> at(row, x0, edge, count, [&row](i64 i, int on_y) {
            return on_y ? row.up_y + i : row.here + i + row.stride_x;
        });
        for (int k = 0; k < count; ++k, to += 3) {
            const bool on_y = edge[k] & 1;
            to[0] = static_cast<Coord>(on_y ? at.x[k] : at.x[k] + at.t[k]);
            to[1] = static_cast<Coord>(on_y ? row.y + at.t[k] : row.y);
            to[2] = static_cast<Coord>(row.z);
        }
    }
    return to;
}

// Vertices on the listed z-edges of the voxels from x0 on.
template <class T, class Coord>
Coord* emit_upright(const RowSamples<T>& row, i64 x0, const EdgeList& list, Coord* to) {
    using Real = typename SampleType<T>::Real;
    for (int done = 0; done < list.size; done += kLanes) {
        const u16* edge = list.edge + done;
        const int count = list.size - done < kLanes ? list.size - done : kLanes;
        const Fractions<Real> at(row, x0, edge, count, [&row](i64 i, int) { return row.up_z + i; });
        for (int k = 0; k < count; ++k, to += 3) {
            to[0] = static_cast<Coord>(at.x[k]);
            to[1] = static_cast<Coord>(row.y);
            to[2] = static_cast<Coord>(row.z + at.t[k]);
        }
    }
    return to;
}

// Asks for the samples above the rows to come. The surface is likely to run on where it is now, and what
// lies in the plane above is the only memory that emitting a row touches for the first time.
template <class T>
void prefetch_above(const T* ahead, i64 x0, i64 stride_x, const EdgeList& list) {
#if defined(__GNUC__)
    for (int k = 0; k < list.size; ++k) __builtin_prefetch(ahead + (x0 + list.edge[k] / 2) * stride_x);
#else
    (void)ahead, (void)x0, (void)stride_x, (void)list;
#endif
}

template <class Lanes, class T>
void emit_vertices_of_row(const RowOutput& out) {
    using Coord = typename SampleType<T>::Coord;
    const RowSamples<T> row(out);
    Coord *in_plane = static_cast<Coord*>(out.in_plane), *upright = static_cast<Coord*>(out.upright);
    const cpu::EdgeWord* words = out.edges[0][0];
    for (i64 x0 = 0; x0 < out.nx; x0 += 64 * kSpanWords, words += kSpanWords) {
        EdgeList in_plane_edges, upright_edges;
        for (int w = 0; w < kSpanWords && x0 + 64 * w < out.nx; ++w) {
            Lanes::append_edges(words[w].x, words[w].y, 128 * w, in_plane_edges);
            Lanes::append_edges(words[w].z, 0, 128 * w, upright_edges);
        }
        prefetch_above(static_cast<const T*>(out.samples_ahead), x0, out.stride_x, upright_edges);
        in_plane = Lanes::emit_in_plane(row, x0, in_plane_edges, in_plane);
        upright = Lanes::emit_upright(row, x0, upright_edges, upright);
    }
}

// The four words around a word of cells: [y + 2z].
using CellEdges = const cpu::EdgeWord* const (&)[4];

template <class Index>
Index* emit_faces_of_word(CellEdges edges, u64 active, Index* to) {
    const CellRows<u64> cells = bits_of(edges);
    for (; active; active &= active - 1) {
        const int i = lowest_bit(active), cube_case = case_of_cell(cells, i);
        Index ids[kEdges];
        ids_of_cell(edges, i, [&ids](int edge, i64 id) { ids[edge] = static_cast<Index>(id); });
        const u8* edge = kCaseTable.edges[cube_case];
        const int count = 3 * kCaseTable.triangles[cube_case];
        for (int k = 0; k < count; ++k) to[k] = ids[edge[k]];
        to += count;
    }
    return to;
}

template <class Lanes, class Index>
void emit_faces_of_row(const RowOutput& out) {
    Index* to = static_cast<Index*>(out.faces);
    for (i64 w = 0; 64 * w < out.nx; ++w) {
        const cpu::EdgeWord* const edges[4] = {out.edges[0][0] + w, out.edges[0][1] + w, out.edges[1][0] + w,
                                               out.edges[1][1] + w};
        const u64 active = active_cells(bits_of(edges), low_bits<u64>(out.nx - 1 - 64 * w));
        if (active) to = Lanes::emit_faces(edges, active, to);
    }
}

}  // namespace
