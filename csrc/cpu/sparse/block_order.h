// SPDX-License-Identifier: MIT
// Blocks in raster order.
#pragma once

#include "blocks.h"

namespace mc::cpu {

class BlockOrder {
public:
    // A run of blocks of one z.
    struct Layer {
        i64 z, first, last;
    };

    BlockOrder() = default;
    // Sorts them; a position that is there twice, or too far from the others, goes to `trouble`.
    BlockOrder(const BlockCoords& coords, Team& team, BlockTrouble& trouble);

    const std::vector<Layer>& layers() const { return layers_; }
    // Of the k-th block in raster order.
    i64 x(i64 k) const { return low_[0] + static_cast<i64>(key(k) & mask(bits_[0])); }
    i64 y(i64 k) const { return low_[1] + static_cast<i64>(key(k) >> bits_[0] & mask(bits_[1])); }
    i64 z(i64 k) const { return low_[2] + static_cast<i64>(key(k) >> (bits_[0] + bits_[1])); }
    i64 block(i64 k) const { return in_order_ ? k : order_[static_cast<std::size_t>(k)]; }
    bool in_order() const { return in_order_; }
    // The blocks' values have been brought into raster order: from here on block(k) is k.
    void renumber() {
        in_order_ = true;
        order_ = {};
    }
    i64 count() const { return count_; }

private:
    static u64 mask(int bits) { return (u64(1) << bits) - 1; }
    u64 key(i64 k) const { return keys_[static_cast<std::size_t>(k)]; }
    bool measure(const BlockCoords& coords, Team& team);
    bool make_keys(const BlockCoords& coords, Team& team);
    void sort();
    void find_layers();

    i64 count_ = 0;
    bool in_order_ = false;  // as they came
    i64 low_[3] = {0, 0, 0};
    int bits_[3] = {0, 0, 0};
    Buffer<u64> keys_;
    Buffer<u32> order_;
    std::vector<Layer> layers_;
};

}  // namespace mc::cpu
