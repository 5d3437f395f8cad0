// SPDX-License-Identifier: MIT
// One plane of a grid of which only some samples are known: the words of samples that occur, in raster order.
#pragma once

#include <utility>
#include <vector>

#include "../../core/edge_word.h"
#include "../buffer.h"

namespace mc::cpu {

// The samples of row y from x = 64 * w on; `y` and `w` may be negative.
struct SparseWord {
    i64 y, w;
    u64 inside;    // bits of samples that are not known are 0
    u64 cells[4];  // cells that count: of row y, of y - 1, of row y of the plane below, of its y - 1

    bool before(i64 other_y, i64 other_w) const { return y != other_y ? y < other_y : w < other_w; }
    // Is `next` the word after this one in the same row?
    bool joins(const SparseWord& next) const { return y == next.y && w + 1 == next.w; }
};

constexpr int kNowhere = -1;

// Values and edges lie beside the words, 64 values a word.
template <class Real>
class SparsePlane {
public:
    i64 z = 0;
    std::vector<SparseWord> words;
    std::vector<mc::EdgeWord<u64>> edges;  // of each word
    std::vector<int> at_y, at_z;           // the word at y + 1; the word at z + 1, in the plane above
    i64 in_plane = 0, upright = 0;         // the ids after the plane's last vertex of each kind

    // `first_in_plane`, `first_upright`: ids of its first vertices.
    void clear(i64 at, i64 first_in_plane, i64 first_upright) {
        z = at;
        words.clear();
        in_plane = first_in_plane;
        upright = first_upright;
    }
    // Room for the values of as many words as there are; what was there is lost.
    void make_room() {
        if (words.size() <= room_) return;
        room_ = words.size() + words.size() / 4;
        values_ = Buffer<Real>(64 * room_);
    }
    Real* values(std::size_t word) { return values_.data() + 64 * word; }
    const Real* values(std::size_t word) const { return values_.data() + 64 * word; }

    // The crossed edges along x and y that a cell uses, and the links along y.
    void find_in_plane();
    // Those along z, towards the plane `above`, whose samples are all unknown where it is empty.
    void find_upright(const SparsePlane& above);

private:
    bool follows(std::size_t s) const { return s > 0 && words[s - 1].joins(words[s]); }

    // Crossed edges of a word that have a vertex.
    CrossedEdges<u64> used(std::size_t s, const CrossedEdges<u64>& crossed) const {
        CellBits<u64> cells[4];
        for (int k = 0; k < 4; ++k)
            cells[k] = cell_bits<u64>(words[s].cells[k], follows(s) ? words[s - 1].cells[k] : 0);
        return used_edges(crossed, cells);
    }

    std::size_t room_ = 0;
    Buffer<Real> values_;
};

// For each word of `from` the place of the word of `to` at the same x, `step` rows further.
inline void link(const std::vector<SparseWord>& from, const std::vector<SparseWord>& to, i64 step,
                 std::vector<int>& places) {
    places.resize(from.size());
    std::size_t t = 0;
    for (std::size_t s = 0; s < from.size(); ++s) {
        const i64 y = from[s].y + step, w = from[s].w;
        while (t < to.size() && to[t].before(y, w)) ++t;
        const bool there = t < to.size() && to[t].y == y && to[t].w == w;
        places[s] = there ? static_cast<int>(t) : kNowhere;
    }
}

template <class Real>
void SparsePlane<Real>::find_in_plane() {
    link(words, words, 1, at_y);
    edges.resize(words.size());
    for (std::size_t s = 0; s < words.size(); ++s) {
        const bool joined = s + 1 < words.size() && words[s].joins(words[s + 1]);
        const RowBits<u64> row = row_bits<u64>(words[s].inside, joined ? words[s + 1].inside : 0);
        const u64 row_y = at_y[s] == kNowhere ? 0 : words[static_cast<std::size_t>(at_y[s])].inside;
        const CrossedEdges<u64> found = used(s, {row.at ^ row.after, row.at ^ row_y, 0});
        edges[s] = {row.at, row.after, found.x, found.x >> 1, found.y, 0, in_plane, 0};
        if (follows(s)) edges[s - 1].x_after |= found.x << 63;
        in_plane += popcount(found.x) + popcount(found.y);
    }
}

template <class Real>
void SparsePlane<Real>::find_upright(const SparsePlane& above) {
    link(words, above.words, 0, at_z);
    for (std::size_t s = 0; s < words.size(); ++s) {
        const u64 row_z = at_z[s] == kNowhere ? 0 : above.words[static_cast<std::size_t>(at_z[s])].inside;
        edges[s].z = used(s, {0, 0, words[s].inside ^ row_z}).z;
        edges[s].upright = upright;
        upright += popcount(edges[s].z);
    }
}

}  // namespace mc::cpu
