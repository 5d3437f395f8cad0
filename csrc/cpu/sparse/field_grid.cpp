// SPDX-License-Identifier: MIT
#include "field_grid.h"

#include <cmath>
#include <utility>

namespace mc::cpu {

namespace {

// The four rows around a row of cells: [y, y + 1 at z; y, y + 1 at z + 1].
struct FourRows {
    const u64* row[4];

    FourRows(const BitGrid& grid, i64 z, i64 y)
        : row{grid.row(z, y), grid.row(z, y + 1), grid.row(z + 1, y), grid.row(z + 1, y + 1)} {}
    u64 all(i64 w) const { return row[0][w] & row[1][w] & row[2][w] & row[3][w]; }
    u64 any(i64 w) const { return row[0][w] | row[1][w] | row[2][w] | row[3][w]; }
};

// Of a word of four rows, what holds at x and at x + 1: both, or either.
template <class Of>
u64 at_both(const Of& of, i64 w, i64 words) {
    return of(w) & row_bits<u64>(of(w), w + 1 < words ? of(w + 1) : 0).after;
}
template <class Of>
u64 at_either(const Of& of, i64 w, i64 words) {
    return of(w) | row_bits<u64>(of(w), w + 1 < words ? of(w + 1) : 0).after;
}

// One plane's old and new values, in raster order together.
template <class Real>
std::vector<Real> merged(const FieldGrid<Real>& grid, i64 z, const Real* taken, i64 count) {
    const std::vector<Real>& held = grid.of_plane(z);
    std::vector<Real> all(held.size() + static_cast<std::size_t>(count));
    const u64 *known = grid.known.row(z, 0), *pending = grid.pending.row(z, 0);
    const Real* old = held.data();
    Real* to = all.data();
    for (i64 w = 0; w < grid.known.plane_words(); ++w) {
        if (!pending[w]) {
            const int run = popcount(known[w]);
            to = std::copy_n(old, run, to);
            old += run;
            continue;
        }
        for (u64 left = known[w] | pending[w]; left; left &= left - 1)
            *to++ = (known[w] >> lowest_bit(left) & 1) ? *old++ : *taken++;
    }
    return all;
}

// Which pending samples are inside; their values come in raster order.
template <class Real>
void classify(FieldGrid<Real>& grid, i64 z, const Real* taken, Real level) {
    u64* inside = grid.inside.row(z, 0);
    const u64* pending = grid.pending.row(z, 0);
    for (i64 w = 0; w < grid.known.plane_words(); ++w)
        for (u64 left = pending[w]; left; left &= left - 1)
            inside[w] |= static_cast<u64>(*taken++ < level) << lowest_bit(left);
}

// A row's crossed edges along x, as both their ends; those towards another row, as either row's end.
u64 ends_along_x(const u64* known, const u64* inside, i64 w, i64 words) {
    const auto edge = [&](i64 v) {
        return known[v] & from_after(known, v, words) & (inside[v] ^ from_after(inside, v, words));
    };
    return cell_bits<u64>(edge(w), w > 0 ? edge(w - 1) : 0).before | edge(w);
}

// What crossed edges demand: the corners of the cells around them.
template <class Real>
class EdgeDemand {
public:
    explicit EdgeDemand(FieldGrid<Real>& grid)
        : grid_(grid),
          words_(grid.known.words),
          ny_(grid.known.ny),
          size_(static_cast<std::size_t>(ny_ * words_)) {}

    // Of the crossed edges along x and y in plane z: their ends, x-edges widened along y, y-edges along x.
    void in_plane(i64 z, std::vector<u64>& to) const {
        to.assign(size_, 0);
        std::vector<u64> ends(static_cast<std::size_t>(words_));
        for (i64 y = 0; y < ny_; ++y) {
            const u64 *known = grid_.known.row(z, y), *inside = grid_.inside.row(z, y);
            if (!any(known)) continue;
            for (i64 w = 0; w < words_; ++w)
                ends[static_cast<std::size_t>(w)] = ends_along_x(known, inside, w, words_);
            for (i64 row = std::max<i64>(y - 1, 0); row <= std::min(y + 1, ny_ - 1); ++row)
                add(ends.data(), words_, row_of(to, row));
            if (y + 1 == ny_) continue;
            crossed(known, inside, grid_.known.row(z, y + 1), grid_.inside.row(z, y + 1), ends);
            for (i64 row = y; row <= y + 1; ++row) add_widened(ends.data(), words_, row_of(to, row));
        }
    }

