// SPDX-License-Identifier: MIT
#include "dual_gradient.h"

#include <algorithm>

#include "../float_mode.h"
#include "displaced_edges.h"
#include "patch_rows.h"

namespace mc::cpu {

namespace {

constexpr i64 kBandPlanes = 8;  // planes of a run of rows that are done one after the other

// What an edge adds to its ends and to the level: `kParts` numbers a sample.
template <int kParts>
struct EdgeParts {
    double lower[kParts], upper[kParts], level;
};

// Where samples alone move a vertex, along its edges: of what an edge is given one number counts.
template <class Read, class Real>
class PlainRule {
public:
    static constexpr int kGiven = 1, kParts = 1;

    PlainRule(const Request& request, const DualGradient&)
        : read_(request.volume.dtype), stride_(request.volume.stride_x), level_(level_in_double(request)) {}

    EdgeParts<1> operator()(const double* given, int, const RowSample& from, const RowSample& to) const {
        const EdgeGradient found = edge_gradient(sample(from), sample(to), level_, *given);
        return {{found.lower}, {found.upper}, found.level};
    }

private:
    double sample(const RowSample& at) const { return read_(at.row.samples, at.x * stride_); }

    Read read_;
    i64 stride_;
    double level_;
};

// Where the samples are displaced, and for derivatives in a direction: a sample's own part, and three of its
// displacement.
template <class Real>
class DisplacedRule {
public:
    static constexpr int kGiven = 3, kParts = 4;

    DisplacedRule(const Request& request, const DualGradient& asked)
        : edges_(request, asked.deform, asked.towards), is_second_(asked.towards != nullptr) {}

    EdgeParts<4> operator()(const double* given, int axis, const RowSample& from, const RowSample& to) const {
        const DisplacedEdge edge = edges_.edge(axis, from, to);
        const double g[3] = {given[0], given[1], given[2]};
        const DisplacedGradient found =
            is_second_ ? second_displaced(edge, g, edges_.direction(from, to)) : displaced_gradient(edge, g);
        EdgeParts<4> parts{{found.by.lower}, {found.by.upper}, found.by.level};
        std::copy_n(found.from, 3, parts.lower + 1);
        std::copy_n(found.to, 3, parts.upper + 1);
        return parts;
    }

private:
    DisplacedEdges<Real> edges_;
    bool is_second_;
};

// The crossed edges of a word of a row's samples that cells which count lie around: those along x, y and z
// from the samples, and those along z to them.
struct Crossings {
    u64 x, y, z, below;
};

// Finds them, a row after the other.
class RowCrossings {
public:
    explicit RowCrossings(const BitPlanes& planes) : planes_(planes) {}

    void at_row(i64 z, i64 y) {
        for (int k = 0; k < 4; ++k) cells_[k] = planes_.cells(z - (k >> 1), y - (k & 1));
        here_ = planes_.inside(z, y);
        up_y_ = y + 1 < planes_.ny ? planes_.inside(z, y + 1) : here_;
        up_z_ = z + 1 < planes_.nz ? planes_.inside(z + 1, y) : here_;
        down_z_ = z > 0 ? planes_.inside(z - 1, y) : here_;
    }

    Crossings at_word(i64 w) const {
        CellBits<u64> cells[4];
        for (int k = 0; k < 4; ++k) cells[k] = cell_bits(cells_[k][w], w > 0 ? cells_[k][w - 1] : 0);
        const RowBits<u64> row = row_bits(here_[w], w + 1 < planes_.words ? here_[w + 1] : 0);
        const CrossedEdges<u64> own =
            used_edges<u64>({row.at ^ row.after, row.at ^ up_y_[w], row.at ^ up_z_[w]}, cells);
        const u64 under = cells[2].at | cells[2].before | cells[3].at | cells[3].before;
        return {own.x, own.y, own.z, (row.at ^ down_z_[w]) & under};
    }

private:
    const BitPlanes& planes_;
    const u64* cells_[4];  // at z, z - 1 (2), of rows y, y - 1 (1)
    const u64 *here_, *up_y_, *up_z_, *down_z_;
};

// What a row's y-edges add to the row above, in order.
template <int kParts>
struct HandedOn {
    std::vector<u64> edges;
    std::vector<double> parts;

