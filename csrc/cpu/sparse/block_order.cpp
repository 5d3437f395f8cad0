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

BlockOrder::BlockOrder(const BlockCoords& coords, Team& team, int threads, BlockTrouble& trouble)
    : count_(coords.count) {
    if (count_ == 0) return;
    if (!coords.as_they_lie([&](const auto& at) { return measure(at, team); })) {
        trouble.fault = BlockFault::kTooFar;
        return;
    }
    if (coords.as_they_lie([&](const auto& at) { return make_keys(at, team); }))
        renumber();
    else
        sort(team, threads);
    const i64 twice = find_twice(team);
    if (twice < count_)
        trouble = {BlockFault::kTwice, {x(twice), y(twice), z(twice)}, {0, 0}};
    else
        find_layers();
}

// The range of each axis; false where a key cannot hold them.
template <class Coords>
bool BlockOrder::measure(const Coords& coords, Team& team) {
    i64 high[3];
    for (int axis = 0; axis < 3; ++axis) low_[axis] = high[axis] = coords(0, axis);
    std::mutex lock;
    team.for_each(count_, [&](i64 begin, i64 end) {
        typename Coords::Number least[3], most[3];
        for (int axis = 0; axis < 3; ++axis) least[axis] = most[axis] = coords(begin, axis);
        for (i64 k = begin; k < end; ++k)
            for (int axis = 0; axis < 3; ++axis) {
                const auto at = coords(k, axis);
                least[axis] = std::min(least[axis], at);
                most[axis] = std::max(most[axis], at);
            }
        const std::lock_guard<std::mutex> guard(lock);
        for (int axis = 0; axis < 3; ++axis) {
            low_[axis] = std::min(low_[axis], i64{least[axis]});
            high[axis] = std::max(high[axis], i64{most[axis]});
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
template <class Coords>
bool BlockOrder::make_keys(const Coords& coords, Team& team) {
    keys_ = Buffer<u64>(static_cast<std::size_t>(count_));
    order_ = Buffer<u32>(static_cast<std::size_t>(count_));
    std::atomic<bool> sorted{true};
    const i64 low[3] = {low_[0], low_[1], low_[2]};
    const int bits[2] = {bits_[0], bits_[0] + bits_[1]};
    const auto key_of = [&, low, bits](i64 k) {
        const auto from_low = [&](int axis) { return static_cast<u64>(coords(k, axis) - low[axis]); };
        return from_low(0) | from_low(1) << bits[0] | from_low(2) << bits[1];
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

// By digits, the last first: each pass keeps the order of the one before. A part of the blocks counts its
// digits, and knows from the counts of all where its own go.
void BlockOrder::sort(Team& team, int threads) {
    const i64 parts = threads;
    Buffer<u64> keys(static_cast<std::size_t>(count_));
    Buffer<u32> order(static_cast<std::size_t>(count_));
    std::vector<std::vector<u32>> places(static_cast<std::size_t>(parts));
    for (int shift = 0; shift < bits_[0] + bits_[1] + bits_[2]; shift += kDigitBits) {
        const auto digit = [&](std::size_t k) {
            return static_cast<std::size_t>(keys_[k] >> shift & mask(kDigitBits));
        };
        const auto for_each_part = [&](const auto& visit) {
            team.for_each(parts, [&](i64 first, i64 last) {
                for (i64 part = first; part < last; ++part)
                    visit(places[static_cast<std::size_t>(part)].data(),
                          static_cast<std::size_t>(count_ * part / parts),
                          static_cast<std::size_t>(count_ * (part + 1) / parts));
            });
        };
        for (std::vector<u32>& place : places) place.assign(std::size_t(1) << kDigitBits, 0u);
        for_each_part([&](u32* place, std::size_t begin, std::size_t end) {
            for (std::size_t k = begin; k < end; ++k) ++place[digit(k)];
        });
        u32 next = 0;
        for (std::size_t of = 0; of < std::size_t(1) << kDigitBits; ++of)
            for (std::vector<u32>& place : places) {
                const u32 here = place[of];
                place[of] = next;
                next += here;
            }
        for_each_part([&](u32* place, std::size_t begin, std::size_t end) {
            for (std::size_t k = begin; k < end; ++k) {
                const u32 to = place[digit(k)]++;
                keys[to] = keys_[k];
                order[to] = order_[k];
            }
        });
        std::swap(keys, keys_);
        std::swap(order, order_);
    }
}

// The first block whose position is that of the one before it; their number where there is none.
i64 BlockOrder::find_twice(Team& team) const {
    std::mutex lock;
    i64 found = count_;
    team.for_each(count_ - 1, [&](i64 begin, i64 end) {
        const u64* keys = keys_.data();
        for (i64 k = begin + 1; k <= end; ++k)
            if (keys[k] == keys[k - 1]) {
                const std::lock_guard<std::mutex> guard(lock);
                found = std::min(found, k);
                return;
            }
    });
    return found;
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
