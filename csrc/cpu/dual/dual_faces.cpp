// SPDX-License-Identifier: MIT
// Stage 4 of the dual mesh, second half: a quad around each crossed edge, once all vertices are in their
// places.
#include <algorithm>

#include "../simd/row_functions.h"
#include "plan.h"
#include "row_source.h"

namespace mc::cpu {

namespace {

constexpr i64 kBandPlanes = 8;  // planes of a run of rows that are done one after the other

// The ids of a run of rows of cells, of two planes: quads lie between them.
class IdPlanes {
public:
    explicit IdPlanes(const DualPlan& plan)
        : plan_(plan), source_(*plan.planes), find_(row_functions().dual.find_ids) {
        const i64 words = plan.planes->words, rows = 2 * (plan.chunk_rows + 1);
        first_ = Buffer<u32>(static_cast<std::size_t>(rows * 64 * words));
        several_ = Buffer<u64>(static_cast<std::size_t>(rows * words));
        vertex_of_edge_ = Buffer<u64>(static_cast<std::size_t>(rows * 64 * words));
        for (i64 row = 0; row < rows; ++row)
            ids_.push_back({0, first_.data() + row * 64 * words, several_.data() + row * words,
                            vertex_of_edge_.data() + row * 64 * words});
    }

    // Finds those of plane z in the rows of a chunk, and in the one before them. The plane may be -1.
    void fill(i64 z, i64 column, i64 begin, i64 end) {
        first_row_ = begin - 1;
        if (z < 0) return;
        i64 next = plan_.chunks[static_cast<std::size_t>(z * plan_.chunks_a_plane + column)].vertices;
        if (begin > 0) next -= plan_.counts_of(z, begin - 1).vertices;
        for (i64 y = std::max<i64>(begin - 1, 0); y < end; ++y) {
            DualIds& ids = ids_[place(z, y)];
            ids.base = next;
            next += plan_.counts_of(z, y).vertices;
            if (next > ids.base) find_(source_.get(z, y, &plan_.counts_of(z, y)), ids);
        }
    }

    const DualIds* get(i64 z, i64 y) const { return &ids_[place(z, y)]; }

private:
    std::size_t place(i64 z, i64 y) const {
        return static_cast<std::size_t>((z & 1) * (plan_.chunk_rows + 1) + y - first_row_);
    }

    const DualPlan& plan_;
    RowSource source_;
    FindDualIds find_;
    i64 first_row_ = 0;
    Buffer<u32> first_;
    Buffer<u64> several_, vertex_of_edge_;
    std::vector<DualIds> ids_;
};

// Where the caller wants the faces, and has the vertices.
struct Faces {
    const void* verts;
    char* to;
    i64 quad_bytes;
    EmitDualFaces emit_row;
};

Faces faces_at(const DualPlan& plan, const void* verts, void* to, bool wide, bool triangles) {
    const DualFunctions& dual = row_functions().dual;
    const bool is_double = plan.samples.request.volume.dtype == Dtype::kFloat64;
    return {verts, static_cast<char*>(to), (triangles ? 24 : 16) * (wide ? 2 : 1),
            triangles ? dual.emit_triangles[is_double][wide] : dual.emit_quads[wide]};
}

class BandEmitter {
public:
    BandEmitter(const DualPlan& plan, const Faces& faces)
        : plan_(plan), faces_(faces), ids_(plan), source_(*plan.planes) {}

    // Every chunk of rows has its bands of planes, one after the other.
    void run(i64 band) {
        const i64 column = band % plan_.chunks_a_plane, z = band / plan_.chunks_a_plane * kBandPlanes;
        const i64 begin = column * plan_.chunk_rows;
        const i64 end = std::min(begin + plan_.chunk_rows, plan_.cell_rows());
        ids_.fill(z - 1, column, begin, end);
        for (i64 at = z; at < std::min(z + kBandPlanes, plan_.planes->nz - 1); ++at) {
            ids_.fill(at, column, begin, end);
            emit_chunk(at, at * plan_.chunks_a_plane + column, begin, end);
        }
    }

private:
    void emit_chunk(i64 z, i64 chunk, i64 begin, i64 end) {
        char* to = faces_.to + plan_.chunks[static_cast<std::size_t>(chunk)].quads * faces_.quad_bytes;
        for (i64 y = begin; y < end; ++y) {
            const DualCounts& counts = plan_.counts_of(z, y);
            if (!counts.quads) continue;
            const bool is_last = ids_.get(z, y)->base + counts.vertices == plan_.vertices;
            faces_.emit_row(
                {source_.get(z, y, &counts),
                 {{ids_.get(z - 1, y - 1), ids_.get(z - 1, y)}, {ids_.get(z, y - 1), ids_.get(z, y)}},
                 is_last,
                 plan_.samples.request.spacing,
                 faces_.verts,
                 to});
            to += counts.quads * faces_.quad_bytes;
        }
    }

    const DualPlan& plan_;
    const Faces& faces_;
    IdPlanes ids_;
    RowSource source_;
};

}  // namespace

void emit_faces(const DualPlan& plan, const void* verts, void* to, bool wide_faces, bool triangles) {
    const Faces faces = faces_at(plan, verts, to, wide_faces, triangles);
    const i64 bands = (plan.planes->nz - 1 + kBandPlanes - 1) / kBandPlanes;
    plan.samples.team->for_each(bands * plan.chunks_a_plane, [&](i64 begin, i64 end) {
        BandEmitter emitter(plan, faces);
        for (i64 band = begin; band < end; ++band) emitter.run(band);
    });
}

}  // namespace mc::cpu
