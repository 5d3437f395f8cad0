// SPDX-License-Identifier: MIT
// Stage 4: every vertex and triangle written at its own address. Rows that own nothing are passed over.
#include <algorithm>

#include "levels.h"
#include "pipeline.h"
#include "row_words_at.h"

namespace mc::cpu {

namespace {

constexpr i64 kBatchEdges = 256;  // a batch of more is emitted before the next row joins it

// Where the caller wants the mesh.
struct Mesh {
    char* verts;
    char* faces;
    i64 vertex_bytes;
    i64 face_bytes;
    bool wide_faces;
};

// Addresses of the first item of each kind in one row.
struct Addresses {
    i64 in_plane, upright, triangles;

    void advance(const RowCounts& row) {
        in_plane += row.in_plane;
        upright += row.upright;
        triangles += row.triangles;
    }
};

// The crossed edges of the four rows around the current one, kept while y grows.
class EdgeWindow {
public:
    EdgeWindow(const Plan& plan, FindEdges find) : plan_(plan), find_(find) {
        for (std::vector<EdgeWord>& row : rows_) row.resize(static_cast<std::size_t>(plan.volume.words()));
    }

    // Edges of row y of the window's lower (side 0) or upper (side 1) plane z.
    const EdgeWord* get(int side, i64 z, i64 y, const Addresses& ids) {
        const int slot = 2 * side + static_cast<int>(y & 1);
        if (held_[slot] != y) {
            const RowWords row = row_words_at(plan_, z, y);
            find_({row.at[0][0], row.at[0][1], row.at[1][0], row.nx, ids.in_plane, ids.upright},
                  rows_[slot].data());
            held_[slot] = y;
        }
        return rows_[slot].data();
    }

private:
    const Plan& plan_;
    FindEdges find_;
    std::vector<EdgeWord> rows_[4];
    i64 held_[4] = {-1, -1, -1, -1};
};

// Collects the vertices of a chunk's rows in batches, and writes them one after the other.
class VertexWriter {
public:
    VertexWriter(const Plan& plan, const Level& level, i64 z, void* in_plane_to, void* upright_to)
        : volume_(plan.volume), rows_(row_functions()) {
        batch_.z = z;
        batch_.stride_x = volume_.stride_x;
        batch_.stride_y = volume_.stride_y;
        batch_.up_z = z + 1 < volume_.nz ? volume_.stride_z : 0;
        batch_.level = &level;
        batch_.in_plane_to = in_plane_to;
        batch_.upright_to = upright_to;
        batch_.in_plane.size = batch_.upright.size = 0;
    }

    void add_row(const EdgeWord* edges, i64 y, const RowCounts& counts) {
        const i64 words = volume_.words();
        if (words > kSpanWords) return add_spans(edges, y);
        if (y - batch_.y >= kBatchRows || batch_.in_plane.size + i64{counts.in_plane} > kBatchEdges ||
            batch_.upright.size + i64{counts.upright} > kBatchEdges)
            flush();
        if (empty()) begin(y, 0);
        rows_.append_row(edges, words, y - batch_.y, batch_);
    }

    void flush() {
        if (empty()) return;
        rows_.emit_vertices[static_cast<int>(volume_.dtype)](batch_);
        batch_.in_plane.size = batch_.upright.size = 0;
    }

private:
    // A row too long for a batch: a batch each of its spans.
    void add_spans(const EdgeWord* edges, i64 y) {
        for (i64 w = 0; w < volume_.words(); w += kSpanWords) {
            begin(y, 64 * w);
            rows_.append_row(edges + w, std::min<i64>(kSpanWords, volume_.words() - w), 0, batch_);
            flush();
        }
    }

    bool empty() const { return batch_.in_plane.size + batch_.upright.size == 0; }

    void begin(i64 y, i64 x) {
        batch_.x = x;
        batch_.y = y;
        batch_.samples =
            volume_.row(batch_.z, y) + x * volume_.stride_x * kDtypeBytes[static_cast<int>(volume_.dtype)];
    }

