// SPDX-License-Identifier: MIT
// Stage 4: write a batch of vertices, and the triangles of a row, each at its own address.
#pragma once

#include <algorithm>

#include "running_ids.h"

namespace {

// A row's words; with_vertex(w, crossed) leaves those of the crossed edges that have a vertex.
template <class WithVertex>
void find_words(const EdgeSource& from, const WithVertex& with_vertex, cpu::EdgeWord* to) {
    const i64 words = (from.nx + 63) / 64;
    i64 in_plane = from.in_plane, upright = from.upright;
    for (i64 w = 0; w < words; ++w) {
        const RowBits<u64> row = load_row(from.row, w, words);
        const CrossedEdges<u64> crossed =
            with_vertex(w, {(row.at ^ row.after) & low_bits<u64>(from.nx - 1 - 64 * w),
                            row.at ^ from.row_y[w], row.at ^ from.row_z[w]});
        to[w] = {row.at, row.after, crossed.x, crossed.x >> 1, crossed.y, crossed.z, in_plane, upright};
        if (w > 0) to[w - 1].x_after |= crossed.x << 63;
        in_plane += popcount(crossed.x) + popcount(crossed.y);
        upright += popcount(crossed.z);
    }
}

void find_edges(const EdgeSource& from, cpu::EdgeWord* to) {
    find_words(from, [](i64, const CrossedEdges<u64>& crossed) { return crossed; }, to);
}

// The row where not all cells count: an edge that none of them uses is as one that is not crossed.
void find_used_edges(const EdgeSource& from, const RowCells& cells_around, cpu::EdgeWord* to) {
    const auto used = [&cells_around](i64 w, const CrossedEdges<u64>& crossed) {
        CellBits<u64> cells[4];
        load_cells(cells_around, w, cells);
        return used_edges(crossed, cells);
    };
    find_words(from, used, to);
}

template <class Real>
Real level_as(const Level& level) {
    if constexpr (sizeof(Real) == sizeof(float))
        return level.f32;
    else
        return level.f64;
}

// How far a batch's rows, columns and coordinates reach. With an open border no edge leads out of the volume.
// With a closed one, places on the layer around it stand for the sample nearest to them: such an edge has
// the same sample at both ends, and its vertex, held within the box, lies on the border.
template <bool kClosed>
struct Reach {
    explicit Reach(const VertexBatch&) {}
    static i64 row(i64 at) { return at; }
    static i64 column(i64 at) { return at; }
    template <class Real>
    static Real on_axis(int, Real at) {
        return at;
    }
};

template <>
struct Reach<true> {
    // Of rows and columns: the first and last with samples, and the one that the batch's first sample is of.
    struct Range {
        i64 low, high, first;

        Range(i64 begin, i64 n)
            : low(bounded(-begin)),
              high(bounded(n - 1 - begin)),
              first(std::min(std::max(low, i64{0}), high)) {}
        i64 operator()(i64 at) const { return std::min(std::max(at, low), high) - first; }

        // No batch reaches further, and vectors count in 32 bits.
        static i64 bounded(i64 at) { return std::min(std::max(at, i64{-kRowStep}), i64{kRowStep}); }
    };
    Range rows, columns;
    i64 last[3];  // x, y, z

    explicit Reach(const VertexBatch& batch)
        : rows(batch.y, batch.ny),
          columns(batch.x, batch.nx),
          last{batch.nx - 1, batch.ny - 1, batch.nz - 1} {}
    i64 row(i64 at) const { return rows(at); }
    i64 column(i64 at) const { return columns(at); }
    template <class Real>
    Real on_axis(int axis, Real at) const {
        return std::min(std::max(at, Real(0)), static_cast<Real>(last[axis]));
    }
};

// A batch as its sample type sees it.
template <class T, bool kClosed>
struct Samples {
    using Real = typename SampleType<T>::Real;
    const T* first;
    i64 stride_x, stride_y, up_z;
    i64 x, y;
    Real level, z;
    Reach<kClosed> reach;

    explicit Samples(const VertexBatch& batch)
        : first(static_cast<const T*>(batch.samples)),
          stride_x(batch.stride_x),
          stride_y(batch.stride_y),
          up_z(batch.up_z),
          x(batch.x),
          y(batch.y),
          level(level_as<Real>(*batch.level)),
          z(static_cast<Real>(batch.z)),
          reach(batch) {}

