// SPDX-License-Identifier: MIT
#pragma once

#include "row_words_at.h"

namespace mc::cpu {

// Addresses of the first item of each kind in one row.
struct Addresses {
    i64 in_plane, upright, triangles;

    Addresses after(const RowCounts& row) const {
        return {in_plane + row.in_plane, upright + row.upright, triangles + row.triangles};
    }
};

// The crossed edges of the four rows around the current one, kept while y grows. Where the slab selects, only
// those that a cell that counts uses.
template <bool kSelects>
class EdgeWindow {
public:
    EdgeWindow(const Plan& plan, const Slab& slab) : nx_(plan.grid.nx), slab_(slab) {
        for (std::vector<EdgeWord>& row : rows_) row.resize(static_cast<std::size_t>(slab.words));
    }

    // For another plane, or other rows of it.
    void reset() {
        for (i64& y : held_) y = -1;
    }

    // Edges of row y of the window's lower (side 0) or upper (side 1) plane z.
    const EdgeWord* get(int side, i64 z, i64 y, const Addresses& ids) {
        const int slot = 2 * side + static_cast<int>(y & 1);
        if (held_[slot] != y) {
            find(z, y, ids, rows_[slot].data());
            held_[slot] = y;
        }
        return rows_[slot].data();
    }

private:
    void find(i64 z, i64 y, const Addresses& ids, EdgeWord* to) const {
        const RowWords row = row_words_at(slab_, nx_, z, y);
        const EdgeSource from{row.at[0][0], row.at[0][1], row.at[1][0], nx_, ids.in_plane, ids.upright};
        if constexpr (kSelects)
            functions_.find_used_edges(from, row_cells_at(slab_, z, y), to);
        else
            functions_.find_edges(from, to);
    }

    i64 nx_;
    const Slab& slab_;
    const RowFunctions& functions_ = row_functions();
    std::vector<EdgeWord> rows_[4];
    i64 held_[4] = {-1, -1, -1, -1};
};

}  // namespace mc::cpu
