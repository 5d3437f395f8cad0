// SPDX-License-Identifier: MIT
// Nets: vertices drawn towards their neighbours, each within its cell, so that steps of a mask become a
// smooth surface.
#include <algorithm>

#include "../simd/row_functions.h"
#include "over_rows.h"
#include "plan.h"

namespace mc::cpu {

namespace {

// A vertex's neighbours: those before and after it in each of its quads, in the quads' order.
template <class Index>
struct Neighbours {
    Buffer<i64> begin;  // a vertex each, and one past the last
    Buffer<Index> of;

    Neighbours(i64 vertices, const Index* quads, i64 count)
        : begin(static_cast<std::size_t>(vertices + 1)), of(static_cast<std::size_t>(8 * count)) {
        i64* at = begin.data();
        std::fill_n(at, vertices + 1, i64{0});
        for (i64 k = 0; k < 4 * count; ++k) at[quads[k]] += 2;
        i64 next = 0;
        for (i64 v = 0; v <= vertices; ++v) {
            const i64 here = at[v];
            at[v] = next;
            next += here;
        }
        for (i64 q = 0; q < count; ++q)
            for (int k = 0; k < 4; ++k) {
                Index* to = of.data() + at[quads[4 * q + k]];
                to[0] = quads[4 * q + (k + 3) % 4];
                to[1] = quads[4 * q + (k + 1) % 4];
                at[quads[4 * q + k]] += 2;
            }
        for (i64 v = vertices; v > 0; --v) at[v] = at[v - 1];  // each has moved on to the next one's begin
        at[0] = 0;
    }
};

template <class Coord, class Index>
class Relaxation {
public:
    Relaxation(const DualPlan& plan, const Index* quads)
        : plan_(plan),
          neighbours_(plan.vertices, quads, plan.quads),
          cells_(static_cast<std::size_t>(plan.vertices)) {
        Buffer<u16> patches(static_cast<std::size_t>(plan.vertices));
        over_rows(plan, [&](const DualRow& row, i64 begin, i64) {
            row_functions().dual.list_patches(row, cells_.data() + begin, patches.data() + begin);
        });
    }

    // Every vertex goes a share of the way to the mean of its neighbours, as far as its cell goes.
    void step(const Coord* from, Coord share, Coord* to) const {
        over_rows(plan_, [&](const DualRow& row, i64 begin, i64 end) {
            const Request& request = plan_.samples.request;
            for (i64 v = begin; v < end; ++v) {
                const i64 low[3] = {cells_[static_cast<std::size_t>(v)] + request.first(0),
                                    row.y + request.first(1), row.z + request.first(2)};
                for (int axis = 0; axis < 3; ++axis) {
                    const Coord least = static_cast<Coord>(low[axis]),
                                most = static_cast<Coord>(low[axis] + 1);
                    const Coord at = from[3 * v + axis], moved = at + share * (mean(from + axis, v) - at);
                    to[3 * v + axis] = std::min(std::max(moved, least), most);
                }
            }
        });
    }

private:
    Coord mean(const Coord* from, i64 v) const {
        const i64 begin = neighbours_.begin[static_cast<std::size_t>(v)],
                  end = neighbours_.begin[static_cast<std::size_t>(v + 1)];
        Coord sum = 0;
        for (i64 k = begin; k < end; ++k)
            sum += from[3 * static_cast<i64>(neighbours_.of[static_cast<std::size_t>(k)])];
        return sum / static_cast<Coord>(end - begin);
    }

    const DualPlan& plan_;
    Neighbours<Index> neighbours_;
    Buffer<i32> cells_;  // each vertex's cell, its place in x
};

template <class Coord, class Index>
void relax_as(const DualPlan& plan, void* verts, const void* quads, int rounds) {
    const Relaxation<Coord, Index> relaxation(plan, static_cast<const Index*>(quads));
    // Towards the neighbours and back from them: roughness goes, and what is larger does not shrink (Taubin,
    // 1995). The share is as large as may be: the square of it times that of an edge's highest frequency, 2,
    // is below 2.
    constexpr Coord kShare = Coord(0.7);
    Buffer<Coord> other(static_cast<std::size_t>(3 * plan.vertices));
    Coord *at = static_cast<Coord*>(verts), *between = other.data();
    for (int k = 0; k < rounds; ++k) {
        relaxation.step(at, kShare, between);
        relaxation.step(between, -kShare, at);
    }
}

}  // namespace

void relax(const DualPlan& plan, void* verts, const void* quads, bool wide, int rounds) {
    if (plan.samples.request.volume.dtype == Dtype::kFloat64)
        (wide ? relax_as<double, i64> : relax_as<double, i32>)(plan, verts, quads, rounds);
    else
        (wide ? relax_as<float, i64> : relax_as<float, i32>)(plan, verts, quads, rounds);
}

}  // namespace mc::cpu