    // Of the crossed edges between planes z and z + 1: either end widened along x and y.
    void upright(i64 z, std::vector<u64>& to) const {
        to.assign(size_, 0);
        if (z < 0 || z + 1 >= grid_.known.nz) return;
        std::vector<u64> ends(static_cast<std::size_t>(words_));
        for (i64 y = 0; y < ny_; ++y) {
            const u64* known = grid_.known.row(z, y);
            if (!any(known)) continue;
            crossed(known, grid_.inside.row(z, y), grid_.known.row(z + 1, y), grid_.inside.row(z + 1, y),
                    ends);
            for (i64 row = std::max<i64>(y - 1, 0); row <= std::min(y + 1, ny_ - 1); ++row)
                add_widened(ends.data(), words_, row_of(to, row));
        }
    }

    // Marks what is demanded of plane z and not known.
    void mark(i64 z, const std::vector<u64>& demand) const {
        u64* pending = grid_.pending.row(z, 0);
        const u64* known = grid_.known.row(z, 0);
        for (std::size_t w = 0; w < size_; ++w)
            pending[w] |= demand[w] & ~known[w] & grid_.known.end_mask(static_cast<i64>(w) % words_);
    }

private:
    bool any(const u64* row) const {
        u64 bits = 0;
        for (i64 w = 0; w < words_; ++w) bits |= row[w];
        return bits != 0;
    }
    u64* row_of(std::vector<u64>& plane, i64 y) const { return plane.data() + y * words_; }
    void crossed(const u64* known, const u64* inside, const u64* known_next, const u64* inside_next,
                 std::vector<u64>& to) const {
        for (i64 w = 0; w < words_; ++w)
            to[static_cast<std::size_t>(w)] = known[w] & known_next[w] & (inside[w] ^ inside_next[w]);
    }

