// SPDX-License-Identifier: MIT
// Stage 4 of the dual mesh: a quad around every crossed edge that four cells which count lie around.
#pragma once

#include "../../core/quad_corners.h"
#include "dual_words.h"

namespace {

// Numbers next, next + 1, … at the places of the bits set in `cells`.
inline void number_cells(u64 cells, u32 next, u32* to) {
    for (; cells; cells &= cells - 1) to[lowest_bit(cells)] = next++;
}

// Numbers a word's cells where some are rare, which may have none or several vertices; returns the next
// number.
inline u32 number_with_rare(const DualRow& row, const DualWord& word, u64 rare, i64 w, u32 next,
                            DualIds& ids) {
    for (u64 left = word.active; left; left &= left - 1) {
        const int i = lowest_bit(left);
        const i64 x = 64 * w + i;
        ids.first[x] = next;
        if (!(rare >> i & 1)) {
            ++next;
            continue;
        }
        u64 vertex_of_edge = 0;
        for_each_vertex_of_rare(row, case_of_cell(word.inside, i), x, [&](int, int edges) {
            const u64 vertex = next++ - ids.first[x];
            for (; edges; edges &= edges - 1)
                vertex_of_edge |= vertex << (4 * lowest_bit(static_cast<u32>(edges)));
        });
        ids.vertex_of_edge[x] = vertex_of_edge;
        ids.several[w] |= vertex_of_edge ? u64(1) << i : 0;
    }
    return next;
}

template <class Lanes>
void find_dual_ids(const DualRow& row, DualIds& ids) {
    u32 next = static_cast<u32>(ids.base);
    for (i64 w = 0; w < row.planes->words; ++w) {
        const DualWord word(row, w);
        ids.several[w] = 0;
        if (!word.active) continue;
        const u64 rare = word.rare(row, w);
        if (rare) {
            next = number_with_rare(row, word, rare, w, next, ids);
        } else {
            Lanes::number_cells(word.active, next, ids.first + 64 * w);
            next += static_cast<u32>(popcount(word.active));
        }
    }
}

constexpr QuadCorners kQuadCorners;

// Edges as numbers 8 * i + 2 * axis + (1 where the lower end is inside), i the voxel's place in the word: in
// raster order, x before y before z.
struct QuadList {
    int size = 0;
    u16 edge[3 * 64 + 2];

    QuadList(const CrossedEdges<u64>& quads, u64 lower) {
        for (u64 left = quads.x | quads.y | quads.z; left; left &= left - 1) {
            const int i = lowest_bit(left), first = 8 * i + static_cast<int>(lower >> i & 1);
            edge[size] = static_cast<u16>(first);
            size += static_cast<int>(quads.x >> i & 1);
            edge[size] = static_cast<u16>(first + 2);
            size += static_cast<int>(quads.y >> i & 1);
            edge[size] = static_cast<u16>(first + 4);
            size += static_cast<int>(quads.z >> i & 1);
        }
    }
};

// Where the ids of a quad's corners are found, by axis and corner.
class CornerIds {
public:
    explicit CornerIds(const DualFaceRow& row) {
        for (int axis = 0; axis < 3; ++axis)
            for (int k = 0; k < 4; ++k) {
                const QuadCorner& corner = kQuadCorners.corner[axis][k];
                const DualIds& ids = *row.ids[1 - corner.back[2]][1 - corner.back[1]];
                ids_[axis][k] = &ids;
                base_[axis][k] = ids.base;
                first_[axis][k] = ids.first - corner.back[0];
            }
        for (int k = 0; k < 4; ++k) several_[k] = row.ids[k >> 1][k & 1]->several;
    }

    // Whether a corner of the word's quads may lie in a cell of several vertices.
    bool several(i64 w) const {
        u64 found = 0;
        for (int k = 0; k < 4; ++k) found |= several_[k][w] | (w > 0 ? several_[k][w - 1] >> 63 : 0);
        return found != 0;
    }

    const u32* first(int axis, int k) const { return first_[axis][k]; }  // of the cell of voxel 0