    const Volume& volume_;
    const RowFunctions& rows_;
    VertexBatch batch_;
};

class ChunkEmitter {
public:
    ChunkEmitter(const Plan& plan, const Mesh& mesh)
        : plan_(plan), mesh_(mesh), level_(level_for(plan.volume)), rows_(row_functions()) {}

    void run(i64 c) const {
        const i64 z = c / plan_.chunks_a_plane, first = c % plan_.chunks_a_plane * plan_.chunk_rows;
        const i64 last = std::min(first + plan_.chunk_rows, plan_.volume.ny);
        EdgeWindow window(plan_, rows_.find_edges);
        Addresses here = chunk_addresses(z, c), above = chunk_addresses(z + 1, c + plan_.chunks_a_plane);
        VertexWriter vertices(plan_, level_, z, mesh_.verts + here.in_plane * mesh_.vertex_bytes,
                              mesh_.verts + here.upright * mesh_.vertex_bytes);
        for (i64 y = first; y < last; ++y) {
            const RowCounts& counts = row_counts(z, y);
            if (counts.in_plane | counts.upright) vertices.add_row(window.get(0, z, y, here), y, counts);
            if (counts.triangles) emit_faces(window, z, y, here, above, last_triangle(c));
            here.advance(counts);
            if (z + 1 < plan_.volume.nz) above.advance(row_counts(z + 1, y));
        }
        vertices.flush();
    }

private:
    const RowCounts& row_counts(i64 z, i64 y) const {
        return plan_.rows[static_cast<std::size_t>(z * plan_.volume.ny + y)];
    }

    Addresses chunk_addresses(i64 z, i64 c) const {
        if (z >= plan_.volume.nz) return {0, 0, 0};
        const Chunk& chunk = plan_.chunks[static_cast<std::size_t>(c)];
        return {chunk.in_plane, chunk.upright, chunk.triangles};
    }

    // One past the chunk's.
    i64 last_triangle(i64 c) const {
        const std::size_t next = static_cast<std::size_t>(c + 1);
        return next < plan_.chunks.size() ? plan_.chunks[next].triangles : plan_.triangles;
    }

    void emit_faces(EdgeWindow& window, i64 z, i64 y, const Addresses& here, const Addresses& above,
                    i64 last) const {
        Addresses here_y = here, above_y = above;
        here_y.advance(row_counts(z, y));
        above_y.advance(row_counts(z + 1, y));
        const FaceRow row{plan_.volume.nx,
                          {{window.get(0, z, y, here), window.get(0, z, y + 1, here_y)},
                           {window.get(1, z + 1, y, above), window.get(1, z + 1, y + 1, above_y)}},
                          mesh_.faces + here.triangles * mesh_.face_bytes,
                          mesh_.faces + last * mesh_.face_bytes};
        rows_.emit_faces[mesh_.wide_faces](row);
    }

    const Plan& plan_;
    const Mesh& mesh_;
    Level level_;
    const RowFunctions& rows_;
};

}  // namespace

void emit(const Plan& plan, void* verts, void* faces, bool wide_faces) {
    const i64 vertex_bytes = plan.volume.dtype == Dtype::kFloat64 ? 24 : 12;
    const Mesh mesh{static_cast<char*>(verts), static_cast<char*>(faces), vertex_bytes, wide_faces ? 24 : 12,
                    wide_faces};
    advise_huge_pages(verts, static_cast<std::size_t>(plan.vertices * mesh.vertex_bytes));
    advise_huge_pages(faces, static_cast<std::size_t>(plan.triangles * mesh.face_bytes));
    const ChunkEmitter emitter(plan, mesh);
    plan.team->for_each(static_cast<i64>(plan.chunks.size()), [&](i64 begin, i64 end) {
        for (i64 c = begin; c < end; ++c) emitter.run(c);
    });
}

}  // namespace mc::cpu
