// SPDX-License-Identifier: MIT
#include "block_planes.h"

namespace mc::cpu {

namespace {

i64 word_of(i64 x) { return x >> 6; }

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

// Marks samples [begin, end) of the row at work. They come in ascending order, and may overlap.
void LayerRows::add_samples(i64 begin, i64 end, bool are_cells) {
    while (begin < end) {
        const i64 w = word_of(begin), last = std::min(end, 64 * w + 64);
        const u64 bits = low_bits<u64>(last - begin) << (begin - 64 * w);
        std::size_t at = words.size();
        while (at > row_words_ && words[at - 1].w > w) --at;  // a block before this one ended in a later word
        if (at == row_words_ || words[at - 1].w != w) {
            words.insert(words.begin() + static_cast<std::ptrdiff_t>(at), {w, 0, 0});
            ++at;
        }
        (are_cells ? words[at - 1].cells : words[at - 1].samples) |= bits;
        begin = last;
    }
}

void LayerRows::read(const BlockOrder& order, i64 layer, i64 side) {
    rows.clear();
    words.clear();
    const BlockOrder::Layer& at = order.layers()[static_cast<std::size_t>(layer)];
    for (i64 k = at.first; k < at.last; ++k) {
        const i64 y = order.y(k), x = order.x(k) * side;
        if (rows.empty() || rows.back().y != y) {
            if (!rows.empty()) rows.back().last = k, rows.back().words_end = words.size();
            row_words_ = words.size();
            rows.push_back({y, k, k, words.size(), words.size()});
        }
        add_samples(x, x + side, true);
        add_samples(x, x + side + 1, false);
    }
    rows.back().last = at.last;
    rows.back().words_end = words.size();
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

// Takes values for samples i, i + 1 … of a word; those that are known already must be the same. kCount: how
// many, where that is known; else 0.
template <class Real>
template <int kCount>
inline void BlockPlanes<Real>::store(const Real* values, int count, int i, std::size_t word,
                                     SparsePlane<Real>& plane) {
    if (kCount) count = kCount;
    Real* held = plane.values(word) + i;
    const u64 known = known_[word] >> i;
    u64 inside = 0;
    bool odd = false;
    for (int k = 0; k < count; ++k) {
        odd |= values[k] != values[k] || ((known >> k & 1) && held[k] != values[k]);
        inside |= static_cast<u64>(values[k] < level_) << k;
    }
    if (odd) look_closer(values, count, i, word, plane);
    for (int k = 0; k < count; ++k) held[k] = values[k];
    known_[word] |= low_bits<u64>(count) << i;
    plane.words[word].inside |= inside << i;
}

template <class Real>
void BlockPlanes<Real>::look_closer(const Real* values, int count, int i, std::size_t word,
                                    const SparsePlane<Real>& plane) {
    const SparseWord& at = plane.words[word];
    const Real* held = plane.values(word) + i;
    for (int k = 0; k < count; ++k) {
        const i64 x = 64 * at.w + i + k;
        if (values[k] != values[k])
            note(BlockFault::kNan, x, at.y, plane.z, values[k], values[k]);
        else if ((known_[word] >> (i + k) & 1) && held[k] != values[k])
            note(BlockFault::kApart, x, at.y, plane.z, held[k], values[k]);
    }
}

template <class Real>
void BlockPlanes<Real>::fill(const RowSource& from, std::size_t first_word, SparsePlane<Real>& plane) {
    const i64 samples = side_ + 1, row = (from.dz * samples + from.dy) * samples;
    const i64 block = samples * samples * samples;
    std::size_t word = first_word;
    for (i64 k = from.blocks->first; k < from.blocks->last; ++k) {
        const Real* values = values_ + order_.block(k) * block + row;
        const i64 x = order_.x(k) * side_;
        while (plane.words[word].w < word_of(x)) ++word;
        const int i = static_cast<int>(x & 63);
        if (side_ == 1 && i < 63) {
            store<2>(values, 2, i, word, plane);
            continue;
        }
        std::size_t at = word;  // the next block may begin in this word, where this one ends in another
        for (i64 done = 0; done < samples; ++at) {
            const int first = static_cast<int>((x + done) & 63);
            const int count = static_cast<int>(std::min<i64>(64 - first, samples - done));
            store<0>(values + done, count, first, at, plane);
            done += count;
        }
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
    known_.assign(plane.words.size(), 0);
    std::size_t word = 0;
    for (const RowSource& from : sources_) {
        while (plane.words[word].y < from.y) ++word;
        fill(from, word, plane);
    }
}

template class BlockPlanes<float>;
template class BlockPlanes<double>;

}  // namespace mc::cpu
