// SPDX-License-Identifier: MIT
// Puts a SIMD level's table together from its `Lanes` and the row functions beside this file.
#pragma once

#include "dual_faces.h"
#include "dual_vertices.h"
#include "stage1_classify.h"
#include "stage2_count.h"
#include "stage4_emit.h"

namespace {

// The type that samples are compared as: their level is made for it.
template <class T>
struct ComparedAs {
    using type = T;
};
template <>
struct ComparedAs<truth> {
    using type = u8;
};
template <>
struct ComparedAs<whole> {
    using type = double;
};

// A table's functions for every sample type, in the order of Dtype.
#define MC_EACH_DTYPE(F) \
    {F(float), F(double), F(f16), F(bf16), F(u8), F(i8), F(i16), F(i32), F(truth), F(whole)}

template <class Lanes>
DualFunctions make_dual_functions() {
#define MC_ADD(T) add_dual_row<Lanes, T>
#define MC_FLUSH(T) flush_cells<Lanes, T>
    return {
        count_dual_row,
        list_patches,
        MC_EACH_DTYPE(MC_ADD),
        MC_EACH_DTYPE(MC_FLUSH),
        find_dual_ids<Lanes>,
        {emit_dual_faces<Lanes, PutQuad<i32>>, emit_dual_faces<Lanes, PutQuad<i64>>},
        {{emit_dual_faces<Lanes, PutTriangles<float, i32>>, emit_dual_faces<Lanes, PutTriangles<float, i64>>},
         {emit_dual_faces<Lanes, PutTriangles<double, i32>>,
          emit_dual_faces<Lanes, PutTriangles<double, i64>>}}};
}

template <class Lanes>
RowFunctions make_row_functions(const char* name) {
#define MC_CLASSIFY(T) classify_row<Lanes, typename ComparedAs<T>::type>
#define MC_CLASSIFY_KNOWN(T) classify_known_row<Lanes, typename ComparedAs<T>::type>
#define MC_EMIT_OPEN(T) emit_vertices<Lanes, T, false>
#define MC_EMIT_CLOSED(T) emit_vertices<Lanes, T, true>
    return {name,
            MC_EACH_DTYPE(MC_CLASSIFY),
            MC_EACH_DTYPE(MC_CLASSIFY_KNOWN),
            counting_cells,
            Lanes::count_rows,
            count_used_row,
            find_edges,
            find_used_edges,
            append_row<Lanes>,
            {MC_EACH_DTYPE(MC_EMIT_OPEN), MC_EACH_DTYPE(MC_EMIT_CLOSED)},
            {{emit_faces_of_row<Lanes, i32>, emit_faces_of_row<Lanes, i64>},
             {emit_used_faces_of_row<Lanes, i32>, emit_used_faces_of_row<Lanes, i64>}},
            {emit_used_faces_of_word<Lanes, i32>, emit_used_faces_of_word<Lanes, i64>},
            make_dual_functions<Lanes>()};
#undef MC_CLASSIFY
#undef MC_CLASSIFY_KNOWN
#undef MC_EMIT_OPEN
#undef MC_EMIT_CLOSED
}

// The definition that every level's own lanes must equal, and what they fall back on.
struct ScalarLanes {
    template <class T>
    static u64 inside64(const T* samples, const Level& level, u64& nan) {
        u32 half[2] = {}, unordered = 0;
        for (int k = 0; k < 2; ++k)
            for (int i = 0; i < 32; ++i)
                half[k] |= is_inside(samples[32 * k + i], level, unordered) ? kBits.bit[i] : 0u;
        nan |= unordered;
        return half[0] | static_cast<u64>(half[1]) << 32;
    }

    static void count_rows(const RowWords& first, i64 n, RowCounts* counts) {
        ::count_rows(first, n, counts);
    }
    static void append_edges(u64 even, u64 odd, int first, EdgeList& list) {
        ::append_edges(even, odd, first, list);
    }
    template <class T, bool kClosed, class Coord>
    static Coord* emit_in_plane(const Samples<T, kClosed>& samples, const EdgeList& list, Coord* to) {
        return ::emit_in_plane(samples, list, to);
    }
    template <class T, bool kClosed, class Coord>
    static Coord* emit_upright(const Samples<T, kClosed>& samples, const EdgeList& list, Coord* to) {
        return ::emit_upright(samples, list, to);
    }
    template <class Index>
    static Index* emit_faces(CellEdges edges, u64 active, Index* to, const Index*) {
        return emit_faces_of_word(edges, active, to);
    }

    static void append_cells(u64 cells, i64 x, i64 row, CellBatch& batch) {
        ::append_cells(cells, x, row, batch);
    }
    static void number_cells(u64 cells, u32 next, u32* to) { ::number_cells(cells, next, to); }
    template <class Put>
    using Faces = PlainFaces<Put>;
    template <class T>
    static void emit_cells(CellBatch& batch) {
        ::emit_cells<T>(batch);
    }

private:
    static bool is_inside(double v, const Level& level, u32& nan) {
        nan |= v != v;
        return v < level.f64;
    }
    static bool is_inside(float v, const Level& level, u32& nan) {
        nan |= v != v;
        return v < level.f32;
    }
    static bool is_inside(f16 v, const Level& level, u32& nan) { return is_inside(widen(v), level, nan); }
    static bool is_inside(bf16 v, const Level& level, u32& nan) { return is_inside(widen(v), level, nan); }
    template <class Integer>
    static bool is_inside(Integer v, const Level& level, u32&) {
        return static_cast<i64>(v) <= level.last_inside;
    }
};

}  // namespace
