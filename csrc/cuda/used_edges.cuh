// SPDX-License-Identifier: MIT
// A word's crossed edges; where not all cells count, those of cells that do: only these have a vertex.
#pragma once

#include "warp.cuh"

namespace mc::cuda {

// The edges that a word's voxels own and the surface crosses.
MC_HD CrossedEdges<u32> crossed_edges(const Job& job, const WordPlace& place, const WordRows& rows) {
    const u32 at = rows.at[0], after = row_bits<u32>(at, rows.next[0]).after;
    return {(at ^ after) & with_neighbour(job, place.w), at ^ rows.at[1], at ^ rows.at[2]};
}

// The cells that count of a word some rows, planes and words away; 0 outside of the grid.
MC_HD u32 cells_at(const Job& job, u32 z, const WordPlace& place, int up, int rows, int words) {
    const u32 to_z = z + static_cast<u32>(up), y = place.y + static_cast<u32>(rows),
              w = place.w + static_cast<u32>(words);
    if (to_z >= job.nz || y >= job.ny || w >= job.row_words.by) return 0;  // -1 is beyond all of them
    return plane_of(job, job.cells, to_z)[y * job.row_words.by + w];
}

// Out of a word's crossed edges, those that a cell that counts uses.
MC_HD CrossedEdges<u32> used_at(const Job& job, u32 z, const WordPlace& place, int up, int rows, int words,
                                const CrossedEdges<u32>& crossed) {
    const auto cells = [&](int on_y, int on_z) {
        return cell_bits<u32>(cells_at(job, z, place, up + on_z, rows + on_y, words),
                              cells_at(job, z, place, up + on_z, rows + on_y, words - 1));
    };
    return used_edges<u32>(crossed, {cells(0, 0), cells(-1, 0), cells(0, -1), cells(-1, -1)});
}

// The cells of a word that may have triangles.
template <bool kUsed>
MC_HD u32 counting_cells(const Job& job, u32 z, const WordPlace& place) {
    if (kUsed && job.cells) return cells_at(job, z, place, 0, 0, 0);
    return with_neighbour(job, place.w);
}

}  // namespace mc::cuda
