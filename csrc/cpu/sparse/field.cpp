// SPDX-License-Identifier: MIT
#include "field.h"

#include <algorithm>
#include <cmath>

#include "../../core/placement.h"
#include "field_planes.h"
#include "sparse_mesh.h"

namespace mc::cpu {

namespace {

// Hands out the pending samples of a grid in raster order. `Real` is that of the grid.
template <class Real>
class Cursor {
public:
    void restart() { word_ = 0, done_ = 0; }

    // Calls put(z, y, x) for at most `most` of them.
    template <class Put>
    i64 next(const FieldGrid<Real>& grid, i64 most, const Put& put) {
        const BitGrid& pending = grid.pending;
        i64 count = 0;
        for (const i64 all = pending.nz * pending.plane_words(); word_ < all; ++word_, done_ = 0) {
            const i64 row = word_ / pending.words, w = word_ % pending.words;
            for (u64 left = pending.row(0, 0)[word_] & ~done_; left; left &= left - 1) {
                if (count == most) return count;
                put(row / pending.ny, row % pending.ny, 64 * w + lowest_bit(left));
                done_ |= left & (0 - left);
                ++count;
            }
        }
        return count;
    }

private:
    i64 word_ = 0;
    u64 done_ = 0;  // bits of this word that were handed out
};

template <class Real>
class FieldOf final : public Field {
public:
    FieldOf(const FieldRequest& request, int threads)
        : request_(request),
          level_(static_cast<Real>(request.level)),
          team_(threads),
          grid_(coarse_side(request.nz, request.stride), coarse_side(request.ny, request.stride),
                coarse_side(request.nx, request.stride), request.stride),
          whole_(grid_) {
        BitGrid& pending = grid_.pending;
        for (i64 z = 0; z < pending.nz && !request_.whole; ++z)
            for (i64 y = 0; y < pending.ny; ++y)
                for (i64 w = 0; w < pending.words; ++w) pending.row(z, y)[w] = pending.end_mask(w);
        pending_ = pending.nz * pending.ny * pending.nx;
    }

    i64 pending() const override { return pending_ - taken_count_; }
    i64 stride() const override { return grid_.stride; }
    i64 evaluated() const override { return evaluated_; }

    i64 places(void* to, PlaceKind kind, i64 capacity) override {
        const FloatMode exact;
        switch (kind) {
            case PlaceKind::kIndex:
                return place_as(static_cast<i32*>(to), capacity,
                                [](i64 at, int) { return static_cast<i32>(at); });
            case PlaceKind::kFloat:
                return place_as(static_cast<float*>(to), capacity,
                                [this](i64 at, int axis) { return in_world<float>(at, axis); });
            default:
                return place_as(static_cast<double*>(to), capacity,
                                [this](i64 at, int axis) { return in_world<double>(at, axis); });
        }
    }

    i64 take(const void* values, i64 count) override {
        const FloatMode exact;
        const Real* from = static_cast<const Real*>(values);
        for (i64 k = 0; k < count; ++k)
            if (from[k] != from[k]) return k;
        evaluated_ += count;
        taken_count_ += count;
        taken_.insert(taken_.end(), from, from + count);
        if (request_.whole) return add_planes();
        if (taken_count_ == pending_) {
            settle(grid_, taken_, level_, team_);
            renew();
        }
        return -1;
    }

    void follow(const FieldReach& reach) override {
        const FloatMode exact;
        if (grid_.stride > 1) {
            cells_ = cells_of(reach);
            demand_corners(grid_, cells_, team_);
        }
        demand_around_edges(grid_, team_);
        renew();
    }

    void refine(const FieldReach& reach) override {
        const FloatMode exact;
        cells_ = cells_of(reach);
        const i64 half = grid_.stride / 2;
        const i64 sides[3] = {coarse_side(request_.nz, half), coarse_side(request_.ny, half),
                              coarse_side(request_.nx, half)};
        grid_ = refined(std::move(grid_), cells_, sides, team_);
        renew();
    }

