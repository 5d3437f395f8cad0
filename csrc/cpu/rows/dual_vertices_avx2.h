// SPDX-License-Identifier: MIT
// Vertices of the dual mesh with AVX2: eight cells at once. Equal bit for bit to the plain function of
// dual_vertices.h, whose comments say what is computed.
#pragma once

#include <immintrin.h>

#include "dual_vertices.h"
#include "stage4_emit_avx2.h"

namespace {

struct EightCells {
    int count;
    __m256 corner[kCorners], inside[kCorners], x, y;

    EightCells(const CellBatch& batch, int done) : count(batch.size - done < 8 ? batch.size - done : 8) {
        const __m256i listed = first_lanes(count);
        const __m256i column = _mm256_maskload_epi32(batch.x + done, listed);
        const __m256i row = _mm256_maskload_epi32(batch.row + done, listed);
        x = _mm256_cvtepi32_ps(column);
        y = _mm256_cvtepi32_ps(_mm256_add_epi32(row, _mm256_set1_epi32(static_cast<int>(batch.y))));
        const __m256i stride_y = _mm256_set1_epi32(static_cast<int>(batch.stride_y));
        const __m256i low = _mm256_add_epi32(column, _mm256_mullo_epi32(row, stride_y));
        const float* samples = static_cast<const float*>(batch.samples);
        const __m256 level = _mm256_set1_ps(batch.level->f32);
        for (int yz = 0; yz < 4; ++yz)
            load_pairs(samples + (yz & 1) * batch.stride_y + (yz >> 1) * batch.stride_z, low, listed,
                       corner + 2 * yz);
        for (int c = 0; c < kCorners; ++c) inside[c] = _mm256_cmp_ps(corner[c], level, _CMP_LT_OQ);
    }

    // The sum of the fractions along the edges of one direction, those that are not crossed being 0.
    template <int kAxis>
    __m256 fractions(__m256 level) const {
        const auto t = [&](int k) {
            const int a = edge_lower_corner(4 * kAxis + k), b = edge_upper_corner(4 * kAxis + k);
            const __m256 at =
                _mm256_div_ps(_mm256_sub_ps(level, corner[a]), _mm256_sub_ps(corner[b], corner[a]));
            const __m256 clamped =
                _mm256_min_ps(_mm256_max_ps(at, _mm256_setzero_ps()), _mm256_set1_ps(1.0f));
            return _mm256_and_ps(_mm256_xor_ps(inside[a], inside[b]), clamped);
        };
        return _mm256_add_ps(_mm256_add_ps(t(0), t(1)), _mm256_add_ps(t(2), t(3)));
    }

    bool are_usual() const {
        __m256 largest = _mm256_setzero_ps();
        for (const __m256 sample : corner)
            largest = _mm256_max_ps(largest, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), sample));
        return _mm256_movemask_ps(_mm256_cmp_ps(largest, _mm256_set1_ps(kUsual), _CMP_NLT_UQ)) == 0;
    }

    // Of each cell's case, the four numbers of its EdgeSum as bytes.
    __m256i edge_sums() const {
        __m256i cube_case = _mm256_setzero_si256();
        for (int c = 0; c < kCorners; ++c)
            cube_case = _mm256_or_si256(
                cube_case, _mm256_and_si256(_mm256_castps_si256(inside[c]), _mm256_set1_epi32(1 << c)));
        static_assert(sizeof(EdgeSum) == 4, "an EdgeSum is gathered as one number");
        return _mm256_i32gather_epi32(reinterpret_cast<const int*>(kCaseSums.sum), cube_case, 4);
    }

private:
    // Samples at x and at x + 1 of every cell. Cells that are not listed are read as zeros.
    static void load_pairs(const float* row, __m256i low, __m256i listed, __m256* to) {
        const auto four = [&](__m128i index, __m128i mask) {
            return _mm256_castsi256_ps(
                _mm256_mask_i32gather_epi64(_mm256_setzero_si256(), reinterpret_cast<const long long*>(row),
                                            index, _mm256_cvtepi32_epi64(mask), sizeof(float)));
        };
        const __m256 first = four(_mm256_castsi256_si128(low), _mm256_castsi256_si128(listed));
        const __m256 second = four(_mm256_extracti128_si256(low, 1), _mm256_extracti128_si256(listed, 1));
        const auto in_order = [](__m256 pairs) {  // 0 1 4 5 2 3 6 7 -> 0 .. 7
            return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(pairs), 0xd8));
        };
        to[0] = in_order(_mm256_shuffle_ps(first, second, 0x88));
        to[1] = in_order(_mm256_shuffle_ps(first, second, 0xdd));
    }
};

inline void emit_cells_avx2(CellBatch& batch) {
    float* to = static_cast<float*>(batch.to);
    const __m256 level = _mm256_set1_ps(batch.level->f32), z = _mm256_set1_ps(static_cast<float>(batch.z));
    for (int done = 0; done < batch.size; done += 8) {
        const EightCells cells(batch, done);
        if (!cells.are_usual()) {
            emit_cells<float>(batch, done, cells.count, to);
            to += 3 * cells.count;
            continue;
        }
        const __m256i sums = cells.edge_sums(), byte = _mm256_set1_epi32(255);
        const __m256 share = _mm256_i32gather_ps(kShares<float>.of, _mm256_srli_epi32(sums, 24), 4);
        const auto place = [&](__m256 at, __m256 along, __m256i upper) {
            const __m256 sum = _mm256_add_ps(along, _mm256_cvtepi32_ps(_mm256_and_si256(upper, byte)));
            return _mm256_add_ps(at, _mm256_mul_ps(sum, share));
        };
        to = store_vertices(to, place(cells.x, cells.fractions<0>(level), sums),
                            place(cells.y, cells.fractions<1>(level), _mm256_srli_epi32(sums, 8)),
                            place(z, cells.fractions<2>(level), _mm256_srli_epi32(sums, 16)), cells.count);
    }
    batch.to = to;
    batch.size = 0;
}

// Stage 4 of both meshes.
struct Avx2Stage4OfBoth : Avx2Stage4 {
    static void emit_cells(CellBatch& batch) { emit_cells_avx2(batch); }
};

}  // namespace
