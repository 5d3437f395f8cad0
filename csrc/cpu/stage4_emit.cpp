// SPDX-License-Identifier: MIT
// Stage 4: every vertex and triangle written at its own address. Rows that own nothing are passed over.
#include <algorithm>

#include "levels.h"
#include "pipeline.h"
#include "row_words_at.h"

namespace mc::cpu {

namespace {

constexpr i64 kPrefetchRows = 2;

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

class ChunkEmitter {
public:
    ChunkEmitter(const Plan& plan, const Mesh& mesh)
        : plan_(plan), mesh_(mesh), level_(level_for(plan.volume)), rows_(row_functions()) {}

    void run(i64 c) const {
        const i64 z = c / plan_.chunks_a_plane, first = c % plan_.chunks_a_plane * plan_.chunk_rows;
        const i64 last = std::min(first + plan_.chunk_rows, plan_.volume.ny);
        EdgeWindow window(plan_, rows_.find_edges);
        Addresses here = chunk_addresses(z, c), above = chunk_addresses(z + 1, c + plan_.chunks_a_plane);
        for (i64 y = first; y < last; ++y) {
            const RowCounts& counts = row_counts(z, y);
            if (counts.in_plane | counts.upright | counts.triangles) emit_row(window, z, y, here, above);
            here.advance(counts);
            if (z + 1 < plan_.volume.nz) above.advance(row_counts(z + 1, y));
        }
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

    void emit_row(EdgeWindow& window, i64 z, i64 y, const Addresses& here, const Addresses& above) const {
        const Volume& volume = plan_.volume;
        const i64 up_y = std::min(y + 1, volume.ny - 1), up_z = std::min(z + 1, volume.nz - 1);
        RowOutput out{};
        out.nx = volume.nx;
        out.edges[0][0] = window.get(0, z, y, here);
        out.samples = volume.row(z, y);
        out.samples_y = volume.row(z, up_y);
        out.samples_z = volume.row(up_z, y);
        out.samples_ahead = volume.row(up_z, std::min(y + kPrefetchRows, volume.ny - 1));
        out.stride_x = volume.stride_x;
        out.y = y;
        out.z = z;
        out.level = &level_;
        out.in_plane = mesh_.verts + here.in_plane * mesh_.vertex_bytes;
        out.upright = mesh_.verts + here.upright * mesh_.vertex_bytes;
        rows_.emit_vertices[static_cast<int>(volume.dtype)](out);
        if (row_counts(z, y).triangles == 0) return;
        Addresses here_y = here, above_y = above;
        here_y.advance(row_counts(z, y));
        above_y.advance(row_counts(z + 1, y));
        out.edges[0][1] = window.get(0, z, y + 1, here_y);
        out.edges[1][0] = window.get(1, z + 1, y, above);
        out.edges[1][1] = window.get(1, z + 1, y + 1, above_y);
        out.faces = mesh_.faces + here.triangles * mesh_.face_bytes;
        rows_.emit_faces[mesh_.wide_faces](out);
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
