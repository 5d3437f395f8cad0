// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "../simd/row_functions.h"
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

// A vertex: its cell, counted from the first that the plan has, and the edges of its patch.
struct Patch {
    i64 x, y, z;
    int edges;
};

// Calls work(vertex, patch) for all of them.
template <class Work>
void for_each_patch(const DualPlan& plan, const Work& work) {
    Buffer<i32> cells(static_cast<std::size_t>(plan.vertices));
    Buffer<u16> patches(static_cast<std::size_t>(plan.vertices));
    over_rows(plan, [&](const DualRow& row, i64 begin, i64 end) {
        row_functions().dual.list_patches(row, cells.data() + begin, patches.data() + begin);
        for (i64 v = begin; v < end; ++v) {
            const std::size_t k = static_cast<std::size_t>(v);
            work(v, Patch{cells[k], row.y, row.z, patches[k]});
        }
    });
}

}  // namespace mc::cpu
