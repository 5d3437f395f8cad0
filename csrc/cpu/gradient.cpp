// SPDX-License-Identifier: MIT
#include "gradient.h"

#include <algorithm>

#include "edge_window.h"
#include "float_mode.h"
#include "gather.h"

namespace mc::cpu {

namespace {

// What the edge of vertex `id` between two samples adds: the gradient.
template <class Read, class Real>
class FirstRule {
public:
    FirstRule(const Plan& plan, const Gradient& asked)
        : read_(plan.request.volume.dtype),
          stride_(plan.request.volume.stride_x),
          level_(level_in_double(plan.request)),
          asked_(asked) {}

    EdgeGradient operator()(i64 id, int axis, const RowSample& from, const RowSample& to) const {
        return edge_gradient(sample(from), sample(to), level_, of_vertex(id, axis));
    }
    // Asked once a vertex.
    EdgeGradient owned(i64 id, int axis, const RowSample& from, const RowSample& to) const {
        return (*this)(id, axis, from, to);
    }
    void hold(i64) const {}

protected:
    double sample(const RowSample& at) const { return read_(at.row.samples, at.x * stride_); }
    double of_vertex(i64 id, int axis) const {
        const Real* verts = static_cast<const Real*>(asked_.verts);
        return static_cast<double>(verts[id * asked_.vertex_stride + axis * asked_.axis_stride]);
    }

    Read read_;
    i64 stride_;
    double level_;
    const Gradient& asked_;
};

// The derivative of that in a direction, and how the vertex moves.
template <class Read, class Real>
class SecondRule : FirstRule<Read, Real> {
    using First = FirstRule<Read, Real>;

public:
    using First::First;

    EdgeGradient operator()(i64 id, int axis, const RowSample& from, const RowSample& to) const {
        return second(id, axis, from, to).by;
    }
    EdgeGradient owned(i64 id, int axis, const RowSample& from, const RowSample& to) const {
        const SecondGradient found = second(id, axis, from, to);
        hold(id);
        moved(id)[axis] = static_cast<Real>(found.along);
        return found.by;
    }
    void hold(i64 id) const { std::fill_n(moved(id), 3, Real(0)); }

private:
    SecondGradient second(i64 id, int axis, const RowSample& from, const RowSample& to) const {
        const Real* direction = static_cast<const Real*>(First::asked_.direction);
        const EdgeDirection along{static_cast<double>(direction[from.number()]),
                                  static_cast<double>(direction[to.number()]), First::asked_.level_direction};
        return second_gradient(First::sample(from), First::sample(to), First::level_,
                               First::of_vertex(id, axis), along);
    }
    Real* moved(i64 id) const { return static_cast<Real*>(First::asked_.moved) + 3 * id; }
};

// Gives the vertices on a word's x- and y-edges, in order, to each(id, i, on_y).
template <class Each>
void for_in_plane(const EdgeWord& word, const Each& each) {
    i64 id = word.in_plane;
    for (u64 left = word.x | word.y; left; left &= left - 1) {
        const int i = lowest_bit(left);
        if (word.x >> i & 1) each(id++, i, false);
        if (word.y >> i & 1) each(id++, i, true);
    }
}

// Those on its z-edges to each(id, i).
template <class Each>
void for_upright(const EdgeWord& word, const Each& each) {
    i64 id = word.upright;
    for (u64 left = word.z; left; left &= left - 1) each(id++, lowest_bit(left));
}

// Gathers the rows of a chunk. What an edge adds to the sample above it in y is kept for the next row.
template <bool kSelects, class Rule, class Real>
class Gatherer {
public:
    Gatherer(const Plan& plan, const Gradient& asked, double* row_sums)
        : slab_(plan.slab),
          volume_(plan.request.volume),
          border_(plan.request.border()),
          to_(static_cast<Real*>(asked.volume)),
          row_sums_(row_sums),
          rule_(plan, asked),
          window_(plan, plan.slab),
          uppers_(static_cast<std::size_t>(plan.grid.nx)),
          next_uppers_(uppers_.size()) {}

