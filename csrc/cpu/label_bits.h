// SPDX-License-Identifier: MIT
// The samples of labels as bits, before the first stage: of as many labels at once as little memory holds.
#pragma once

#include "buffer.h"
#include "find_labels.h"

namespace mc::cpu {

// A label's samples and those around them: its box and, on each side where the volume goes on or a layer lies
// around it, one more.
struct LabelGrid {
    i64 first[3], side[3];  // z, y, x: the first sample, -1 in the layer; samples

    LabelGrid(const LabelBox& box, const LabelVolume& volume, bool closed);
    i64 words() const { return (side[2] + 63) / 64; }  // a row
    i64 all_words() const { return side[0] * side[1] * words(); }
};

// Which of a volume's labels have bits at the same time.
struct LabelBatch {
    std::vector<i64> labels;  // places in the list of all
    i64 first = 0, end = 0;   // planes of the volume in which they are
    i64 words = 0;            // of all their bits
};

// The labels that occur, in batches of neighbours.
std::vector<LabelBatch> cut_into_batches(const std::vector<LabelBox>& boxes, const LabelVolume& volume,
                                         bool closed);

// The bits of a batch: of each sample of a label's grid whether it is another label's, a row in whole words.
class LabelBits {
public:
    LabelBits() = default;
    // Reads the batch's planes of the volume. `index` holds the places of all labels.
    LabelBits(const LabelBatch& batch, const std::vector<LabelBox>& boxes, const LabelIndex& index,
              const LabelVolume& volume, bool closed, Team& team);

    // Of the batch's k-th label.
    u64* of(std::size_t k) { return words_.data() + begins_[k]; }

private:
    std::vector<i64> begins_;
    Buffer<u64> words_;
};

}  // namespace mc::cpu
