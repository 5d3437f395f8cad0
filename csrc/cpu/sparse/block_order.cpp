// SPDX-License-Identifier: MIT
#include "block_order.h"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace mc::cpu {

namespace {

constexpr int kMostBits = 62;  // of all three axes' ranges: a key holds them
constexpr int kDigitBits = 11;

int bits_for(u64 range) {
    int bits = 0;
    while (range >> bits) ++bits;
    return bits;
}

}  // namespace

BlockOrder::BlockOrder(const BlockCoords& coords, Team& team, BlockTrouble& trouble) : count_(coords.count) {
    if (count_ == 0) return;
    if (!measure(coords, team)) {
        trouble.fault = BlockFault::kTooFar;
        return;
    }
    if (make_keys(coords, team))
        renumber();
    else
        sort();
    for (i64 k = 1; k < count_; ++k)
        if (key(k) == key(k - 1)) {
            trouble = {BlockFault::kTwice, {x(k), y(k), z(k)}, {0, 0}};
            return;
        }
    find_layers();
}

// The range of each axis; false where a key cannot hold them.
bool BlockOrder::measure(const BlockCoords& coords, Team& team) {
    i64 high[3];
    for (int axis = 0; axis < 3; ++axis) low_[axis] = high[axis] = coords.at(0, axis);
    std::mutex lock;
    team.for_each(count_, [&](i64 begin, i64 end) {
        i64 least[3], most[3];
        for (int axis = 0; axis < 3; ++axis) least[axis] = most[axis] = coords.at(begin, axis);
        for (i64 k = begin; k < end; ++k)
            for (int axis = 0; axis < 3; ++axis) {
                const i64 at = coords.at(k, axis);
                least[axis] = std::min(least[axis], at);
                most[axis] = std::max(most[axis], at);
            }
        const std::lock_guard<std::mutex> guard(lock);
        for (int axis = 0; axis < 3; ++axis) {
            low_[axis] = std::min(low_[axis], least[axis]);
            high[axis] = std::max(high[axis], most[axis]);
        }
    });
    constexpr i64 kFarthest = i64(1) << 40;  // no address of a sample overflows
    int bits = 0;
    for (int axis = 0; axis < 3; ++axis) {
        if (low_[axis] < -kFarthest || high[axis] > kFarthest) return false;
        bits += bits_[axis] = bits_for(static_cast<u64>(high[axis] - low_[axis]));
    }
    return bits <= kMostBits;
}

// Keys in the order that the blocks came in; true where it is raster order already.
bool BlockOrder::make_keys(const BlockCoords& coords, Team& team) {
    keys_ = Buffer<u64>(static_cast<std::size_t>(count_));
    order_ = Buffer<u32>(static_cast<std::size_t>(count_));
    std::atomic<bool> sorted{true};
    const auto key_of = [&](i64 k) {
        u64 made = 0;
        for (int axis = 2; axis >= 0; --axis)
            made = made << bits_[axis] | static_cast<u64>(coords.at(k, axis) - low_[axis]);
        return made;
    };
    team.for_each(count_, [&](i64 begin, i64 end) {
        u64 last = begin > 0 ? key_of(begin - 1) : 0;
        bool rises = true;
        for (i64 k = begin; k < end; ++k) {
            const u64 made = key_of(k);
            rises &= made >= last;
            keys_[static_cast<std::size_t>(k)] = last = made;
            order_[static_cast<std::size_t>(k)] = static_cast<u32>(k);
        }
        if (!rises) sorted = false;
    });
    return sorted;
}

// By digits, the last first: each pass keeps the order of the one before.
void BlockOrder::sort() {
    const std::size_t n = static_cast<std::size_t>(count_);
    Buffer<u64> keys(n);
    Buffer<u32> order(n);
    std::vector<u32> place(std::size_t(1) << kDigitBits);
    for (int shift = 0; shift < bits_[0] + bits_[1] + bits_[2]; shift += kDigitBits) {
        const auto digit = [&](std::size_t k) {
            return static_cast<std::size_t>(keys_[k] >> shift & mask(kDigitBits));
        };
        std::fill(place.begin(), place.end(), 0u);
        for (std::size_t k = 0; k < n; ++k) ++place[digit(k)];
        u32 next = 0;
        for (u32& at : place) {
            const u32 here = at;
            at = next;
            next += here;
        }
        for (std::size_t k = 0; k < n; ++k) {
            const u32 to = place[digit(k)]++;
            keys[to] = keys_[k];
            order[to] = order_[k];
        }
        std::swap(keys, keys_);
        std::swap(order, order_);
    }
}

void BlockOrder::find_layers() {
    const int below = bits_[0] + bits_[1];
    for (i64 k = 0; k < count_;) {
        const u64 layer = key(k) >> below;
        const u64 *first = keys_.data(), *end = first + count_;
        const u64 next = (layer + 1) << below;
        const i64 last = std::lower_bound(first + k, end, next) - first;
        layers_.push_back({z(k), k, last});
        k = last;
    }
}

}  // namespace mc::cpu
