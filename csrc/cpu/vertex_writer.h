// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "simd/row_functions.h"

namespace mc::cpu {

constexpr i64 kBatchEdges = 256;  // a batch of more is emitted before the next row joins it

// Collects the vertices of a chunk's rows in batches, and writes them one after the other.
class VertexWriter {
public:
    // `emit` writes a batch of them; it, and not this class, knows what is written of a vertex. There are two
    // of it: for batches within the volume, and for those with an edge to the layer around it.
    VertexWriter(const Plan& plan, const Level& level, const EmitVertices (&emit)[2])
        : volume_(plan.request.volume),
          border_(plan.request.border()),
          words_(plan.grid.words()),
          emit_{emit[0], emit[1]} {
        batch_.plan = &plan;
        batch_.stride_x = volume_.stride_x;
        batch_.stride_y = volume_.stride_y;
        batch_.nx = volume_.nx;
        batch_.ny = volume_.ny;
        batch_.nz = volume_.nz;
        batch_.level = &level;
        batch_.in_plane.size = batch_.upright.size = 0;
    }

    // The rows to come are of plane z of the grid.
    void start(i64 z, void* in_plane_to, void* upright_to) {
        batch_.z = z - border_;
        plane_ = nearest(batch_.z, volume_.nz);
        batch_.up_z = (nearest(batch_.z + 1, volume_.nz) - plane_) * volume_.stride_z;
        batch_.in_plane_to = in_plane_to;
        batch_.upright_to = upright_to;
    }

    void add_row(const EdgeWord* edges, i64 y, const RowCounts& counts) {
        if (words_ > kSpanWords) return add_spans(edges, y);
        if (y - row_ >= kBatchRows || batch_.in_plane.size + i64{counts.in_plane} > kBatchEdges ||
            batch_.upright.size + i64{counts.upright} > kBatchEdges)
            flush();
        if (empty()) begin(y, 0);
        if (border_) leaves_ |= row_leaves(edges, y);
        append_row_(edges, words_, y - row_, batch_);
    }

    void flush() {
        if (empty()) return;
        const i64 row = leaves_ ? nearest(batch_.y, volume_.ny) : batch_.y;
        const i64 column = leaves_ ? nearest(batch_.x, volume_.nx) : batch_.x;
        batch_.samples = volume_.row(plane_, row) +
                         column * volume_.stride_x * kDtypeBytes[static_cast<int>(volume_.dtype)];
        emit_[leaves_](batch_);
        batch_.in_plane.size = batch_.upright.size = 0;
    }

private:
    // A row too long for a batch: a batch each of its spans.
    void add_spans(const EdgeWord* edges, i64 y) {
        for (i64 w = 0; w < words_; w += kSpanWords) {
            begin(y, 64 * w);
            leaves_ = border_ && row_leaves(edges, y);
            append_row_(edges + w, std::min<i64>(kSpanWords, words_ - w), 0, batch_);
            flush();
        }
    }

    // Whether one of the row's edges leads to the layer around the volume.
    bool row_leaves(const EdgeWord* edges, i64 y) const {
        const i64 last = volume_.nx;  // the volume's last sample, as the grid numbers them
        return batch_.z < 0 || batch_.z + 1 >= volume_.nz || y == 0 || y >= volume_.ny || (edges[0].x & 1) ||
               (edges[last / 64].x >> (last % 64) & 1);
    }

    bool empty() const { return batch_.in_plane.size + batch_.upright.size == 0; }

    void begin(i64 y, i64 x) {
        row_ = y;
        batch_.x = x - border_;
        batch_.y = y - border_;
        leaves_ = false;
    }

    static i64 nearest(i64 at, i64 n) { return std::clamp<i64>(at, 0, n - 1); }

    const Volume& volume_;
    i64 border_, words_;
    EmitVertices emit_[2];
    AppendRow append_row_ = row_functions().append_row;
    i64 plane_ = 0, row_ = 0;  // the volume's plane that is read, the grid's row where the batch begins
    bool leaves_ = false;      // whether one of the batch's edges does
    VertexBatch batch_;
};

}  // namespace mc::cpu
