// SPDX-License-Identifier: MIT
#include "blocks.h"

#include <algorithm>
#include <mutex>

#include "block_planes.h"
#include "sparse_mesh.h"

namespace mc::cpu {

namespace {

constexpr i64 kAhead = 16;               // cells whose corners are asked for before they are needed
constexpr i64 kThreadSamples = 1 << 16;  // below this a thread costs more to start than it saves

// Of two troubles the one that is met first in raster order.
bool is_before(const BlockTrouble& a, const BlockTrouble& b) {
    for (int axis = 2; axis >= 0; --axis)
        if (a.at[axis] != b.at[axis]) return a.at[axis] < b.at[axis];
    return false;
}

// `Real`: what is computed in. Of int32 and wide integers the vertices are float all the same.
template <class Real>
class PlanOf final : public BlockPlan {
public:
    PlanOf(const BlockRequest& request, int threads)
        : team_(threads),
          values_(request.values, threads),
          side_(request.side),
          level_(static_cast<Real>(request.level)),
          double_verts_(request.values.dtype == Dtype::kFloat64) {
        order_ = BlockOrder(request.coords, team_, threads, trouble);
        if (trouble.fault != BlockFault::kNone || order_.count() == 0) return;
        if (side_ == 1 && !order_.in_order()) gather();
        planes_ = planes_of(order_, side_);
        items_.resize(planes_.size() + 1);
        count();
        const Address end = scan_planes(items_);
        vertices = end.vertices;
        triangles = end.triangles;
    }

    void emit(void* verts, void* faces, bool wide_faces) override {
        const SparseMesh to{verts, faces, double_verts_, wide_faces};
        if (double_verts_)
            wide_faces ? emit_as<double, i64>(to) : emit_as<double, i32>(to);
        else
            wide_faces ? emit_as<float, i64>(to) : emit_as<float, i32>(to);
    }

private:
    using Source = BlockPlanes<Real>;

    Source source(bool checks) const {
        const Real* values = gathered_.data() ? gathered_.data() : values_.data();
        return Source(order_, planes_, values, side_, level_, checks);
    }

    // A cell's corners lie in four rows of samples and are read twice: once here is enough out of order.
    void gather() {
        gathered_ = Buffer<Real>(static_cast<std::size_t>(kCorners * order_.count()));
        team_.for_each(order_.count(), [this](i64 begin, i64 end) {
            for (i64 k = begin; k < end; ++k) {
#if defined(__GNUC__)
                if (k + kAhead < end)
                    __builtin_prefetch(values_.data() + kCorners * order_.block(k + kAhead));
#endif
                std::copy_n(values_.data() + kCorners * order_.block(k), kCorners,
                            gathered_.data() + kCorners * k);
            }
        });
        order_.renumber();
    }

    void count() {
        const FloatMode exact;
        std::mutex lock;
        team_.for_each(static_cast<i64>(planes_.size()), [&](i64 begin, i64 end) {
            Source from = source(true);
            count_planes<Real>(from, begin, end, items_.data());
            const std::lock_guard<std::mutex> guard(lock);
            const bool first = trouble.fault == BlockFault::kNone || is_before(from.trouble, trouble);
            if (from.trouble.fault != BlockFault::kNone && first) trouble = from.trouble;
        });
        items_.back() = {0, 0, 0};
    }

    template <class Coord, class Index>
    void emit_as(const SparseMesh& to) {
        if constexpr (sizeof(Coord) > sizeof(Real))
            return;  // float64 vertices come of float64 values
        else {
            const FloatMode exact;
            team_.for_each(static_cast<i64>(planes_.size()), [&](i64 begin, i64 end) {
                Source from = source(false);
                emit_planes<Real, Coord, Index>(from, begin, end, level_, items_.data(), to);
            });
        }
    }

    Team team_;
    Contiguous<Real> values_;
    Buffer<Real> gathered_;  // the same in raster order, or nothing
    i64 side_;
    Real level_;
    bool double_verts_;
    BlockOrder order_;
    std::vector<BlockPlane> planes_;
    std::vector<PlaneItems> items_;
};

}  // namespace

std::unique_ptr<BlockPlan> prepare_blocks(const BlockRequest& request, int threads) {
    const FloatMode exact;
    threads = threads_worth(request.values.count(), kThreadSamples, threads);
    switch (read_as(request.values.dtype)) {  // as the stages compute with it
        case Dtype::kFloat64:
        case Dtype::kInt32:
        case Dtype::kWhole:
            return std::make_unique<PlanOf<double>>(request, threads);
        default:
            return std::make_unique<PlanOf<float>>(request, threads);
    }
}

}  // namespace mc::cpu
