// SPDX-License-Identifier: MIT
// Faces of the dual mesh with AVX2: a quad's four ids, and each vertex, in one vector. Equal bit for bit to
// the plain functions of dual_faces.h, whose comments say what is computed.
#pragma once

#include <immintrin.h>

#include "dual_faces.h"

namespace {

// Of a quad's ids a b c d, those of its two triangles: the bytes of the first four, and of the last two. By
// 1 where the edge's lower end is inside, and 2 where b and d are the closer ones.
struct TriangleBytes {
    alignas(16) u8 first[4][16], last[4][16];

    constexpr TriangleBytes() : first{}, last{} {
        constexpr int kOf[6] = {0, 1, 2, 0, 2, 3};
        for (int code = 0; code < 4; ++code)
            for (int k = 0; k < 24; ++k) {
                const int corner = (kOf[k / 4] + (code >> 1)) & 3;
                const int id = code & 1 ? corner : (4 - corner) & 3;
                u8* to = k < 16 ? first[code] + k : last[code] + (k - 16);
                *to = static_cast<u8>(4 * id + k % 4);
            }
    }
};

inline bool second_is_closer(__m128 a, __m128 b, __m128 c, __m128 d, __m128 spacing) {
    const __m128 ac = _mm_mul_ps(_mm_sub_ps(a, c), spacing), bd = _mm_mul_ps(_mm_sub_ps(b, d), spacing);
    const __m128 first = _mm_mul_ps(ac, ac), second = _mm_mul_ps(bd, bd);
    const __m128 xy = _mm_unpacklo_ps(first, second), z = _mm_unpackhi_ps(first, second);  // x x y y, z z . .
    const __m128 sum = _mm_add_ps(_mm_add_ps(xy, _mm_movehl_ps(xy, xy)), z);
    return _mm_comilt_ss(_mm_movehdup_ps(sum), sum) != 0;
}

inline void emit_triangles_avx2(const QuadList& list, const CornerIds& ids, i64 x,
                                PutTriangles<float, i32>& put) {
    static constexpr TriangleBytes kBytes;
    const auto load = [](const u8* bytes) { return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes)); };
    const __m128 spacing = _mm_setr_ps(put.spacing[0], put.spacing[1], put.spacing[2], 0);
    const float* verts = put.verts;
    i32* to = put.to;
    for (int q = 0; q < list.size; ++q, to += 6) {
        const int axis = list.edge[q] >> 1 & 3;
        const i64 at = x + (list.edge[q] >> 3);
        u32 id[4];
        for (int k = 0; k < 4; ++k) id[k] = ids.first(axis, k)[at];
        const auto vertex = [&](int k) { return _mm_loadu_ps(verts + 3 * static_cast<u64>(id[k])); };
        const bool closer = second_is_closer(vertex(0), vertex(1), vertex(2), vertex(3), spacing);
        const int code = (list.edge[q] & 1) + 2 * closer;
        const __m128i quad = _mm_setr_epi32(static_cast<i32>(id[0]), static_cast<i32>(id[1]),
                                            static_cast<i32>(id[2]), static_cast<i32>(id[3]));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_shuffle_epi8(quad, load(kBytes.first[code])));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to + 4), _mm_shuffle_epi8(quad, load(kBytes.last[code])));
    }
    put.to = to;
}

template <class Put>
struct FacesAvx2 : PlainFaces<Put> {
    using PlainFaces<Put>::PlainFaces;
};

// Triangles of int32 indices between float vertices.
template <>
struct FacesAvx2<PutTriangles<float, i32>> {
    bool followed;  // a vertex comes after all of the row's: four floats can be read where three are meant

    FacesAvx2(const CornerIds&, const DualFaceRow& row) : followed(!row.is_last) {}

    void emit(const QuadList& list, const CornerIds& ids, i64 w, PutTriangles<float, i32>& put) const {
        if (followed && !ids.several(w))
            emit_triangles_avx2(list, ids, 64 * w, put);
        else
            emit_quads_of_word(list, ids, w, put);
    }
};

}  // namespace
