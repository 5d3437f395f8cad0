// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "plan.h"
#include "row_source.h"

namespace mc::cpu {

// Calls work(row, its first vertex, one past its last) for the rows of cells that have some.
template <class Work>
void over_rows(const DualPlan& plan, const Work& work) {
    plan.samples.team->for_each(static_cast<i64>(plan.chunks.size()), [&](i64 begin, i64 end) {
        RowSource source(*plan.planes);
        for (i64 c = begin; c < end; ++c) {
            const i64 z = c / plan.chunks_a_plane, first = c % plan.chunks_a_plane * plan.chunk_rows;
            i64 next = plan.chunks[static_cast<std::size_t>(c)].vertices;
            for (i64 y = first; y < std::min(first + plan.chunk_rows, plan.cell_rows()); ++y) {
                const DualCounts& counts = plan.counts_of(z, y);
                if (counts.vertices) work(source.get(z, y, &counts), next, next + counts.vertices);
                next += counts.vertices;
            }
        }
    });
}

}  // namespace mc::cpu
