// SPDX-License-Identifier: MIT
// Stage 2: how many vertices and triangles every row owns, and every chunk of rows. Reads bits only.
#include <algorithm>

#include "pipeline.h"
#include "row_words_at.h"

namespace mc::cpu {

namespace {

class ChunkCounter {
public:
    ChunkCounter(const Plan& plan, Slab& slab) : nx_(plan.grid.nx), slab_(slab) {}

    Chunk operator()(i64 c) const {
        const i64 z = slab_.begin + c / slab_.chunks_a_plane,
                  first = c % slab_.chunks_a_plane * slab_.chunk_rows;
        const i64 last = std::min(first + slab_.chunk_rows, slab_.ny);
        RowCounts* rows = slab_.rows.data() + (z - slab_.begin) * slab_.ny;
        if (slab_.cells.data())
            count_used(z, first, last, rows);
        else
            count_all(z, first, last, rows);
        Chunk sum{};
        for (i64 y = first; y < last; ++y) {
            sum.in_plane += rows[y].in_plane;
            sum.upright += rows[y].upright;
            sum.triangles += rows[y].triangles;
        }
        return sum;
    }

private:
    void count_all(i64 z, i64 first, i64 last, RowCounts* rows) const {
        const i64 inner = std::min(last, slab_.ny - 1);
        if (first < inner) functions_.count(words(z, first), inner - first, rows + first);
        if (inner < last) functions_.count(words(z, inner), 1, rows + inner);  // no row comes after it
    }

    // Where nothing is crossed, no cell uses anything: few rows of a usual volume are looked at again.
    void count_used(i64 z, i64 first, i64 last, RowCounts* rows) const {
        count_all(z, first, last, rows);
        for (i64 y = first; y < last; ++y)
            if (rows[y].any()) rows[y] = functions_.count_used(words(z, y), row_cells_at(slab_, z, y));
    }

    RowWords words(i64 z, i64 y) const { return row_words_at(slab_, nx_, z, y); }

    i64 nx_;
    Slab& slab_;
    const RowFunctions& functions_ = row_functions();
};

}  // namespace

void count(const Plan& plan, Slab& slab) {
    const ChunkCounter count_chunk(plan, slab);
    plan.team->for_each(slab.chunk_count(), [&](i64 begin, i64 end) {
        for (i64 c = begin; c < end; ++c) slab.chunks[static_cast<std::size_t>(c)] = count_chunk(c);
    });
}

}  // namespace mc::cpu
