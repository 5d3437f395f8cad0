// SPDX-License-Identifier: MIT
// Stage 4: write a batch of vertices, and the triangles of a row, each at its own address.
#pragma once

#include "running_ids.h"

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

// A batch as its sample type sees it.
template <class T>
struct Samples {
    using Real = typename SampleType<T>::Real;
    const T* first;
    i64 stride_x, stride_y, up_z;
    i64 x, y;
    Real level, z;

    explicit Samples(const VertexBatch& batch)
        : first(static_cast<const T*>(batch.samples)),
          stride_x(batch.stride_x),
          stride_y(batch.stride_y),
          up_z(batch.up_z),
          x(batch.x),
          y(batch.y),
          level(level_as<Real>(*batch.level)),
          z(static_cast<Real>(batch.z)) {}

    // The sample at the lower end of a listed edge, and the one at the upper.
    const T* lower(int edge) const {
        return first + edge / kRowStep * stride_y + edge % kRowStep / 2 * stride_x;
    }
    const T* upper_in_plane(int edge) const { return lower(edge) + (edge & 1 ? stride_y : stride_x); }
    const T* upper_upright(int edge) const { return lower(edge) + up_z; }
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

    template <class T, class Upper>
    Fractions(const Samples<T>& samples, const EdgeList& list, int done, const Upper& upper)
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
            t[k] = edge_fraction(a[k], b[k], samples.level);
        }
    }
};

// Vertices on x- and y-edges.
template <class T, class Coord>
Coord* emit_in_plane(const Samples<T>& samples, const EdgeList& list, Coord* to) {
    using Real = typename SampleType<T>::Real;
    for (int done = 0; done < list.size; done += kLanes) {
        const Fractions<Real> at(samples, list, done, [&](int edge) { return samples.upper_in_plane(edge); });
        for (int k = 0; k < at.count; ++k, to += 3) {
            const bool on_y = list.edge[done + k] & 1;
            to[0] = static_cast<Coord>(on_y ? at.x[k] : at.x[k] + at.t[k]);
            to[1] = static_cast<Coord>(on_y ? at.y[k] + at.t[k] : at.y[k]);
            to[2] = static_cast<Coord>(samples.z);
        }
    }
    return to;
}

// Vertices on z-edges.
template <class T, class Coord>
Coord* emit_upright(const Samples<T>& samples, const EdgeList& list, Coord* to) {
    using Real = typename SampleType<T>::Real;
    for (int done = 0; done < list.size; done += kLanes) {
        const Fractions<Real> at(samples, list, done, [&](int edge) { return samples.upper_upright(edge); });
        for (int k = 0; k < at.count; ++k, to += 3) {
            to[0] = static_cast<Coord>(at.x[k]);
            to[1] = static_cast<Coord>(at.y[k]);
            to[2] = static_cast<Coord>(samples.z + at.t[k]);
        }
    }
    return to;
}

// Asks for all samples of a batch before the first is needed, so that their ways from memory overlap.
template <class T>
void prefetch_samples(const Samples<T>& samples, const VertexBatch& batch) {
#if defined(__GNUC__)
    for (int k = 0; k < batch.upright.size; ++k)
        __builtin_prefetch(samples.upper_upright(batch.upright.edge[k]));
    for (int k = 0; k < batch.in_plane.size; ++k)
        __builtin_prefetch(samples.upper_in_plane(batch.in_plane.edge[k]));
#else
    (void)samples, (void)batch;
#endif
}

template <class Lanes, class T>
void emit_vertices(VertexBatch& batch) {
    using Coord = typename SampleType<T>::Coord;
    const Samples<T> samples(batch);
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

template <class Lanes, class Index>
void emit_faces_of_row(const FaceRow& row) {
    Index *to = static_cast<Index*>(row.to), *end = static_cast<Index*>(row.end);
    for (i64 w = 0; 64 * w < row.nx; ++w) {
        const cpu::EdgeWord* const edges[4] = {row.edges[0][0] + w, row.edges[0][1] + w, row.edges[1][0] + w,
                                               row.edges[1][1] + w};
        const u64 active = active_cells(bits_of(edges), low_bits<u64>(row.nx - 1 - 64 * w));
        if (active) to = Lanes::emit_faces(edges, active, to, end);
    }
}

}  // namespace