    void operator()(i64 c) {
        const i64 z = c / slab_.chunks_a_plane, first = c % slab_.chunks_a_plane * slab_.chunk_rows;
        const i64 last = std::min(first + slab_.chunk_rows, slab_.ny);
        const RowCounts* below = z > 0 ? slab_.counts_of(z - 1) : nullptr;
        Addresses ids = addresses(c), ids_below = below ? addresses(c - slab_.chunks_a_plane) : ids;
        window_.reset();
        before_ = nullptr;
        if (first > 0) look_back(z, first - 1, ids);
        for (i64 y = first; y < last; ++y) {
            const RowCounts& counts = slab_.counts_of(z)[y];
            own_ = counts.in_plane | counts.upright ? window_.get(0, z, y, ids) : nullptr;
            below_ = below && below[y].upright ? window_.get(1, z - 1, y, ids_below) : nullptr;
            if (within(z, volume_.nz) && within(y, volume_.ny))
                gather_row(z, y);
            else
                hold_row(z, y);
            before_ = own_;
            uppers_.swap(next_uppers_);
            ids = ids.after(counts);
            if (below) ids_below = ids_below.after(below[y]);
        }
    }

private:
    Addresses addresses(i64 c) const {
        const Chunk& chunk = slab_.chunks[static_cast<std::size_t>(c)];
        return {chunk.in_plane, chunk.upright, chunk.triangles};
    }

    bool within(i64 at, i64 n) const { return at >= border_ && at < n + border_; }

    // What the row before the chunk's first leaves to it.
    void look_back(i64 z, i64 y, const Addresses& after) {
        const RowCounts& counts = slab_.counts_of(z)[y];
        const RowsAround rows(volume_, z - border_, y - border_);
        if (!counts.in_plane || !rows.here.samples || !rows.up_y.samples) return;
        before_ = window_.get(0, z, y, {after.in_plane - counts.in_plane, after.upright - counts.upright, 0});
        double* upper = uppers_.data();
        for (i64 w = 0; w < slab_.words; ++w) {
            const i64 x = 64 * w - border_;
            for_in_plane(before_[w], [&](i64 id, int i, bool on_y) {
                if (on_y) *upper++ = rule_(id, 1, {rows.here, x + i}, {rows.up_y, x + i}).upper;
            });
        }
    }

    void gather_row(i64 z, i64 y) {
        const RowsAround rows(volume_, z - border_, y - border_);
        Real* to = to_ ? to_ + rows.here.first - border_ : nullptr;
        upper_ = uppers_.data();
        next_upper_ = next_uppers_.data();
        carried_ = 0;
        double sum = 0;
        for (i64 w = 0; w < slab_.words; ++w) {
            const i64 begin = w ? 0 : border_, end = std::min<i64>(64, volume_.nx + border_ - 64 * w);
            const bool any = any_at(w);
            if (any) gather_word(rows, w);
            if (any && row_sums_) sum = add_shares(sum, shares_);
            for (i64 i = begin; to && i < end; ++i)
                to[64 * w + i] = any ? static_cast<Real>(gathered_[i]) : Real(0);
        }
        if (row_sums_) row_sums_[z * slab_.ny + y] = sum;
    }

    // A row of the layer around the volume: its edges lead into that, their vertices stand on its border.
    void hold_row(i64 z, i64 y) {
        if (row_sums_) row_sums_[z * slab_.ny + y] = 0;
        for (i64 w = 0; own_ && w < slab_.words; ++w) {
            for_in_plane(own_[w], [&](i64 id, int, bool) { rule_.hold(id); });
            for_upright(own_[w], [&](i64 id, int) { rule_.hold(id); });
        }
    }

    bool any_at(i64 w) const {
        return carried_ != 0 || (own_ && (own_[w].x | own_[w].y | own_[w].z)) || (before_ && before_[w].y) ||
               (below_ && below_[w].z);
    }

    // In the order of the vertices' ids: to a sample add the edges from z - 1, y - 1 and x - 1, then its own.
    void gather_word(const RowsAround& rows, i64 w) {
        const i64 x = 64 * w - border_;
        std::fill_n(gathered_, 65, 0.0);
        if (below_ && rows.from_z)
            for_upright(below_[w], [&](i64 id, int i) {
                gathered_[i] += rule_(id, 2, {rows.down_z, x + i}, {rows.here, x + i}).upper;
            });
        if (before_ && rows.from_y)
            for (u64 left = before_[w].y; left; left &= left - 1) gathered_[lowest_bit(left)] += *upper_++;
        gathered_[0] += carried_;
        if (row_sums_) std::fill_n(shares_, 64, 0.0);
        if (own_) gather_owned(rows, own_[w], x);
        carried_ = gathered_[64];
    }