    // The sample at the lower end of a listed edge, and the one at the upper.
    const T* lower(int edge) const { return at(edge / kRowStep, edge % kRowStep / 2); }
    const T* upper_in_plane(int edge) const {
        if constexpr (!kClosed) return lower(edge) + (edge & 1 ? stride_y : stride_x);
        return at(edge / kRowStep + (edge & 1), edge % kRowStep / 2 + 1 - (edge & 1));
    }
    const T* upper_upright(int edge) const { return lower(edge) + up_z; }

private:
    const T* at(i64 row, i64 column) const {
        return first + reach.row(row) * stride_y + reach.column(column) * stride_x;
    }
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

template <class Lanes>
void append_row(const cpu::EdgeWord* edges, i64 words, i64 row, VertexBatch& batch) {
    for (int w = 0; w < words; ++w) {
        const int first = static_cast<int>(row) * kRowStep + 128 * w;
        Lanes::append_edges(edges[w].x, edges[w].y, first, batch.in_plane);
        Lanes::append_edges(edges[w].z, 0, first, batch.upright);
    }
}

// Sixteen listed edges, or what is left of the list: the voxels' places, and how far along the edge the level
// is met.
constexpr int kLanes = 16;
template <class Real>
struct Fractions {
    int count;
    Real x[kLanes], y[kLanes], t[kLanes];

