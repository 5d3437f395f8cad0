// SPDX-License-Identifier: MIT
// Vertices of the dual mesh with AVX-512: sixteen cells at once. Equal bit for bit to the plain function of
// dual_vertices.h, whose comments say what is computed.
#pragma once

#include <immintrin.h>

#include "dual_vertices.h"
#include "stage4_emit_avx512.h"

namespace {

struct SixteenCells {
    __m512 corner[kCorners], x, y;
    __mmask16 listed, inside[kCorners];

    SixteenCells(const CellBatch& batch, int done)
        : listed(static_cast<__mmask16>(low_bits<u32>(batch.size - done))) {
        const __m512i column = _mm512_maskz_loadu_epi32(listed, batch.x + done);
        const __m512i row = _mm512_maskz_loadu_epi32(listed, batch.row + done);
        x = _mm512_cvtepi32_ps(column);
        y = _mm512_cvtepi32_ps(_mm512_add_epi32(row, _mm512_set1_epi32(static_cast<int>(batch.y))));
        const __m512i stride_y = _mm512_set1_epi32(static_cast<int>(batch.stride_y));
        const __m512i low = _mm512_add_epi32(column, _mm512_mullo_epi32(row, stride_y));
        const float* samples = static_cast<const float*>(batch.samples);
        const __m512 level = _mm512_set1_ps(batch.level->f32);
        for (int yz = 0; yz < 4; ++yz)
            load_pairs(samples + (yz & 1) * batch.stride_y + (yz >> 1) * batch.stride_z, low,
                       corner + 2 * yz);
        for (int c = 0; c < kCorners; ++c) inside[c] = _mm512_cmp_ps_mask(corner[c], level, _CMP_LT_OQ);
    }

    // The sum of the fractions along the edges of one direction, those that are not crossed being 0.
    template <int kAxis>
    __m512 fractions(__m512 level) const {
        const auto t = [&](int k) {
            const int a = edge_lower_corner(4 * kAxis + k), b = edge_upper_corner(4 * kAxis + k);
            const __m512 at =
                _mm512_div_ps(_mm512_sub_ps(level, corner[a]), _mm512_sub_ps(corner[b], corner[a]));
            const __m512 clamped =
                _mm512_min_ps(_mm512_max_ps(at, _mm512_setzero_ps()), _mm512_set1_ps(1.0f));
            return _mm512_maskz_mov_ps(static_cast<__mmask16>(inside[a] ^ inside[b]), clamped);
        };
        return _mm512_add_ps(_mm512_add_ps(t(0), t(1)), _mm512_add_ps(t(2), t(3)));
    }

    bool are_usual() const {
        __m512 largest = _mm512_setzero_ps();
        for (const __m512 sample : corner) largest = _mm512_max_ps(largest, _mm512_abs_ps(sample));
        return _mm512_cmp_ps_mask(largest, _mm512_set1_ps(kUsual), _CMP_NLT_UQ) == 0;
    }

    // Of each cell's case, the four numbers of its EdgeSum as bytes.
    __m512i edge_sums() const {
        __m512i cube_case = _mm512_setzero_si512();
        for (int c = 0; c < kCorners; ++c)
            cube_case = _mm512_mask_or_epi32(cube_case, inside[c], cube_case, _mm512_set1_epi32(1 << c));
        static_assert(sizeof(EdgeSum) == 4, "an EdgeSum is gathered as one number");
        return _mm512_i32gather_epi32(cube_case, kCaseSums.sum, 4);
    }

private:
    // Samples at x and at x + 1 of every cell. Cells that are not listed are read as zeros.
    void load_pairs(const float* row, __m512i low, __m512* to) const {
        const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1)), zero = _mm512_setzero_si512();
        const __m512 first = _mm512_castsi512_ps(_mm512_mask_i32gather_epi64(
            zero, static_cast<__mmask8>(listed), _mm512_castsi512_si256(low), row, sizeof(float)));
        const __m512 second = _mm512_castsi512_ps(_mm512_mask_i32gather_epi64(
            zero, static_cast<__mmask8>(listed >> 8), _mm512_extracti64x4_epi64(low, 1), row, sizeof(float)));
        to[0] = _mm512_permutex2var_ps(first, even, second);
        to[1] = _mm512_permutex2var_ps(first, odd, second);
    }
};

inline void emit_cells_avx512(CellBatch& batch) {
    float* to = static_cast<float*>(batch.to);
    const __m512 level = _mm512_set1_ps(batch.level->f32), z = _mm512_set1_ps(static_cast<float>(batch.z));
    for (int done = 0; done < batch.size; done += 16) {
        const SixteenCells cells(batch, done);
        if (!cells.are_usual()) {
            const int count = popcount(static_cast<u32>(cells.listed));
            emit_cells<float>(batch, done, count, to);
            to += 3 * count;
            continue;
        }
        const __m512i sums = cells.edge_sums(), byte = _mm512_set1_epi32(255);
        const __m512 share =
            _mm512_permutexvar_ps(_mm512_srli_epi32(sums, 24), _mm512_loadu_ps(kShares<float>.of));
        const auto place = [&](__m512 at, __m512 along, __m512i upper) {
            const __m512 sum = _mm512_add_ps(along, _mm512_cvtepi32_ps(_mm512_and_si512(upper, byte)));
            return _mm512_add_ps(at, _mm512_mul_ps(sum, share));
        };
        to = store_vertices(to, place(cells.x, cells.fractions<0>(level), sums),
                            place(cells.y, cells.fractions<1>(level), _mm512_srli_epi32(sums, 8)),
                            place(z, cells.fractions<2>(level), _mm512_srli_epi32(sums, 16)), cells.listed);
    }
    batch.to = to;
    batch.size = 0;
}

// Numbers next, next + 1, … at the places of the bits set in `cells`.
inline void number_cells_avx512(u64 cells, u32 next, u32* to) {
    const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int k = 0; k < 4; ++k, cells >>= 16, to += 16) {
        const __mmask16 some = static_cast<__mmask16>(cells);
        const __m512i numbers = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(next)), steps);
        _mm512_mask_storeu_epi32(to, some, _mm512_maskz_expand_epi32(some, numbers));
        next += static_cast<u32>(popcount(static_cast<u32>(some)));
    }
}

// The numbers x, x + 1, … that belong to the bits set in `cells`, next to each other.
inline void append_cells_avx512(u64 cells, i64 x, i64 row, CellBatch& batch) {
    const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (; cells; cells >>= 16, x += 16) {
        const __mmask16 some = static_cast<__mmask16>(cells);
        const __m512i numbers = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(x)), steps);
        _mm512_storeu_si512(batch.x + batch.size, _mm512_maskz_compress_epi32(some, numbers));
        _mm512_storeu_si512(batch.row + batch.size, _mm512_set1_epi32(static_cast<int>(row)));
        batch.size += popcount(static_cast<u32>(some));
    }
}

// Stage 4 of both meshes.
struct Avx512Stage4OfBoth : Avx512Stage4 {
    static void emit_cells(CellBatch& batch) { emit_cells_avx512(batch); }
};

}  // namespace