    HandedOn(i64 nx, i64 words)
        : edges(static_cast<std::size_t>(words)), parts(static_cast<std::size_t>(kParts * nx)) {}

    u64& at(i64 w) { return edges[static_cast<std::size_t>(w)]; }
    void clear() { std::fill(edges.begin(), edges.end(), u64(0)); }
};

// Where the gradients go.
template <class Real>
struct Outputs {
    Real *volume, *deform;
    double* row_sums;  // the level's gradient of each row of the grid; null: not asked for
};

// Gathers rows of samples.
template <class Rule, class Real>
class Gatherer {
    static constexpr int kGiven = Rule::kGiven, kParts = Rule::kParts;
    using Parts = EdgeParts<kParts>;

public:
    Gatherer(const DualPlan& plan, const DualGradient& asked, const Outputs<Real>& to)
        : planes_(*plan.planes),
          volume_(plan.samples.request.volume),
          border_(plan.samples.request.border()),
          to_(to),
          rule_(plan.samples.request, asked),
          patches_(plan, asked),
          crossings_(planes_),
          before_(planes_.nx, planes_.words),
          handed_(planes_.nx, planes_.words) {}

    // The rows [first, last) of some planes of the grid.
    void run(i64 first_plane, i64 last_plane, i64 first, i64 last) {
        patches_.reset(first);
        for (i64 z = first_plane; z < last_plane; ++z) gather_rows(z, first, last);
    }

private:
    void gather_rows(i64 z, i64 first, i64 last) {
        before_.clear();
        if (first > 0) look_back(z, first - 1);
        for (i64 y = first; y < last; ++y) {
            handed_.clear();
            double sum = 0;
            if (within(z, y)) sum = gather_row(RowsAround(volume_, z - border_, y - border_), z, y);
            if (to_.row_sums) to_.row_sums[z * planes_.ny + y] = sum;
            std::swap(before_, handed_);
        }
    }

    bool within(i64 z, i64 y) const {
        return z >= border_ && z < volume_.nz + border_ && y >= border_ && y < volume_.ny + border_;
    }

    // Finds the cells around a row of samples, or those at y only: in raster order, those at z - 1 before
    // those at z.
    bool find_cells(i64 z, i64 y, bool all) {
        i64 vertices = 0;
        for (int k = 0; k < 4; ++k) {
            const bool wanted = all || k & 1;
            cells_[k] = wanted ? &patches_.get(z - 1 + (k >> 1), y - 1 + (k & 1)) : &patches_.none();
            vertices += cells_[k]->size();
        }
        if (vertices) crossings_.at_row(z, y);
        return vertices != 0;
    }

    // What the row before the first leaves to it.
    void look_back(i64 z, i64 y) {
        if (!within(z, y)) return;
        const RowsAround rows(volume_, z - border_, y - border_);
        if (!rows.leads_y || !find_cells(z, y, false)) return;
        double* next = before_.parts.data();
        for (i64 w = 0; w < planes_.words; ++w) {
            before_.at(w) = crossings_.at_word(w).y;
            for (u64 left = before_.at(w); left; left &= left - 1)
                next = std::copy_n(along_y(rows, 64 * w + lowest_bit(left)).upper, kParts, next);
        }
    }

    double gather_row(const RowsAround& rows, i64 z, i64 y) {
        const bool has_cells = find_cells(z, y, true);
        upper_ = before_.parts.data();
        next_upper_ = handed_.parts.data();
        is_carried_ = false;
        double sum = 0;
        for (i64 w = 0; w < planes_.words; ++w) {
            Crossings edges{};
            if (has_cells) edges = crossings_.at_word(w);
            const bool any = (edges.x | edges.y | edges.z | edges.below | before_.at(w)) || is_carried_;
            if (any) gather_word(rows, w, edges);
            if (any && to_.row_sums) sum = add_shares(sum, shares_);
            write_word(rows, w, any);
        }
        return sum;
    }