    FieldGrid<Real>& grid_;
    i64 words_, ny_;
    std::size_t size_;
};

// Bits of a row's samples, or cells, on the row of half the stride. The last sample stays the last.
void spread_samples(const u64* from, const BitGrid& coarse, const BitGrid& fine, u64* to) {
    for (i64 w = 0; w < fine.words; ++w) to[w] = spread(from[w / 2] >> (w % 2 * 32)) & fine.end_mask(w);
    const i64 last = coarse.nx - 1, end = fine.nx - 1;
    if (from[last / 64] >> (last % 64) & 1) to[end / 64] |= u64(1) << (end % 64);
}

i64 fine_place(i64 coarse, i64 coarse_side, i64 fine_side) {
    return coarse == coarse_side - 1 ? fine_side - 1 : 2 * coarse;
}

// A row of cells of the old grid as rows of the samples that are their corners on the new one.
void add_corners(const u64* cells, const BitGrid& coarse, const BitGrid& fine, std::vector<u64>& row) {
    for (i64 w = 0; w < fine.words; ++w) {
        const u64 even = w / 2 < coarse.words ? spread(cells[w / 2] >> (w % 2 * 32)) : 0;
        row[static_cast<std::size_t>(w)] = (even | even << 1) & low_bits<u64>(fine.nx - 1 - 64 * w);
    }
    for (i64 w = fine.words - 1; w >= 0; --w) row[static_cast<std::size_t>(w)] |= from_before(row.data(), w);
}

}  // namespace

template <class Real>
void settle(FieldGrid<Real>& grid, const std::vector<Real>& taken, Real level, Team& team) {
    const i64 nz = grid.known.nz;
    std::vector<i64> first(static_cast<std::size_t>(nz + 1), 0);
    for (i64 z = 0; z < nz; ++z)
        first[static_cast<std::size_t>(z + 1)] =
            first[static_cast<std::size_t>(z)] + grid.pending.count_plane(z);
    team.for_each(nz, [&](i64 begin, i64 end) {
        for (i64 z = begin; z < end; ++z) {
            const i64 from = first[static_cast<std::size_t>(z)],
                      count = first[static_cast<std::size_t>(z + 1)] - from;
            if (count == 0) continue;
            grid.of_plane(z) = merged(grid, z, taken.data() + from, count);
            classify(grid, z, taken.data() + from, level);
            add(grid.pending.row(z, 0), grid.known.plane_words(), grid.known.row(z, 0));
            std::fill_n(grid.pending.row(z, 0), grid.known.plane_words(), u64(0));
        }
    });
}

void crossed_row(const BitGrid* known, const BitGrid& inside, i64 z, i64 y, u64* to) {
    const FourRows in(inside, z, y), there(known ? *known : inside, z, y);
    const auto all_there = [&](i64 w) { return there.all(w); };
    const auto all_in = [&](i64 w) { return in.all(w); };
    const auto any_in = [&](i64 w) { return in.any(w); };
    for (i64 w = 0; w < inside.words; ++w) {
        to[w] = low_bits<u64>(inside.nx - 1 - 64 * w);
        if (known) to[w] &= at_both(all_there, w, inside.words);
        if (to[w]) to[w] &= at_either(any_in, w, inside.words) & ~at_both(all_in, w, inside.words);
    }
}

template <class Real>
BitGrid crossed_cells(const FieldGrid<Real>& grid, const BitGrid& near, Team& team) {
    const BitGrid& known = grid.known;
    BitGrid cells(known.nz, known.ny, known.nx);
    const i64 words = known.words, rows = known.ny - 1;
    team.for_each((known.nz - 1) * rows, [&](i64 begin, i64 end) {
        for (i64 r = begin; r < end; ++r) {
            const i64 z = r / rows, y = r % rows;
            u64* to = cells.row(z, y);
            crossed_row(&known, grid.inside, z, y, to);
            if (near.words == 0) continue;
            const FourRows there(known, z, y), close(near, z, y);
            const auto all_there = [&](i64 w) { return there.all(w); };
            const auto any_close = [&](i64 w) { return close.any(w); };
            for (i64 w = 0; w < words; ++w)
                to[w] |= at_both(all_there, w, words) & at_either(any_close, w, words) &
                         low_bits<u64>(known.nx - 1 - 64 * w);
        }
    });
    return cells;
}

template <class Real>
BitGrid samples_near(const FieldGrid<Real>& grid, Real level, Real reach, Team& team) {
    BitGrid near(grid.known.nz, grid.known.ny, grid.known.nx);
    team.for_each(grid.known.nz, [&](i64 begin, i64 end) {
        for (i64 z = begin; z < end; ++z) {
            const Real* value = grid.of_plane(z).data();
            const u64* known = grid.known.row(z, 0);
            u64* to = near.row(z, 0);
            for (i64 w = 0; w < near.plane_words(); ++w)
                for (u64 left = known[w]; left; left &= left - 1)
                    to[w] |= static_cast<u64>(std::fabs(*value++ - level) <= reach) << lowest_bit(left);
        }
    });
    return near;
}

BitGrid widened(const BitGrid& cells, Team& team) {
    BitGrid in_plane(cells.nz, cells.ny, cells.nx), all(cells.nz, cells.ny, cells.nx);
    const i64 words = cells.words;
    team.for_each(cells.nz, [&](i64 begin, i64 end) {
        for (i64 z = begin; z < end; ++z)
            for (i64 y = 0; y < cells.ny; ++y)
                for (i64 row = std::max<i64>(y - 1, 0); row <= std::min(y + 1, cells.ny - 1); ++row)
                    add_widened(cells.row(z, y), words, in_plane.row(z, row));
    });
    team.for_each(cells.nz - 1, [&](i64 begin, i64 end) {
        for (i64 z = begin; z < end; ++z)
            for (i64 y = 0; y + 1 < cells.ny; ++y) {
                u64* to = all.row(z, y);
                for (i64 from = std::max<i64>(z - 1, 0); from <= std::min(z + 1, cells.nz - 2); ++from)
                    add(in_plane.row(from, y), words, to);
                for (i64 w = 0; w < words; ++w) to[w] &= low_bits<u64>(cells.nx - 1 - 64 * w);
            }
    });
    return all;
}

template <class Real>
void demand_corners(FieldGrid<Real>& grid, const BitGrid& cells, Team& team) {
    const i64 words = cells.words;
    team.for_each(cells.nz, [&](i64 begin, i64 end) {
        for (i64 z = begin; z < end; ++z)
            for (i64 y = 0; y < cells.ny; ++y) {
                const u64* known = grid.known.row(z, y);
                u64* to = grid.pending.row(z, y);
                for (int k = 0; k < 4; ++k) {
                    const i64 from_z = z - (k >> 1), from_y = y - (k & 1);
                    if (from_z < 0 || from_y < 0) continue;
                    const u64* from = cells.row(from_z, from_y);
                    for (i64 w = 0; w < words; ++w) to[w] |= (from[w] | from_before(from, w)) & ~known[w];
                }
            }
    });
}

template <class Real>
void demand_around_edges(FieldGrid<Real>& grid, Team& team) {
    const i64 nz = grid.known.nz;
    team.for_each(nz, [&](i64 begin, i64 end) {
        const EdgeDemand<Real> edges(grid);
        std::vector<u64> planes[3], up[2],
            demand;  // of the planes before, at and after z; of the edges to and from it
        const auto of_plane = [&](i64 z) -> std::vector<u64>& { return planes[(z + 3) % 3]; };
        for (i64 z = std::max<i64>(begin - 1, 0); z <= begin; ++z) edges.in_plane(z, of_plane(z));
        edges.upright(begin - 1, up[0]);
        for (i64 z = begin; z < end; ++z) {
            if (z + 1 < nz) edges.in_plane(z + 1, of_plane(z + 1));
            edges.upright(z, up[1]);
            demand = up[0];
            for (std::size_t w = 0; w < demand.size(); ++w) demand[w] |= up[1][w];
            for (i64 from = std::max<i64>(z - 1, 0); from <= std::min(z + 1, nz - 1); ++from)
                for (std::size_t w = 0; w < demand.size(); ++w) demand[w] |= of_plane(from)[w];
            edges.mark(z, demand);
            std::swap(up[0], up[1]);
        }
    });
}

template <class Real>
FieldGrid<Real> refined(FieldGrid<Real>&& grid, const BitGrid& cells, const i64 (&sides)[3], Team& team) {
    FieldGrid<Real> fine(sides[0], sides[1], sides[2], grid.stride / 2);
    const BitGrid& coarse = grid.known;
    team.for_each(coarse.nz, [&](i64 begin, i64 end) {
        for (i64 z = begin; z < end; ++z) {
            const i64 at = fine_place(z, coarse.nz, sides[0]);
            fine.of_plane(at) = std::move(grid.of_plane(z));
            for (i64 y = 0; y < coarse.ny; ++y) {
                const i64 row = fine_place(y, coarse.ny, sides[1]);
                spread_samples(coarse.row(z, y), coarse, fine.known, fine.known.row(at, row));
                spread_samples(grid.inside.row(z, y), coarse, fine.known, fine.inside.row(at, row));
            }
        }
    });
    team.for_each(sides[0], [&](i64 begin, i64 end) {
        std::vector<u64> corners(static_cast<std::size_t>(fine.known.words));
        for (i64 z = begin; z < end; ++z)
            for (i64 y = 0; y < sides[1]; ++y) {
                u64* to = fine.pending.row(z, y);
                // The fine cells at (z, y) and before it lie in at most four rows of coarse ones.
                for (i64 from_z = std::max<i64>(z - 1, 0) / 2; from_z <= z / 2; ++from_z)
                    for (i64 from_y = std::max<i64>(y - 1, 0) / 2; from_y <= y / 2; ++from_y) {
                        if (from_z >= coarse.nz - 1 || from_y >= coarse.ny - 1) continue;
                        add_corners(cells.row(from_z, from_y), coarse, fine.known, corners);
                        add(corners.data(), fine.known.words, to);
                    }
                const u64* known = fine.known.row(z, y);
                for (i64 w = 0; w < fine.known.words; ++w) to[w] &= ~known[w];
            }
    });
    return fine;
}

#define MC_FIELD_GRID(Real)                                                        \
    template void settle(FieldGrid<Real>&, const std::vector<Real>&, Real, Team&); \
    template BitGrid crossed_cells(const FieldGrid<Real>&, const BitGrid&, Team&); \
    template BitGrid samples_near(const FieldGrid<Real>&, Real, Real, Team&);      \
    template void demand_corners(FieldGrid<Real>&, const BitGrid&, Team&);         \
    template void demand_around_edges(FieldGrid<Real>&, Team&);                    \
    template FieldGrid<Real> refined(FieldGrid<Real>&&, const BitGrid&, const i64(&)[3], Team&);
MC_FIELD_GRID(float)
MC_FIELD_GRID(double)
#undef MC_FIELD_GRID

}  // namespace mc::cpu
