// SPDX-License-Identifier: MIT
// Stage 4: every vertex and triangle written at its own address. Rows that own nothing are passed over.
#include <algorithm>

#include "levels.h"
#include "pipeline.h"
#include "row_words_at.h"

namespace mc::cpu {

namespace {

constexpr i64 kBatchEdges = 256;  // a batch of more is emitted before the next row joins it

// Addresses of the first item of each kind in one row.
struct Addresses {
    i64 in_plane, upright, triangles;

    Addresses after(const RowCounts& row) const {
        return {in_plane + row.in_plane, upright + row.upright, triangles + row.triangles};
    }
};

// The crossed edges of the four rows around the current one, kept while y grows. Where the slab selects, only
// those that a cell that counts uses.
template <bool kSelects>
class EdgeWindow {
public:
    EdgeWindow(const Plan& plan, const Slab& slab) : nx_(plan.grid.nx), slab_(slab) {
        for (std::vector<EdgeWord>& row : rows_) row.resize(static_cast<std::size_t>(slab.words));
    }

    // For another plane, or other rows of it.
    void reset() {
        for (i64& y : held_) y = -1;
    }

    // Edges of row y of the window's lower (side 0) or upper (side 1) plane z.
    const EdgeWord* get(int side, i64 z, i64 y, const Addresses& ids) {
        const int slot = 2 * side + static_cast<int>(y & 1);
        if (held_[slot] != y) {
            find(z, y, ids, rows_[slot].data());
            held_[slot] = y;
        }
        return rows_[slot].data();
    }

private:
    void find(i64 z, i64 y, const Addresses& ids, EdgeWord* to) const {
        const RowWords row = row_words_at(slab_, nx_, z, y);
        const EdgeSource from{row.at[0][0], row.at[0][1], row.at[1][0], nx_, ids.in_plane, ids.upright};
        if constexpr (kSelects)
            functions_.find_used_edges(from, row_cells_at(slab_, z, y), to);
        else
            functions_.find_edges(from, to);
    }

    i64 nx_;
    const Slab& slab_;
    const RowFunctions& functions_ = row_functions();
    std::vector<EdgeWord> rows_[4];
    i64 held_[4] = {-1, -1, -1, -1};
};

// Collects the vertices of a chunk's rows in batches, and writes them one after the other.
class VertexWriter {
public:
    VertexWriter(const Plan& plan, const Level& level)
        : volume_(plan.request.volume),
          border_(plan.request.border()),
          words_(plan.grid.words()),
          emit_(row_functions().emit_vertices[plan.request.closed][static_cast<int>(volume_.dtype)]) {
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
        append_row_(edges, words_, y - row_, batch_);
    }

    void flush() {
        if (empty()) return;
        emit_(batch_);
        batch_.in_plane.size = batch_.upright.size = 0;
    }

private:
    // A row too long for a batch: a batch each of its spans.
    void add_spans(const EdgeWord* edges, i64 y) {
        for (i64 w = 0; w < words_; w += kSpanWords) {
            begin(y, 64 * w);
            append_row_(edges + w, std::min<i64>(kSpanWords, words_ - w), 0, batch_);
            flush();
        }
    }

    bool empty() const { return batch_.in_plane.size + batch_.upright.size == 0; }

    void begin(i64 y, i64 x) {
        row_ = y;
        batch_.x = x - border_;
        batch_.y = y - border_;
        batch_.samples =
            volume_.row(plane_, nearest(batch_.y, volume_.ny)) +
            nearest(batch_.x, volume_.nx) * volume_.stride_x * kDtypeBytes[static_cast<int>(volume_.dtype)];
    }

    static i64 nearest(i64 at, i64 n) { return std::clamp<i64>(at, 0, n - 1); }