    void write_word(const RowsAround& rows, i64 w, bool any) const {
        const i64 begin = w ? 0 : border_, end = std::min<i64>(64, volume_.nx + border_ - 64 * w);
        const i64 first = rows.here.first - border_ + 64 * w;
        for (i64 i = begin; to_.volume && i < end; ++i)
            to_.volume[first + i] = any ? static_cast<Real>(gathered_[kParts * i]) : Real(0);
        if constexpr (kParts > 1)
            for (i64 i = begin; to_.deform && i < end; ++i)
                for (int k = 0; k < 3; ++k)
                    to_.deform[3 * (first + i) + k] =
                        any ? static_cast<Real>(gathered_[kParts * i + 1 + k]) : Real(0);
    }

    void gather_word(const RowsAround& rows, i64 w, const Crossings& edges) {
        std::fill_n(gathered_, 65 * kParts, 0.0);
        for (u64 left = rows.from_z ? edges.below : 0; left; left &= left - 1) {
            const int i = lowest_bit(left);
            add(along_z(rows.down_z, rows.here, 0, 64 * w + i).upper, i);
        }
        for (u64 left = before_.at(w); left; left &= left - 1, upper_ += kParts)
            add(upper_, lowest_bit(left));
        if (is_carried_) add(carried_, 0);
        if (to_.row_sums) std::fill_n(shares_, 64, 0.0);
        gather_owned(rows, w, edges);
        std::copy_n(gathered_ + 64 * kParts, kParts, carried_);
        is_carried_ = edges.x >> 63;
    }

    // In the order of the crossings' edges: x before y of a voxel, then those along z.
    void gather_owned(const RowsAround& rows, i64 w, const Crossings& edges) {
        const u64 on_y = rows.leads_y ? edges.y : 0;
        for (u64 left = edges.x | on_y; left; left &= left - 1) {
            const int i = lowest_bit(left);
            const i64 x = 64 * w + i;
            if (edges.x >> i & 1 && x >= border_ && x + 1 < volume_.nx + border_) {
                const Parts parts = along_x(rows, x);
                add_own(parts, i);
                add(parts.upper, i + 1);
            }
            if (on_y >> i & 1) {
                const Parts parts = along_y(rows, x);
                add_own(parts, i);
                next_upper_ = std::copy_n(parts.upper, kParts, next_upper_);
            }
        }
        for (u64 left = rows.leads_z ? edges.z : 0; left; left &= left - 1) {
            const int i = lowest_bit(left);
            add_own(along_z(rows.here, rows.up_z, 1, 64 * w + i), i);
        }
        handed_.at(w) = on_y;
    }

    // What the edge of voxel x adds; `x` counts in the grid.
    Parts along_x(const RowsAround& rows, i64 x) const {
        double given[kGiven] = {};
        for (int k = 0; k < 4; ++k) cells_[k]->template add<kGiven>(x, 3 - k, kFirst<0>, given);
        return rule_(given, 0, {rows.here, x - border_}, {rows.here, x - border_ + 1});
    }

    Parts along_y(const RowsAround& rows, i64 x) const {
        double given[kGiven] = {};
        for (int side = 0; side < 2; ++side)
            for (int k = 1; k >= 0; --k)
                cells_[2 * side + 1]->template add<kGiven>(x - k, 6 - 2 * side + k, kFirst<1>, given);
        return rule_(given, 1, {rows.here, x - border_}, {rows.up_y, x - border_});
    }

    // Between the rows at z - 1 and z (side 0), or z and z + 1 (side 1).
    Parts along_z(const SampleRow& from, const SampleRow& to, int side, i64 x) const {
        double given[kGiven] = {};
        for (int y = 0; y < 2; ++y)
            for (int k = 1; k >= 0; --k)
                cells_[2 * side + y]->template add<kGiven>(x - k, 10 - 2 * y + k, kFirst<2>, given);
        return rule_(given, 2, {from, x - border_}, {to, x - border_});
    }