    void prepare() override {
        const FloatMode exact;
        items_.assign(static_cast<std::size_t>(grid_.known.nz + 1), {0, 0, 0});
        team_.for_each(grid_.known.nz, [this](i64 begin, i64 end) {
            FieldPlanes<Real> from(grid_, request_.whole);
            count_planes<Real>(from, begin, end, items_.data());
        });
        const Address end = scan_planes(items_);
        vertices = end.vertices;
        triangles = end.triangles;
    }

    void emit(void* verts, void* faces, bool wide_faces) override {
        const SparseMesh to{verts, faces, request_.is_double, wide_faces};
        wide_faces ? emit_as<i64>(to) : emit_as<i32>(to);
    }

private:
    template <class Index>
    void emit_as(const SparseMesh& to) {
        team_.for_each(grid_.known.nz, [&](i64 begin, i64 end) {
            const FloatMode exact;
            FieldPlanes<Real> from(grid_, request_.whole);
            emit_planes<Real, Real, Index>(from, begin, end, level_, items_.data(), to);
        });
    }

    // Crossed cells, those that may be, and those around them.
    BitGrid cells_of(const FieldReach& reach) {
        BitGrid near;
        double diagonal = 0;
        for (const double step : request_.spacing) diagonal += step * step;
        // No point of a cell lies further from all its corners than half its diagonal.
        const double change = reach.lipschitz * static_cast<double>(grid_.stride) * std::sqrt(diagonal) / 2;
        const double margin = std::max(reach.margin, change);
        if (margin > 0) near = samples_near(grid_, level_, static_cast<Real>(margin), team_);
        BitGrid cells = crossed_cells(grid_, near, team_);
        for (int k = 0; k < reach.cells; ++k) cells = widened(cells, team_);
        return cells;
    }

    // After the pending samples have changed.
    void renew() {
        taken_.clear();
        taken_count_ = pending_ = 0;
        for (i64 z = 0; z < grid_.pending.nz; ++z) pending_ += grid_.pending.count_plane(z);
        cursor_.restart();
    }

    i64 add_planes() {
        const std::size_t plane = static_cast<std::size_t>(grid_.known.ny * grid_.known.nx);
        std::size_t begin = 0;
        for (; begin + plane <= taken_.size(); begin += plane) {
            const auto first = taken_.begin() + static_cast<std::ptrdiff_t>(begin);
            whole_.add(std::vector<Real>(first, first + static_cast<std::ptrdiff_t>(plane)), level_);
        }
        taken_.erase(taken_.begin(), taken_.begin() + static_cast<std::ptrdiff_t>(begin));
        return -1;
    }

    template <class To, class Of>
    i64 place_as(To* to, i64 capacity, const Of& of) {
        const i64 last[3] = {request_.nx - 1, request_.ny - 1, request_.nz - 1};
        const auto put = [&](i64 z, i64 y, i64 x) {
            const i64 at[3] = {x, y, z};
            for (int axis = 0; axis < 3; ++axis)
                *to++ = of(std::min(at[axis] * grid_.stride, last[axis]), axis);
        };
        if (!request_.whole) return cursor_.next(grid_, capacity, put);
        const i64 count = std::min(capacity, pending_ - given_), ny = request_.ny, nx = request_.nx;
        for (i64 k = given_; k < given_ + count; ++k) put(k / (ny * nx), k / nx % ny, k % nx);
        given_ += count;
        return count;
    }

    template <class To>
    To in_world(i64 at, int axis) const {
        return placed<To>(static_cast<double>(at), request_.spacing[axis], request_.origin[axis]);
    }

    FieldRequest request_;
    Real level_;
    Team team_;
    FieldGrid<Real> grid_;
    WholePlanes<Real> whole_;
    BitGrid cells_;
    Cursor<Real> cursor_;
    i64 pending_ = 0, taken_count_ = 0, evaluated_ = 0, given_ = 0;
    std::vector<Real> taken_;  // values, since the last grid or plane was settled
    std::vector<PlaneItems> items_;
};

}  // namespace

std::unique_ptr<Field> Field::make(const FieldRequest& request, int threads) {
    if (request.is_double) return std::make_unique<FieldOf<double>>(request, threads);
    return std::make_unique<FieldOf<float>>(request, threads);
}

}  // namespace mc::cpu