    i64 plain(int axis, int k, i64 x) const {
        const u32 from_base = first_[axis][k][x] - static_cast<u32>(base_[axis][k]);
        return base_[axis][k] + from_base;
    }

    i64 of_several(int axis, int k, i64 x) const {
        const i64 at = x - kQuadCorners.corner[axis][k].back[0], id = plain(axis, k, x);
        const DualIds& ids = *ids_[axis][k];
        if (!(ids.several[at / 64] >> (at % 64) & 1)) return id;
        return id + static_cast<i64>(ids.vertex_of_edge[at] >> (4 * kQuadCorners.corner[axis][k].edge) & 15);
    }

private:
    const DualIds* ids_[3][4];
    i64 base_[3][4];
    const u32* first_[3][4];
    const u64* several_[4];
};

// Quads as they are.
template <class Index>
struct PutQuad {
    Index* to;

    explicit PutQuad(const DualFaceRow& row) : to(static_cast<Index*>(row.to)) {}

    void operator()(i64 a, i64 b, i64 c, i64 d) {
        to[0] = static_cast<Index>(a);
        to[1] = static_cast<Index>(b);
        to[2] = static_cast<Index>(c);
        to[3] = static_cast<Index>(d);
        to += 4;
    }
};

// Quads as two triangles each, cut along the shorter diagonal, or from the first corner where they are equal.
template <class Coord, class Index>
struct PutTriangles {
    Index* to;
    const Coord* verts;
    Coord spacing[3];

    explicit PutTriangles(const DualFaceRow& row)
        : to(static_cast<Index*>(row.to)), verts(static_cast<const Coord*>(row.verts)) {
        for (int axis = 0; axis < 3; ++axis) spacing[axis] = static_cast<Coord>(row.spacing[axis]);
    }

    void operator()(i64 a, i64 b, i64 c, i64 d) {
        const bool turned = squared(b, d) < squared(a, c);
        to[0] = static_cast<Index>(turned ? b : a);
        to[1] = static_cast<Index>(turned ? c : b);
        to[2] = static_cast<Index>(turned ? d : c);
        to[3] = static_cast<Index>(turned ? b : a);
        to[4] = static_cast<Index>(turned ? d : c);
        to[5] = static_cast<Index>(turned ? a : d);
        to += 6;
    }

private:
    Coord squared(i64 a, i64 b) const {
        const auto step = [&](int axis) {
            return (verts[3 * a + axis] - verts[3 * b + axis]) * spacing[axis];
        };
        const Coord x = step(0), y = step(1), z = step(2);
        return x * x + y * y + z * z;
    }
};

// Normals point away from the inside: along the edge where its lower end is inside.
template <class Put>
void emit_quads_of_word(const QuadList& list, const CornerIds& ids, i64 w, Put& put) {
    const bool several = ids.several(w);
    for (int q = 0; q < list.size; ++q) {
        const int axis = list.edge[q] >> 1 & 3;
        const i64 x = 64 * w + (list.edge[q] >> 3);
        const bool forward = list.edge[q] & 1;
        i64 quad[4];
        for (int k = 0; k < 4; ++k) quad[k] = several ? ids.of_several(axis, k, x) : ids.plain(axis, k, x);
        put(quad[0], forward ? quad[1] : quad[3], quad[2], forward ? quad[3] : quad[1]);
    }
}

template <class Lanes, class Put>
void emit_dual_faces(const DualFaceRow& from) {
    const CornerIds ids(from);
    Put put(from);
    const typename Lanes::template Faces<Put> faces(ids, from);
    for (i64 w = 0; w < from.row.planes->words; ++w) {
        const DualWord word(from.row, w);
        if (!word.active) continue;
        const QuadList list(word.quads(from.row, w), word.inside.row[0].at);
        if (list.size) faces.emit(list, ids, w, put);
    }
}

// A level's own way to emit a word's faces; this is the definition.
template <class Put>
struct PlainFaces {
    PlainFaces(const CornerIds&, const DualFaceRow&) {}

    void emit(const QuadList& list, const CornerIds& ids, i64 w, Put& put) const {
        emit_quads_of_word(list, ids, w, put);
    }
};

}  // namespace
