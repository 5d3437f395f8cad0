// SPDX-License-Identifier: MIT
#include "field_planes.h"

namespace mc::cpu {

template <class Real>
void FieldPlanes<Real>::find_cells(i64 z, std::vector<u64>& to) const {
    const BitGrid& inside = grid_.inside;
    to.assign(static_cast<std::size_t>(inside.plane_words()), 0);
    if (z < 0 || z + 1 >= inside.nz) return;
    for (i64 y = 0; y + 1 < inside.ny; ++y)
        crossed_row(whole_ ? nullptr : &grid_.known, inside, z, y, to.data() + y * inside.words);
}

template <class Real>
void FieldPlanes<Real>::build(i64 z, SparsePlane<Real>& plane) {
    const BitGrid &known = grid_.known, &inside = grid_.inside;
    if (built_ == z - 1)
        std::swap(cells_, cells_below_);
    else
        find_cells(z - 1, cells_below_);
    find_cells(z, cells_);
    built_ = z;
    ranks_.clear();
    i64 rank = 0;
    for (i64 y = 0; y < known.ny; ++y) {
        u64 before = 0;
        for (i64 w = 0; w < known.words; ++w) {
            const std::size_t at = static_cast<std::size_t>(y * known.words + w),
                              row_before = at - static_cast<std::size_t>(y > 0 ? known.words : 0);
            const SparseWord word{y,
                                  w,
                                  inside.row(z, y)[w],
                                  {cells_[at], y > 0 ? cells_[row_before] : 0, cells_below_[at],
                                   y > 0 ? cells_below_[row_before] : 0}};
            const u64 any = word.cells[0] | word.cells[1] | word.cells[2] | word.cells[3];
            if (any | before >> 63) {
                plane.words.push_back(word);
                ranks_.push_back(rank);
            }
            before = any;
            rank += popcount(known.row(z, y)[w]);
        }
    }
    plane.make_room();
    const Real* held = grid_.of_plane(z).data();
    for (std::size_t s = 0; s < plane.words.size(); ++s) {
        const Real* from = held + ranks_[s];
        Real* to = plane.values(s);
        for (u64 left = known.row(z, plane.words[s].y)[plane.words[s].w]; left; left &= left - 1)
            to[lowest_bit(left)] = *from++;
    }
}

// The ends of the edges in plane z that are crossed.
template <class Real>
void WholePlanes<Real>::mark_in_plane(i64 z) {
    const BitGrid& inside = grid_.inside;
    for (i64 y = 0; y < inside.ny; ++y) {
        const u64* row = inside.row(z, y);
        u64* to = grid_.known.row(z, y);
        for (i64 w = 0; w < inside.words; ++w) {
            const u64 edges =
                (row[w] ^ from_after(row, w, inside.words)) & low_bits<u64>(inside.nx - 1 - 64 * w);
            to[w] |= edges | edges << 1;
            if (edges >> 63) to[w + 1] |= 1;
            if (y + 1 == inside.ny) continue;
            const u64 along_y = row[w] ^ inside.row(z, y + 1)[w];
            to[w] |= along_y;
            grid_.known.row(z, y + 1)[w] |= along_y;
        }
    }
}

// The ends of those between planes z - 1 and z.
template <class Real>
void WholePlanes<Real>::mark_upright(i64 z) {
    const u64 *below = grid_.inside.row(z - 1, 0), *here = grid_.inside.row(z, 0);
    u64 *to_below = grid_.known.row(z - 1, 0), *to_here = grid_.known.row(z, 0);
    for (i64 w = 0; w < grid_.known.plane_words(); ++w) {
        const u64 edges = below[w] ^ here[w];
        to_below[w] |= edges;
        to_here[w] |= edges;
    }
}

template <class Real>
void WholePlanes<Real>::keep(i64 z, const std::vector<Real>& values) {
    const BitGrid& known = grid_.known;
    std::vector<Real>& kept = grid_.of_plane(z);
    kept.reserve(static_cast<std::size_t>(known.count_plane(z)));
    for (i64 y = 0; y < known.ny; ++y)
        for (i64 w = 0; w < known.words; ++w)
            for (u64 left = known.row(z, y)[w]; left; left &= left - 1)
                kept.push_back(values[static_cast<std::size_t>(y * known.nx + 64 * w + lowest_bit(left))]);
}

template <class Real>
void WholePlanes<Real>::add(std::vector<Real>&& values, Real level) {
    const i64 z = next_++, nx = grid_.known.nx;
    for (i64 y = 0; y < grid_.known.ny; ++y) {
        u64* inside = grid_.inside.row(z, y);
        for (i64 x = 0; x < nx; ++x)
            inside[x / 64] |= static_cast<u64>(values[static_cast<std::size_t>(y * nx + x)] < level)
                              << (x % 64);
    }
    mark_in_plane(z);
    if (z > 0) {
        mark_upright(z);
        keep(z - 1, last_);
    }
    last_ = std::move(values);
    if (z + 1 == grid_.known.nz) keep(z, last_);
}

template class FieldPlanes<float>;
template class FieldPlanes<double>;
template class WholePlanes<float>;
template class WholePlanes<double>;

}  // namespace mc::cpu
