// SPDX-License-Identifier: MIT
// Stage 2: how many vertices and triangles every row owns, and every chunk of rows. Reads bits only.
#include <algorithm>

#include "pipeline.h"
#include "row_words_at.h"

namespace mc::cpu {

namespace {

Chunk count_chunk(Plan& plan, i64 c) {
    const CountRows count_rows = row_functions().count;
    const i64 ny = plan.volume.ny;
    const i64 z = c / plan.chunks_a_plane, first = c % plan.chunks_a_plane * plan.chunk_rows;
    const i64 last = std::min(first + plan.chunk_rows, ny), inner = std::min(last, ny - 1);
    RowCounts* rows = plan.rows.data() + z * ny;
    if (first < inner) count_rows(row_words_at(plan, z, first), inner - first, rows + first);
    if (inner < last) count_rows(row_words_at(plan, z, inner), 1, rows + inner);  // no row comes after it
    Chunk sum{};
    for (i64 y = first; y < last; ++y) {
        sum.in_plane += rows[y].in_plane;
        sum.upright += rows[y].upright;
        sum.triangles += rows[y].triangles;
    }
    return sum;
}

}  // namespace

void count(Plan& plan) {
    plan.team->for_each(static_cast<i64>(plan.chunks.size()), [&](i64 begin, i64 end) {
        for (i64 c = begin; c < end; ++c) plan.chunks[static_cast<std::size_t>(c)] = count_chunk(plan, c);
    });
}

}  // namespace mc::cpu
