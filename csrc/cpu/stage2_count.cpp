// SPDX-License-Identifier: MIT
// Stage 2: how many vertices and triangles every row owns, and every chunk of rows. Reads bits only.
#include <algorithm>

#include "pipeline.h"
#include "row_words_at.h"

namespace mc::cpu {

void count(Plan& plan) {
    const CountRow count_row = row_functions().count;
    plan.team->for_each(static_cast<i64>(plan.chunks.size()), [&](i64 begin, i64 end) {
        for (i64 c = begin; c < end; ++c) {
            const i64 z = c / plan.chunks_a_plane, first = c % plan.chunks_a_plane * plan.chunk_rows;
            const i64 last = std::min(first + plan.chunk_rows, plan.volume.ny);
            Chunk sum{};
            for (i64 y = first; y < last; ++y) {
                const RowCounts row = count_row(row_words_at(plan, z, y));
                plan.rows[static_cast<std::size_t>(z * plan.volume.ny + y)] = row;
                sum.in_plane += row.in_plane;
                sum.upright += row.upright;
                sum.triangles += row.triangles;
            }
            plan.chunks[static_cast<std::size_t>(c)] = sum;
        }
    });
}

}  // namespace mc::cpu
