// SPDX-License-Identifier: MIT
// Stage 4 of the dual mesh, first half: a vertex at the mean of each patch's crossings.
#include <algorithm>

#include "../levels.h"
#include "../simd/row_functions.h"
#include "plan.h"
#include "row_source.h"

namespace mc::cpu {

namespace {

// Collects the vertices of a chunk's rows in batches, and writes them one after the other.
class CellWriter {
public:
    CellWriter(const DualPlan& plan, const Level& level, i64 z, char* to)
        : volume_(plan.samples.request.volume),
          border_(plan.samples.request.border()),
          dual_(row_functions().dual),
          rows_(*plan.planes) {
        batch_.stride_x = volume_.stride_x;
        batch_.stride_y = volume_.stride_y;
        batch_.stride_z = volume_.stride_z;
        batch_.nx = volume_.nx;
        batch_.ny = volume_.ny;
        batch_.nz = volume_.nz;
        batch_.z = z - border_;
        batch_.level = &level;
        batch_.to = to;
        dtype_ = static_cast<int>(volume_.dtype);
    }

    void add_row(i64 z, i64 y, const DualCounts& counts) {
        if (batch_.size && y - border_ - batch_.y >= kBatchRows) flush();
        if (!batch_.size) {
            batch_.y = y - border_;
            batch_.samples = volume_.row(batch_.z, batch_.y);
        }
        dual_.add_row[dtype_](rows_.get(z, y, &counts), y - border_ - batch_.y, border_, batch_);
    }

    void flush() { dual_.flush[dtype_](batch_); }

private:
    const Volume& volume_;
    i64 border_;
    const DualFunctions& dual_;
    RowSource rows_;
    int dtype_;
    CellBatch batch_;
};

void emit_chunk(const DualPlan& plan, const Level& level, i64 c, char* verts) {
    const i64 vertex_bytes = plan.samples.request.volume.dtype == Dtype::kFloat64 ? 24 : 12;
    const i64 z = c / plan.chunks_a_plane, first = c % plan.chunks_a_plane * plan.chunk_rows;
    const i64 last = std::min(first + plan.chunk_rows, plan.cell_rows());
    CellWriter writer(plan, level, z,
                      verts + plan.chunks[static_cast<std::size_t>(c)].vertices * vertex_bytes);
    for (i64 y = first; y < last; ++y)
        if (plan.counts_of(z, y).vertices) writer.add_row(z, y, plan.counts_of(z, y));
    writer.flush();
}

}  // namespace

void emit_vertices(const DualPlan& plan, void* verts) {
    const Level level = level_for(plan.samples.request);
    plan.samples.team->for_each(static_cast<i64>(plan.chunks.size()), [&](i64 begin, i64 end) {
        for (i64 c = begin; c < end; ++c) emit_chunk(plan, level, c, static_cast<char*>(verts));
    });
}

}  // namespace mc::cpu