    template <class T, bool kClosed, class Upper>
    Fractions(const Samples<T, kClosed>& samples, const EdgeList& list, int done, const Upper& upper)
        : count(list.size - done < kLanes ? list.size - done : kLanes) {
        const u16* edge = list.edge + done;
        Real a[kLanes] = {}, b[kLanes] = {};
        for (int k = 0; k < count; ++k) {
            a[k] = SampleType<T>::read(*samples.lower(edge[k]));
            b[k] = SampleType<T>::read(*upper(edge[k]));
        }
        for (int k = 0; k < kLanes; ++k) {
            const int at = k < count ? edge[k] : 0;
            x[k] = static_cast<Real>(samples.x + at % kRowStep / 2);
            y[k] = static_cast<Real>(samples.y + at / kRowStep);
            t[k] = fraction_of(samples.level - a[k], b[k] - a[k]);
        }
        if (any_beyond(a, b))
            for (int k = 0; k < kLanes; ++k) t[k] = edge_fraction(a[k], b[k], samples.level);
    }

private:
    static bool any_beyond(const Real (&a)[kLanes], const Real (&b)[kLanes]) {
        int beyond = 0;
        for (int k = 0; k < kLanes; ++k) beyond += is_beyond(b[k] - a[k]);
        return beyond != 0;
    }
};

// Vertices on x- and y-edges.
template <class T, bool kClosed, class Coord>
Coord* emit_in_plane(const Samples<T, kClosed>& samples, const EdgeList& list, Coord* to) {
    using Real = typename SampleType<T>::Real;
    const auto& reach = samples.reach;
    for (int done = 0; done < list.size; done += kLanes) {
        const Fractions<Real> at(samples, list, done, [&](int edge) { return samples.upper_in_plane(edge); });
        for (int k = 0; k < at.count; ++k, to += 3) {
            const bool on_y = list.edge[done + k] & 1;
            to[0] = static_cast<Coord>(reach.on_axis(0, on_y ? at.x[k] : at.x[k] + at.t[k]));
            to[1] = static_cast<Coord>(reach.on_axis(1, on_y ? at.y[k] + at.t[k] : at.y[k]));
            to[2] = static_cast<Coord>(samples.z);
        }
    }
    return to;
}

// Vertices on z-edges.
template <class T, bool kClosed, class Coord>
Coord* emit_upright(const Samples<T, kClosed>& samples, const EdgeList& list, Coord* to) {
    using Real = typename SampleType<T>::Real;
    for (int done = 0; done < list.size; done += kLanes) {
        const Fractions<Real> at(samples, list, done, [&](int edge) { return samples.upper_upright(edge); });
        for (int k = 0; k < at.count; ++k, to += 3) {
            to[0] = static_cast<Coord>(at.x[k]);
            to[1] = static_cast<Coord>(at.y[k]);
            to[2] = static_cast<Coord>(samples.reach.on_axis(2, samples.z + at.t[k]));
        }
    }
    return to;
}

// Asks for all samples of a batch before the first is needed, so that their ways from memory overlap.
template <class T, bool kClosed>
void prefetch_samples(const Samples<T, kClosed>& samples, const VertexBatch& batch) {
#if defined(__GNUC__)
    for (int k = 0; k < batch.upright.size; ++k)
        __builtin_prefetch(samples.upper_upright(batch.upright.edge[k]));
    for (int k = 0; k < batch.in_plane.size; ++k)
        __builtin_prefetch(samples.upper_in_plane(batch.in_plane.edge[k]));
#else
    (void)samples, (void)batch;
#endif
}

template <class Lanes, class T, bool kClosed>
void emit_vertices(VertexBatch& batch) {
    using Coord = typename SampleType<T>::Coord;
    const Samples<T, kClosed> samples(batch);
    prefetch_samples(samples, batch);
    batch.in_plane_to = Lanes::emit_in_plane(samples, batch.in_plane, static_cast<Coord*>(batch.in_plane_to));
    batch.upright_to = Lanes::emit_upright(samples, batch.upright, static_cast<Coord*>(batch.upright_to));
}

template <class Index>
Index* emit_faces_of_word(CellEdges edges, u64 active, Index* to) {
    const CellRows<u64> cells = bits_of(edges);
    Index running[kRunning];
    for (int yz = 0; yz < 4; ++yz) running[yz] = static_cast<Index>(edges[yz]->in_plane);
    for (int k = 0; k < 2; ++k) {
        running[4 + k] = static_cast<Index>(edges[k]->upright);
        running[6 + k] = running[2 * k];
    }
    for (u64 left = growing(edges, active); active; left &= left - 1, active &= left) {
        const int i = lowest_bit(left), cube_case = case_of_cell(cells, i);
        const int beside =
            static_cast<int>((edges[1]->y >> i & 1) | (edges[3]->y >> i & 1) << 1 |
                             (edges[0]->x_after >> i & 1) << 2 | (edges[2]->x_after >> i & 1) << 3);
        Index now[kRunning];
        for (int k = 0; k < kRunning; ++k) {
            now[k] = running[k] + kRunningTable.ahead[beside][k];
            running[k] += kRunningTable.step[cube_case][k] + kRunningTable.step_beside[beside][k];
        }
        const u8* id = kRunningTable.ids[cube_case];
        const int count = 3 * kCaseTable.triangles[cube_case];
        for (int k = 0; k < count; ++k) to[k] = now[id[k] & 15] + (id[k] >> 4);
        to += count;
    }
    return to;
}

// A word with cells that do not count: what its numbers grow by between those that do, the cases of the
// others do not tell, so that bits are counted.
template <class Index>
Index* emit_counting_faces(CellEdges edges, u64 active, Index* to) {
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

// Gives the four words around each word of cells, and the active ones of these, to emit(edges, active, w,
// to).
template <class Index, class Emit>
void for_words_of_cells(const FaceRow& row, const Emit& emit) {
    Index* to = static_cast<Index*>(row.to);
    for (i64 w = 0; 64 * w < row.nx; ++w) {
        const cpu::EdgeWord* const edges[4] = {row.edges[0][0] + w, row.edges[0][1] + w, row.edges[1][0] + w,
                                               row.edges[1][1] + w};
        const u64 active = active_cells(bits_of(edges), low_bits<u64>(row.nx - 1 - 64 * w));
        if (active) to = emit(edges, active, w, to);
    }
}

template <class Lanes, class Index>
void emit_faces_of_row(const FaceRow& row) {
    const Index* end = static_cast<Index*>(row.end);
    for_words_of_cells<Index>(row, [end](CellEdges edges, u64 active, i64, Index* to) {
        return Lanes::emit_faces(edges, active, to, end);
    });
}

// Whether every edge with a vertex that a cell of this very row has belongs to one that counts. Then the
// running numbers grow at these cells as their cases tell, and else at the y-edges of rows 1 and 3 alone,
// whatever the other cells look like: so it is where NaN begins some samples away from the surface.
inline bool grow_at(CellEdges edges, u64 counting) {
    const u64 used = edges[0]->y | edges[2]->y | edges[0]->z | edges[1]->z;
    return ((used | edges[0]->x | edges[1]->x | edges[2]->x | edges[3]->x) & ~counting) == 0;
}

// The triangles of a word's cells that count, of `active` ones.
template <class Lanes, class Index>
Index* emit_used_faces(CellEdges edges, u64 active, u64 counting, Index* to, const Index* end) {
    if (!counting) return to;
    if (counting == active) return Lanes::emit_faces(edges, active, to, end);
    if (!grow_at(edges, counting)) return emit_counting_faces(edges, counting, to);
    cpu::EdgeWord words[4];
    for (int yz = 0; yz < 4; ++yz) {
        words[yz] = *edges[yz];
        words[yz].at &= counting;  // the case of the others is 0, which lets no number grow
        words[yz].after &= counting;
    }
    return Lanes::emit_faces({&words[0], &words[1], &words[2], &words[3]}, counting, to, end);
}

template <class Lanes, class Index>
void emit_used_faces_of_row(const FaceRow& row) {
    const Index* end = static_cast<Index*>(row.end);
    for_words_of_cells<Index>(row, [&row, end](CellEdges edges, u64 active, i64 w, Index* to) {
        return emit_used_faces<Lanes>(edges, active, active & row.cells[w], to, end);
    });
}

template <class Lanes, class Index>
void* emit_used_faces_of_word(CellEdges edges, u64 cells, void* to, const void* end) {
    const u64 active = active_cells(bits_of(edges), ~u64(0));
    return emit_used_faces<Lanes>(edges, active, active & cells, static_cast<Index*>(to),
                                  static_cast<const Index*>(end));
}

}  // namespace
