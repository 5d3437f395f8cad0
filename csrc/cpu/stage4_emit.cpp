// SPDX-License-Identifier: MIT
// Stage 4: every vertex and triangle written at its own address. Rows that own nothing are passed over.
#include <algorithm>

#include "edge_window.h"
#include "levels.h"
#include "pipeline.h"
#include "vertex_writer.h"

namespace mc::cpu {

namespace {

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
        VertexWriter vertices(plan_, level_, mesh_.emit_vertices);
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
            if (row.triangles && mesh_.faces) {
                const Addresses here_y = here.after(row), above_y = above.after(counts_above[y]);
                emit_faces({z, y, window.get(0, z, y, here), window.get(0, z, y + 1, here_y),
                            window.get(1, z + 1, y, above), window.get(1, z + 1, y + 1, above_y)},
                           here.triangles, last_triangle(c));
                if (plan_.request.label)
                    turn_over(mesh_.faces + here.triangles * mesh_.face_bytes, row.triangles,
                              mesh_.wide_faces);
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

void turn_over(void* faces, i64 count, bool wide_faces) {
    const auto turn = [count](auto* at) {
        for (i64 k = 0; k < count; ++k, at += 3) std::swap(at[1], at[2]);
    };
    if (wide_faces)
        turn(static_cast<i64*>(faces));
    else
        turn(static_cast<i32*>(faces));
}

void emit_slab(const Plan& plan, const Slab& slab, const Mesh& mesh) {
    (slab.cells.data() ? emit_with<true> : emit_with<false>)(plan, slab, mesh);
}

}  // namespace mc::cpu