    void gather_owned(const RowsAround& rows, const EdgeWord& own, i64 x) {
        for_in_plane(own, [&](i64 id, int i, bool on_y) {
            if (on_y ? !rows.leads_y : x + i < 0 || x + i + 1 >= volume_.nx) return rule_.hold(id);
            const RowSample from{rows.here, x + i}, to{on_y ? rows.up_y : rows.here, x + i + !on_y};
            const EdgeGradient edge = rule_.owned(id, on_y, from, to);
            add(edge, i);
            if (on_y)
                *next_upper_++ = edge.upper;
            else
                gathered_[i + 1] += edge.upper;
        });
        for_upright(own, [&](i64 id, int i) {
            if (!rows.leads_z) return rule_.hold(id);
            add(rule_.owned(id, 2, {rows.here, x + i}, {rows.up_z, x + i}), i);
        });
    }

    void add(const EdgeGradient& edge, int i) {
        gathered_[i] += edge.lower;
        if (row_sums_) shares_[i] += edge.level;
    }

    const Slab& slab_;
    const Volume& volume_;
    i64 border_;
    Real* to_;
    double* row_sums_;  // the level's gradient of each row; null: not asked for
    Rule rule_;
    EdgeWindow<kSelects> window_;
    std::vector<double> uppers_, next_uppers_;  // of the row's y-edges in order, for it and for the next
    const double* upper_ = nullptr;
    double* next_upper_ = nullptr;
    const EdgeWord *own_ = nullptr, *before_ = nullptr, *below_ = nullptr;  // null where nothing is crossed
    double gathered_[65];  // of a word's samples, and of the next word's first
    double shares_[64];    // of the level's gradient
    double carried_ = 0;   // what the word before leaves to this one's first sample
};

template <bool kSelects, class Rule, class Real>
void gather(const Plan& plan, const Gradient& asked) {
    const Slab& slab = plan.slab;
    std::vector<double> row_sums(asked.level ? static_cast<std::size_t>(plan.grid.nz * slab.ny) : 0);
    plan.team->for_each(slab.chunk_count(), [&](i64 begin, i64 end) {
        Gatherer<kSelects, Rule, Real> gather_chunk(plan, asked, asked.level ? row_sums.data() : nullptr);
        for (i64 c = begin; c < end; ++c) gather_chunk(c);
    });
    if (asked.level) *asked.level = sum_of_rows(row_sums, slab.ny);
}

template <class Read, class Real>
void gather_read(const Plan& plan, const Gradient& asked) {
    const bool selects = plan.slab.cells.data() != nullptr;
    if (asked.direction)
        return (selects ? gather<true, SecondRule<AnySample, Real>, Real>
                        : gather<false, SecondRule<AnySample, Real>, Real>)(plan, asked);
    (selects ? gather<true, FirstRule<Read, Real>, Real> : gather<false, FirstRule<Read, Real>, Real>)(plan,
                                                                                                       asked);
}

}  // namespace

Plan prepare_gradient(Request request, int threads) {
    request.slab_planes = request.volume.nz + 2 * request.border();
    return prepare(request, threads);
}

void gradient(const Plan& plan, const Gradient& asked) {
    const FloatMode exact;
    const Volume& volume = plan.request.volume;
    const bool is_double = volume.dtype == Dtype::kFloat64;
    const i64 bytes = volume.nz * volume.ny * volume.nx * (is_double ? 8 : 4);
    if (asked.volume) advise_huge_pages(asked.volume, static_cast<std::size_t>(bytes));
    if (!plan.vertices) {
        if (asked.volume)
            plan.team->for_each(bytes, [&](i64 begin, i64 end) {
                std::fill(static_cast<char*>(asked.volume) + begin, static_cast<char*>(asked.volume) + end,
                          0);
            });
        if (asked.level) *asked.level = 0;
        return;
    }
    if (is_double) return gather_read<OneSample<double>, double>(plan, asked);
    (volume.dtype == Dtype::kFloat32 ? gather_read<OneSample<float>, float>
                                     : gather_read<AnySample, float>)(plan, asked);
}

}  // namespace mc::cpu
