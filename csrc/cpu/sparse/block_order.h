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
    BlockOrder(const BlockCoords& coords, Team& team, int threads, BlockTrouble& trouble);

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

    // What a loop over many blocks reads, without a look at the order itself.
    class Reader {
    public:
        i64 x(i64 k) const { return low_ + static_cast<i64>(keys_[k] & mask_); }
        u64 row(i64 k) const { return keys_[k] >> row_shift_; }  // the same for blocks of one y and z
        i64 block(i64 k) const { return order_ ? order_[k] : k; }

    private:
        friend class BlockOrder;
        const u64* keys_;
        const u32* order_;  // null where block(k) is k
        u64 mask_;
        i64 low_;
        int row_shift_;
    };
    Reader reader() const {
        Reader reader;
        reader.keys_ = keys_.data();
        reader.order_ = in_order_ ? nullptr : order_.data();
        reader.mask_ = mask(bits_[0]);
        reader.low_ = low_[0];
        reader.row_shift_ = bits_[0];
        return reader;
    }

private:
    static u64 mask(int bits) { return (u64(1) << bits) - 1; }
    u64 key(i64 k) const { return keys_[static_cast<std::size_t>(k)]; }
    template <class Coords>
    bool measure(const Coords& coords, Team& team);
    template <class Coords>
    bool make_keys(const Coords& coords, Team& team);
    void sort(Team& team, int threads);
    i64 find_twice(Team& team) const;
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