    void add(const double* parts, int i) {
        for (int part = 0; part < kParts; ++part) gathered_[kParts * i + part] += parts[part];
    }

    void add_own(const Parts& parts, int i) {
        add(parts.lower, i);
        if (to_.row_sums) shares_[i] += parts.level;
    }

    // The first of the axes on which an edge is given something.
    template <int kAxis>
    static constexpr int kFirst = kGiven == 1 ? kAxis : 0;

    const BitPlanes& planes_;
    const Volume& volume_;
    i64 border_;
    const Outputs<Real>& to_;
    Rule rule_;
    PatchRows<Real> patches_;
    RowCrossings crossings_;
    const PatchRow* cells_[4];          // around the row of samples, at z - 1 and z (2), y - 1 and y (1)
    HandedOn<kParts> before_, handed_;  // along y to the row's samples; from them
    const double* upper_ = nullptr;
    double* next_upper_ = nullptr;
    double gathered_[65 * kParts];  // of a word's samples, and of the next word's first
    double shares_[64];             // of the level's gradient
    double carried_[kParts] = {};   // what the word before leaves to this one's first sample
    bool is_carried_ = false;
};

template <class Rule, class Real>
void gather(const DualPlan& plan, const DualGradient& asked) {
    const i64 nz = plan.planes->nz, ny = plan.planes->ny;
    const i64 columns = (ny + plan.chunk_rows - 1) / plan.chunk_rows,
              bands = (nz + kBandPlanes - 1) / kBandPlanes;
    std::vector<double> row_sums(asked.level ? static_cast<std::size_t>(nz * ny) : 0);
    const Outputs<Real> to{static_cast<Real*>(asked.volume), static_cast<Real*>(asked.by_deform),
                           asked.level ? row_sums.data() : nullptr};
    plan.samples.team->for_each(bands * columns, [&](i64 begin, i64 end) {
        Gatherer<Rule, Real> gatherer(plan, asked, to);
        for (i64 c = begin; c < end; ++c) {
            const i64 z = c / columns * kBandPlanes, first = c % columns * plan.chunk_rows;
            gatherer.run(z, std::min(z + kBandPlanes, nz), first, std::min(first + plan.chunk_rows, ny));
        }
    });
    if (asked.level) *asked.level = sum_of_rows(row_sums, ny);
}

template <class Read, class Real>
void gather_read(const DualPlan& plan, const DualGradient& asked) {
    if (asked.deform || asked.towards) return gather<DisplacedRule<Real>, Real>(plan, asked);
    gather<PlainRule<Read, Real>, Real>(plan, asked);
}

}  // namespace

void dual_gradient(const DualPlan& plan, const DualGradient& asked) {
    const FloatMode exact;
    const Volume& volume = plan.samples.request.volume;
    const bool is_double = volume.dtype == Dtype::kFloat64;
    const i64 bytes = volume.nz * volume.ny * volume.nx * (is_double ? 8 : 4);
    if (asked.volume) advise_huge_pages(asked.volume, static_cast<std::size_t>(bytes));
    if (asked.by_deform) advise_huge_pages(asked.by_deform, static_cast<std::size_t>(3 * bytes));
    if (plan.vertices == 0) {
        if (asked.volume) std::fill_n(static_cast<char*>(asked.volume), bytes, 0);
        if (asked.by_deform) std::fill_n(static_cast<char*>(asked.by_deform), 3 * bytes, 0);
        if (asked.level) *asked.level = 0;
        return;
    }
    if (is_double) return gather_read<OneSample<double>, double>(plan, asked);
    (volume.dtype == Dtype::kFloat32 ? gather_read<OneSample<float>, float>
                                     : gather_read<AnySample, float>)(plan, asked);
}

}  // namespace mc::cpu
