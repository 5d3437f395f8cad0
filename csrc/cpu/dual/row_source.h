// SPDX-License-Identifier: MIT
#pragma once

#include "../simd/dual_functions.h"

namespace mc::cpu {

// Gives the rows of cells of a grid, each with the bits around it. A row is good until the next is asked for.
class RowSource {
public:
    explicit RowSource(const BitPlanes& planes)
        : planes_(planes), scratch_(planes.all_count() ? 0 : static_cast<std::size_t>(4 * planes.words)) {}

    // Its counts, where they are known, tell whether any of its cells may be rare.
    DualRow get(i64 z, i64 y, const DualCounts* counts = nullptr) {
        DualRow row{&planes_, z, y, {}, planes_.cells(z, y), {}, nullptr, !counts || counts->rare != 0};
        for (int k = 0; k < 4; ++k) row.inside[k >> 1][k & 1] = planes_.inside(z + (k >> 1), y + (k & 1));
        if (planes_.all_count())
            pick(row);
        else
            find(row);
        return row;
    }

private:
    // Where all cells count, the border alone decides.
    void pick(DualRow& row) const {
        const u64* none = planes_.none();
        row.live[0] = row.z > 0 && row.y > 0 ? row.cells : none;
        row.live[1] = row.z > 0 ? planes_.inner() : none;
        row.live[2] = row.y > 0 ? planes_.inner() : none;
        row.plain = planes_.plain(sides(row.z, planes_.nz) + sides(row.y, planes_.ny));
    }

    // How many of the grid's two faces a cell at `at` of `n` samples lies at.
    static int sides(i64 at, i64 n) { return (at == 0) + (at == n - 2); }

    void find(DualRow& row) {
        const i64 words = planes_.words;
        u64* to = scratch_.data();
        for (int axis = 0; axis < 3; ++axis) row.live[axis] = to + axis * words;
        row.plain = to + 3 * words;
        const u64* cells[9];
        for (int k = 0; k < 9; ++k) cells[k] = planes_.cells(row.z + k / 3 - 1, row.y + k % 3 - 1);
        for (i64 w = 0; w < words; ++w, ++to) {
            AroundCells<u64> around;
            for (int k = 0; k < 9; ++k)
                around.row[k / 3][k % 3] = valid_row<u64>(w > 0 ? cells[k][w - 1] : 0, cells[k][w],
                                                          w + 1 < words ? cells[k][w + 1] : 0);
            const CrossedEdges<u64> live = live_edges(around);
            to[0] = live.x;
            to[words] = live.y;
            to[2 * words] = live.z;
            to[3 * words] = deep_cells(around);
        }
    }

    const BitPlanes& planes_;
    std::vector<u64> scratch_;
};

}  // namespace mc::cpu
