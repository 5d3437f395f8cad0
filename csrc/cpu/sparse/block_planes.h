// SPDX-License-Identifier: MIT
// Stage 1 over blocks: the planes of samples that they make, plane by plane.
#pragma once

#include <algorithm>

#include "../simd/row_functions.h"
#include "block_order.h"
#include "sparse_plane.h"

namespace mc::cpu {

// A plane of samples: the layer of blocks whose cells begin in it or go through it, and the layer that ends
// in it.
struct BlockPlane {
    i64 z;
    i64 layer, ending;  // kNowhere where there is none
};

std::vector<BlockPlane> planes_of(const BlockOrder& order, i64 side);

// A run of blocks of one z and y, its cells as words.
struct BlockRow {
    i64 y, first, last;            // blocks
    std::size_t words, words_end;  // its words among the layer's
};

// A word of a row of blocks that they have samples of: which of its cells they hold.
struct BlockWord {
    i64 w;
    u64 cells;
};

// A layer of blocks as rows.
class LayerRows {
public:
    std::vector<BlockRow> rows;
    std::vector<BlockWord> words;

    void read(const BlockOrder& order, i64 layer, i64 side);

private:
    i64 read_row(const BlockOrder::Reader& blocks, i64 k, i64 last, i64 side);
};

// Where a row of samples comes from: row `dy` and plane `dz` of a row of blocks.
struct RowSource {
    i64 y;
    const LayerRows* layer;
    const BlockRow* blocks;
    i64 dy, dz;
};

// The planes of blocks, as one thread makes them. Where it `checks`, what is wrong with their samples is
// noted.
template <class Real>
class BlockPlanes {
public:
    BlockPlanes(const BlockOrder& order, const std::vector<BlockPlane>& planes, const Real* values, i64 side,
                Real level, bool checks)
        : order_(order), planes_(planes), values_(values), side_(side), level_(level), checks_(checks) {}

    i64 count() const { return static_cast<i64>(planes_.size()); }
    i64 z(i64 k) const { return planes_[static_cast<std::size_t>(k)].z; }
    void build(i64 k, SparsePlane<Real>& plane);

    BlockTrouble trouble;  // the first that was met

private:
    void take_layers(const BlockPlane& at);
    void list_sources(const BlockPlane& at);
    void add_words(std::size_t begin, std::size_t end, SparsePlane<Real>& plane);
    template <class Side>
    void fill(Side side, SparsePlane<Real>& plane);
    void classify(SparsePlane<Real>& plane);
    template <class Side>
    bool agree(Side side, SparsePlane<Real>& plane) const;
    void look_closer(SparsePlane<Real>& plane);
    template <class Visit>
    void for_each_source(const SparsePlane<Real>& plane, const Visit& visit) const;
    template <class Side, class Visit>
    void for_each_run(Side side, const RowSource& from, std::size_t word, SparsePlane<Real>& plane,
                      const Visit& visit) const;
    void note(BlockFault fault, i64 x, i64 y, i64 z, Real was, Real is) {
        if (trouble.fault == BlockFault::kNone)
            trouble = {fault, {x, y, z}, {static_cast<double>(was), static_cast<double>(is)}};
    }

    const BlockOrder& order_;
    const std::vector<BlockPlane>& planes_;
    const Real* values_;
    i64 side_;
    Real level_;
    bool checks_;
    LayerRows layer_, ending_;
    i64 layer_held_ = kNowhere, ending_held_ = kNowhere;
    std::vector<RowSource> sources_, merged_;
    std::vector<u64> inside_;
};

}  // namespace mc::cpu