    const Volume& volume_;
    i64 border_, words_;
    EmitVertices emit_;
    AppendRow append_row_ = row_functions().append_row;
    i64 plane_ = 0, row_ = 0;  // the volume's plane that is read, the grid's row where the batch begins
    VertexBatch batch_;
};

template <bool kSelects>
class SlabEmitter {
public:
    SlabEmitter(const Plan& plan, const Slab& slab, const Mesh& mesh)
        : plan_(plan),
          slab_(slab),
          mesh_(mesh),
          level_(level_for(plan.request)),
          emit_faces_(row_functions().emit_faces[kSelects][mesh.wide_faces]) {}

    void emit_chunks(i64 begin, i64 end) const {
        Window window(plan_, slab_);
        VertexWriter vertices(plan_, level_);
        for (i64 c = begin; c < end; ++c) emit_chunk(c, window, vertices);
    }

private:
    using Window = EdgeWindow<kSelects>;

    void emit_chunk(i64 c, Window& window, VertexWriter& vertices) const {
        const i64 z = slab_.begin + c / slab_.chunks_a_plane,
                  first = c % slab_.chunks_a_plane * slab_.chunk_rows;
        const i64 last = std::min(first + slab_.chunk_rows, slab_.ny);
        const bool has_above = z + 1 < slab_.counted();
        const RowCounts *counts = slab_.counts_of(z),
                        *counts_above = has_above ? slab_.counts_of(z + 1) : nullptr;
        Addresses here = chunk_addresses(z, c), above = chunk_addresses(z + 1, c + slab_.chunks_a_plane);
        window.reset();
        vertices.start(z, mesh_.verts + here.in_plane * mesh_.vertex_bytes,
                       mesh_.verts + here.upright * mesh_.vertex_bytes);
        for (i64 y = first; y < last; ++y) {
            const RowCounts& row = counts[y];
            if (row.in_plane | row.upright) vertices.add_row(window.get(0, z, y, here), y, row);
            if (row.triangles) {
                const Addresses here_y = here.after(row), above_y = above.after(counts_above[y]);
                emit_faces({z, y, window.get(0, z, y, here), window.get(0, z, y + 1, here_y),
                            window.get(1, z + 1, y, above), window.get(1, z + 1, y + 1, above_y)},
                           here.triangles, last_triangle(c));
            }
            here = here.after(row);
            if (has_above) above = above.after(counts_above[y]);
        }
        vertices.flush();
    }

    Addresses chunk_addresses(i64 z, i64 c) const {
        if (z >= slab_.counted()) return {0, 0, 0};
        const Chunk& chunk = slab_.chunks[static_cast<std::size_t>(c)];
        return {chunk.in_plane, chunk.upright, chunk.triangles};
    }

    // One past the chunk's.
    i64 last_triangle(i64 c) const {
        const std::size_t next = static_cast<std::size_t>(c + 1);
        return next < slab_.chunks.size() ? slab_.chunks[next].triangles : slab_.last_triangle;
    }

    // A row of cells: its lower corner's, and the four rows of edges around it.
    struct CellRow {
        i64 z, y;
        const EdgeWord *row, *row_y, *row_z, *row_yz;
    };

    void emit_faces(const CellRow& at, i64 first, i64 last) const {
        emit_faces_({plan_.grid.nx,
                     kSelects ? slab_.cells_of(at.z, at.y) : nullptr,
                     {{at.row, at.row_y}, {at.row_z, at.row_yz}},
                     mesh_.faces + first * mesh_.face_bytes,
                     mesh_.faces + last * mesh_.face_bytes});
    }

    const Plan& plan_;
    const Slab& slab_;
    const Mesh& mesh_;
    Level level_;
    EmitFaces emit_faces_;
};

template <bool kSelects>
void emit_with(const Plan& plan, const Slab& slab, const Mesh& mesh) {
    const SlabEmitter<kSelects> emitter(plan, slab, mesh);
    plan.team->for_each((slab.end - slab.begin) * slab.chunks_a_plane,
                        [&](i64 begin, i64 end) { emitter.emit_chunks(begin, end); });
}

}  // namespace

void emit_slab(const Plan& plan, const Slab& slab, const Mesh& mesh) {
    (slab.cells.data() ? emit_with<true> : emit_with<false>)(plan, slab, mesh);
}

}  // namespace mc::cpu
