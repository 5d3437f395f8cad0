// SPDX-License-Identifier: MIT
#include "find_labels.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace mc::cpu {

namespace {

// Boxes of the labels seen so far.
class Boxes {
public:
    explicit Boxes(const LabelChoice& choice) : choice_(choice) {
        for (const u64 value : choice.only) add(value);
    }

    void widen(u64 value, const i64 (&low)[3], const i64 (&high)[3]) {
        if (choice_.has_background && value == choice_.background) return;
        i64 place = index_.find(value);
        if (place == LabelIndex::kNone) {
            if (!choice_.all) return;
            place = add(value);
        }
        LabelBox& box = boxes_[static_cast<std::size_t>(place)];
        for (int axis = 0; axis < 3; ++axis) {
            box.low[axis] = std::min(box.low[axis], low[axis]);
            box.high[axis] = std::max(box.high[axis], high[axis]);
        }
    }

    const std::vector<LabelBox>& found() const { return boxes_; }

private:
    i64 add(u64 value) {
        constexpr i64 kFar = i64(1) << 62;
        index_.add(value);
        boxes_.push_back({value, {kFar, kFar, kFar}, {0, 0, 0}});
        return static_cast<i64>(boxes_.size()) - 1;
    }

    const LabelChoice& choice_;
    LabelIndex index_;
    std::vector<LabelBox> boxes_;
};

}  // namespace

void LabelIndex::grow() {
    const std::vector<Slot> held = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
    for (const Slot& slot : held)
        if (slot.place != kNone) slots_[slot_of(slot.value)] = slot;
}

std::vector<LabelBox> find_labels(const LabelVolume& volume, const LabelChoice& choice, Team& team) {
    const i64 ny = volume.side[1];
    Boxes all(choice);
    std::mutex lock;
    team.for_each(volume.side[0] * ny, [&](i64 begin, i64 end) {
        Boxes part(choice);
        for (i64 r = begin; r < end; ++r) {
            const i64 z = r / ny, y = r % ny;
            for_each_run(volume, z, y, [&](u64 label, i64 first, i64 last) {
                part.widen(label, {z, y, first}, {z + 1, y + 1, last});
            });
        }
        const std::lock_guard<std::mutex> guard(lock);
        for (const LabelBox& box : part.found()) all.widen(box.value, box.low, box.high);
    });
    std::vector<LabelBox> boxes = all.found();
    std::sort(boxes.begin(), boxes.end(),
              [&](const LabelBox& a, const LabelBox& b) { return volume.comes_before(a.value, b.value); });
    return boxes;
}

}  // namespace mc::cpu
