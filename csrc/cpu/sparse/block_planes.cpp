// SPDX-License-Identifier: MIT
#include "block_planes.h"

#include <type_traits>

namespace mc::cpu {

namespace {

i64 word_of(i64 x) { return x >> 6; }

// Blocks of one cell, whose side the compiler knows; they have been brought into raster order.
using Cells = std::integral_constant<i64, 1>;
constexpr Cells kCells;

}  // namespace

std::vector<BlockPlane> planes_of(const BlockOrder& order, i64 side) {
    std::vector<BlockPlane> planes;
    const std::vector<BlockOrder::Layer>& layers = order.layers();
    for (std::size_t k = 0; k < layers.size(); ++k) {
        const bool follows = k > 0 && layers[k - 1].z + 1 == layers[k].z;
        const bool goes_on = k + 1 < layers.size() && layers[k].z + 1 == layers[k + 1].z;
        for (i64 dz = 0; dz < side; ++dz)
            planes.push_back({layers[k].z * side + dz, static_cast<i64>(k),
                              follows && dz == 0 ? static_cast<i64>(k) - 1 : kNowhere});
        if (!goes_on) planes.push_back({(layers[k].z + 1) * side, kNowhere, static_cast<i64>(k)});
    }
    return planes;
}

void LayerRows::read(const BlockOrder& order, i64 layer, i64 side) {
    rows.clear();
    words.clear();
    const BlockOrder::Layer& at = order.layers()[static_cast<std::size_t>(layer)];
    const BlockOrder::Reader blocks = order.reader();
    for (i64 k = at.first; k < at.last;) {
        const i64 first = k;
        const std::size_t first_word = words.size();
        k = read_row(blocks, k, at.last, side);
        rows.push_back({order.y(first), first, k, first_word, words.size()});
    }
}

// Appends the words of the row that begins with block k, and returns the first block of the next one.
i64 LayerRows::read_row(const BlockOrder::Reader& blocks, i64 k, i64 last, i64 side) {
    const u64 row = blocks.row(k), width = low_bits<u64>(side);
    BlockWord open{word_of(blocks.x(k) * side), 0};
    const auto go_on_at = [&](i64 w) {
        words.push_back(open);
        open = {w, 0};
    };
    for (; k < last && blocks.row(k) == row; ++k) {
        const i64 begin = blocks.x(k) * side, end = begin + side;
        if (word_of(begin) != open.w) go_on_at(word_of(begin));
        open.cells |= width << (begin & 63);
        while (word_of(end) != open.w) {  // the sample behind the block's last is in another word
            go_on_at(open.w + 1);
            open.cells = low_bits<u64>(end - 64 * open.w);
        }
    }
    words.push_back(open);
    return k;
}

template <class Real>
void BlockPlanes<Real>::take_layers(const BlockPlane& at) {
    if (at.ending != kNowhere && at.ending != ending_held_) {
        if (at.ending == layer_held_) {
            std::swap(layer_, ending_);
            std::swap(layer_held_, ending_held_);
        } else {
            ending_.read(order_, ending_held_ = at.ending, side_);
        }
    }
    if (at.layer != kNowhere && at.layer != layer_held_) layer_.read(order_, layer_held_ = at.layer, side_);
}

// All rows of samples of a plane with where they come from, y ascending.
template <class Real>
void BlockPlanes<Real>::list_sources(const BlockPlane& at) {
    const auto list = [this](const LayerRows& layer, i64 dz, std::vector<RowSource>& to) {
        for (const BlockRow& row : layer.rows)
            for (i64 dy = 0; dy <= side_; ++dy) to.push_back({row.y * side_ + dy, &layer, &row, dy, dz});
    };
    sources_.clear();
    if (at.layer != kNowhere) {
        const i64 first = order_.layers()[static_cast<std::size_t>(at.layer)].z * side_;
        list(layer_, at.z - first, sources_);
    }
    if (at.ending == kNowhere) return;
    merged_.clear();
    list(ending_, side_, merged_);
    const std::size_t middle = sources_.size();
    sources_.insert(sources_.end(), merged_.begin(), merged_.end());
    merged_.resize(sources_.size());
    const auto from = sources_.begin(), split = from + static_cast<std::ptrdiff_t>(middle);
    std::merge(from, split, split, sources_.end(), merged_.begin(),
               [](const RowSource& a, const RowSource& b) { return a.y < b.y; });
    std::swap(sources_, merged_);
}

// The words of one row of samples, out of its at most four sources.
template <class Real>
void BlockPlanes<Real>::add_words(std::size_t begin, std::size_t end, SparsePlane<Real>& plane) {
    std::size_t at[4];
    for (std::size_t k = begin; k < end; ++k) at[k - begin] = sources_[k].blocks->words;
    for (;;) {
        bool any = false;
        i64 w = 0;
        for (std::size_t k = begin; k < end; ++k) {
            if (at[k - begin] == sources_[k].blocks->words_end) continue;
            const i64 found = sources_[k].layer->words[at[k - begin]].w;
            w = any ? std::min(w, found) : found;
            any = true;
        }
        if (!any) return;
        SparseWord word{sources_[begin].y, w, 0, {0, 0, 0, 0}};
        for (std::size_t k = begin; k < end; ++k) {
            const RowSource& from = sources_[k];
            if (at[k - begin] == from.blocks->words_end || from.layer->words[at[k - begin]].w != w) continue;
            const u64 cells = from.layer->words[at[k - begin]++].cells;
            const bool of_row[2] = {from.dy < side_, from.dy > 0},
                       of_plane[2] = {from.dz < side_, from.dz > 0};
            for (int below = 0; below < 4; ++below)
                if (of_row[below & 1] && of_plane[below >> 1]) word.cells[below] |= cells;
        }
        plane.words.push_back(word);
    }
}

// Gives the values of each block's row of samples to visit(values, held): where the block has them, and where
// the plane does, which is one run too: the words of a row of blocks follow each other. Side: of the blocks,
// kCells or an i64.
template <class Real>
template <class Side, class Visit>
inline void BlockPlanes<Real>::for_each_run(Side side, const RowSource& from, std::size_t word,
                                            SparsePlane<Real>& plane, const Visit& visit) const {
    const i64 samples = side + 1, block = samples * samples * samples;
    const Real* row = values_ + (from.dz * samples + from.dy) * samples;
    const BlockOrder::Reader blocks = order_.reader();
    const i64 last = from.blocks->last;
    for (i64 k = from.blocks->first; k < last; ++word) {
        const i64 begin = 64 * plane.words[word].w;
        Real* held = plane.values(word);
        for (i64 x; k < last && (x = blocks.x(k) * side - begin) < 64; ++k)
            visit(row + (side == kCells ? k : blocks.block(k)) * block, held + x);
    }
}

// Where several blocks hold a sample, the last one's value stays.
template <class Real>
template <class Side>
void BlockPlanes<Real>::fill(Side side, SparsePlane<Real>& plane) {
    for_each_source(plane, [&](const RowSource& from, std::size_t word) {
        for_each_run(side, from, word, plane, [side](const Real* values, Real* held) {
            if constexpr (std::is_same_v<Side, Cells>)
                held[0] = values[0], held[1] = values[1];
            else
                std::copy_n(values, side + 1, held);
        });
    });
}

// Compares all samples of a plane that was filled with the level; what is not known is not inside.
template <class Real>
void BlockPlanes<Real>::classify(SparsePlane<Real>& plane) {
    constexpr int kDtype = static_cast<int>(sizeof(Real) == 4 ? Dtype::kFloat32 : Dtype::kFloat64);
    const Level level{static_cast<double>(level_), static_cast<float>(level_), 0};
    inside_.resize(plane.words.size());
    row_functions().classify[kDtype](plane.values(0), 64 * static_cast<i64>(plane.words.size()), level,
                                     inside_.data());
    u64 before = 0;
    for (std::size_t s = 0; s < plane.words.size(); ++s) {
        SparseWord& word = plane.words[s];
        const u64 cells = word.cells[0] | word.cells[1] | word.cells[2] | word.cells[3];
        const u64 known = cells | cells << 1 | (s > 0 && plane.words[s - 1].joins(word) ? before >> 63 : 0);
        word.inside = inside_[s] & known;
        before = cells;
    }
}

// Whether all blocks gave the samples that a plane holds, and none gave a NaN.
template <class Real>
template <class Side>
bool BlockPlanes<Real>::agree(Side side, SparsePlane<Real>& plane) const {
    bool odd = false;
    for_each_source(plane, [&](const RowSource& from, std::size_t word) {
        for_each_run(side, from, word, plane, [side, &odd](const Real* values, const Real* held) {
            for (i64 k = 0; k <= side; ++k) odd |= !(held[k] == values[k]);
        });
    });
    return !odd;
}

// Notes what is wrong with a plane whose blocks do not agree: which sample is met first, and its values.
template <class Real>
void BlockPlanes<Real>::look_closer(SparsePlane<Real>& plane) {
    std::vector<u64> known(plane.words.size(), 0);
    for_each_source(plane, [&](const RowSource& from, std::size_t word) {
        for_each_run(side_, from, word, plane, [&](const Real* values, Real* held) {
            const i64 first = held - plane.values(0);
            for (i64 k = 0; k <= side_; ++k) {
                const std::size_t at = static_cast<std::size_t>(word_of(first + k));
                const u64 bit = u64(1) << ((first + k) & 63);
                const i64 x = 64 * plane.words[at].w + ((first + k) & 63);
                if (values[k] != values[k])
                    note(BlockFault::kNan, x, from.y, plane.z, values[k], values[k]);
                else if ((known[at] & bit) && held[k] != values[k])
                    note(BlockFault::kApart, x, from.y, plane.z, held[k], values[k]);
                held[k] = values[k];
                known[at] |= bit;
            }
        });
    });
}

// Gives each row of samples of a plane with the first of its words.
template <class Real>
template <class Visit>
inline void BlockPlanes<Real>::for_each_source(const SparsePlane<Real>& plane, const Visit& visit) const {
    std::size_t word = 0;
    for (const RowSource& from : sources_) {
        while (plane.words[word].y < from.y) ++word;
        visit(from, word);
    }
}

template <class Real>
void BlockPlanes<Real>::build(i64 k, SparsePlane<Real>& plane) {
    const BlockPlane& at = planes_[static_cast<std::size_t>(k)];
    take_layers(at);
    list_sources(at);
    const auto row_end = [this](std::size_t s) {
        std::size_t end = s;
        while (end < sources_.size() && sources_[end].y == sources_[s].y) ++end;
        return end;
    };
    for (std::size_t s = 0; s < sources_.size(); s = row_end(s)) add_words(s, row_end(s), plane);
    plane.make_room();
    side_ == kCells ? fill(kCells, plane) : fill(side_, plane);
    classify(plane);
    if (checks_ && !(side_ == kCells ? agree(kCells, plane) : agree(side_, plane))) look_closer(plane);
}

template class BlockPlanes<float>;
template class BlockPlanes<double>;

}  // namespace mc::cpu
