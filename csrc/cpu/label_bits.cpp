// SPDX-License-Identifier: MIT
#include "label_bits.h"

#include <algorithm>

#include "../core/word.h"

namespace mc::cpu {

namespace {

constexpr i64 kBatchBytes = 1 << 23;  // that any volume's labels may take at once

// Where the runs of one label go.
struct Target {
    u64* bits;  // null where the label is not in the batch
    i64 first[3];
    i64 ny, words;
};

void clear_bits(u64* row, i64 first, i64 end) {
    for (i64 w = first / 64; 64 * w < end; ++w)
        row[w] &= ~(low_bits<u64>(end - 64 * w) & ~low_bits<u64>(first - 64 * w));
}

// All samples are another's, until the runs are cleared.
void set_all(const LabelGrid& grid, u64* bits) {
    const i64 words = grid.words();
    for (i64 r = 0; r < grid.side[0] * grid.side[1]; ++r, bits += words)
        for (i64 w = 0; w < words; ++w) bits[w] = low_bits<u64>(grid.side[2] - 64 * w);
}

}  // namespace

LabelGrid::LabelGrid(const LabelBox& box, const LabelVolume& volume, bool closed) {
    for (int axis = 0; axis < 3; ++axis) {
        const bool before = closed || box.low[axis] > 0, after = closed || box.high[axis] < volume.side[axis];
        first[axis] = box.low[axis] - before;
        side[axis] = box.high[axis] + after - first[axis];
    }
}

std::vector<LabelBatch> cut_into_batches(const std::vector<LabelBox>& boxes, const LabelVolume& volume,
                                         bool closed) {
    std::vector<i64> order;
    for (std::size_t k = 0; k < boxes.size(); ++k)
        if (boxes[k].occurs()) order.push_back(static_cast<i64>(k));
    const auto box_of = [&](i64 k) -> const LabelBox& { return boxes[static_cast<std::size_t>(k)]; };
    std::stable_sort(order.begin(), order.end(),
                     [&](i64 a, i64 b) { return box_of(a).low[0] < box_of(b).low[0]; });
    const i64 most = (volume.bytes() / 8 + kBatchBytes) / static_cast<i64>(sizeof(u64));
    std::vector<LabelBatch> batches;
    for (const i64 k : order) {
        const LabelBox& box = box_of(k);
        const i64 words = LabelGrid(box, volume, closed).all_words();
        if (batches.empty() || batches.back().words + words > most)
            batches.push_back({{}, box.low[0], box.high[0], 0});
        LabelBatch& batch = batches.back();
        batch.labels.push_back(k);
        batch.end = std::max(batch.end, box.high[0]);
        batch.words += words;
    }
    return batches;
}

LabelBits::LabelBits(const LabelBatch& batch, const std::vector<LabelBox>& boxes, const LabelIndex& index,
                     const LabelVolume& volume, bool closed, Team& team)
    : words_(static_cast<std::size_t>(batch.words)) {
    std::vector<Target> targets(boxes.size(), Target{});
    std::vector<LabelGrid> grids;
    i64 begin = 0;
    for (const i64 k : batch.labels) {
        const std::size_t place = static_cast<std::size_t>(k);
        const LabelGrid& grid = grids.emplace_back(boxes[place], volume, closed);
        targets[place] = {
            words_.data() + begin, {grid.first[0], grid.first[1], grid.first[2]}, grid.side[1], grid.words()};
        begins_.push_back(begin);
        begin += grid.all_words();
    }
    team.for_each(static_cast<i64>(grids.size()), [&](i64 first, i64 end) {
        for (std::size_t k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(end); ++k)
            set_all(grids[k], of(k));
    });
    const i64 ny = volume.side[1];
    team.for_each((batch.end - batch.first) * ny, [&](i64 first, i64 end) {
        for (i64 r = first; r < end; ++r) {
            const i64 z = batch.first + r / ny, y = r % ny;
            for_each_run(volume, z, y, [&](u64 label, i64 from, i64 to) {
                const i64 place = index.find(label);
                if (place == LabelIndex::kNone) return;
                const Target& at = targets[static_cast<std::size_t>(place)];
                if (!at.bits) return;
                const i64 row = (z - at.first[0]) * at.ny + y - at.first[1];
                clear_bits(at.bits + row * at.words, from - at.first[2], to - at.first[2]);
            });
        }
    });
}

}  // namespace mc::cpu
