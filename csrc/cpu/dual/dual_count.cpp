// SPDX-License-Identifier: MIT
// Stages 2 and 3 of the dual mesh: how many vertices and quads every row of cells owns, and where they begin.
#include <algorithm>

#include "../simd/row_functions.h"
#include "plan.h"
#include "row_source.h"

namespace mc::cpu {

namespace {

DualChunk count_chunk(DualPlan& plan, i64 c) {
    const CountDualRow count_row = row_functions().dual.count;
    RowSource rows(*plan.planes);
    const i64 a_plane = plan.cell_rows(), z = c / plan.chunks_a_plane;
    const i64 first = c % plan.chunks_a_plane * plan.chunk_rows,
              last = std::min(first + plan.chunk_rows, a_plane);
    DualChunk sum{};
    for (i64 y = first; y < last; ++y) {
        const DualCounts counts = count_row(rows.get(z, y));
        plan.rows[static_cast<std::size_t>(z * a_plane + y)] = counts;
        sum.vertices += counts.vertices;
        sum.quads += counts.quads;
    }
    return sum;
}

}  // namespace

void count(DualPlan& plan) {
    plan.samples.team->for_each(static_cast<i64>(plan.chunks.size()), [&](i64 begin, i64 end) {
        for (i64 c = begin; c < end; ++c) plan.chunks[static_cast<std::size_t>(c)] = count_chunk(plan, c);
    });
}

void scan(DualPlan& plan) {
    for (DualChunk& chunk : plan.chunks) {
        const DualChunk counts = chunk;
        chunk = {plan.vertices, plan.quads};
        plan.vertices += counts.vertices;
        plan.quads += counts.quads;
    }
}

}  // namespace mc::cpu
