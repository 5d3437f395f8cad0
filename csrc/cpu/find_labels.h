// SPDX-License-Identifier: MIT
// Which labels there are in a volume, and where.
#pragma once

#include <vector>

#include "label_volume.h"
#include "team.h"

namespace mc::cpu {

// Which labels are wanted: all but the background, or those of `only`.
struct LabelChoice {
    bool all;
    bool has_background;  // where all are wanted
    u64 background;
    std::vector<u64> only;  // each once
};

// A label and the smallest box that holds it.
struct LabelBox {
    u64 value;
    i64 low[3], high[3];  // z, y, x: first sample, one past the last

    bool occurs() const { return low[0] < high[0]; }
    i64 samples() const { return (high[0] - low[0]) * (high[1] - low[1]) * (high[2] - low[2]); }
};

// The places of labels in a list, by their value: an open hash table.
class LabelIndex {
public:
    static constexpr i64 kNone = -1;

    i64 find(u64 value) const { return slots_[slot_of(value)].place; }

    // A label that is not there yet, as the next one.
    void add(u64 value) {
        if (2 * static_cast<std::size_t>(size_) >= slots_.size()) grow();
        slots_[slot_of(value)] = {value, size_++};
    }

private:
    struct Slot {
        u64 value = 0;
        i64 place = kNone;  // where it is free
    };

    // Where the value stands, or would.
    std::size_t slot_of(u64 value) const {
        const std::size_t last = slots_.size() - 1;
        std::size_t slot = static_cast<std::size_t>(value * 0x9e3779b97f4a7c15ull >> 20) & last;
        while (slots_[slot].place != kNone && slots_[slot].value != value) slot = (slot + 1) & last;
        return slot;
    }

    void grow();

    i64 size_ = 0;
    std::vector<Slot> slots_ = std::vector<Slot>(64);
};

// Every wanted label with its box, ascending; one of `only` that does not occur has none. Reads the volume
// once.
std::vector<LabelBox> find_labels(const LabelVolume& volume, const LabelChoice& choice, Team& team);

}  // namespace mc::cpu
