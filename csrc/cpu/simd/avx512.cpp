// SPDX-License-Identifier: MIT
// AVX-512 as Ice Lake (2019) and Zen 4 (2022) have it: F, BW, DQ, VL, VBMI, VBMI2, BITALG, VPOPCNTDQ.
#include "row_functions.h"

#if defined(__AVX512F__)
#include <immintrin.h>

#include "../rows/dual_faces_avx2.h"
#include "../rows/dual_vertices_avx512.h"
#include "../rows/stage2_count_avx512.h"
#include "../rows/vector_lanes.h"

namespace {

struct Avx512Lanes : VectorLanes<Avx512Stage4OfBoth> {
    static u64 inside64(const float* v, const Level& level, u64& nan) {
        return four_by_sixteen([v](int k) { return _mm512_loadu_ps(v + 16 * k); }, level, nan);
    }
    static u64 inside64(const f16* v, const Level& level, u64& nan) {
        return four_by_sixteen([v](int k) { return _mm512_cvtph_ps(load256(v + 16 * k)); }, level, nan);
    }
    static u64 inside64(const bf16* v, const Level& level, u64& nan) {
        const auto load = [v](int k) {
            return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load256(v + 16 * k)), 16));
        };
        return four_by_sixteen(load, level, nan);
    }
    static u64 inside64(const double* v, const Level& level, u64& nan) {
        const __m512d at = _mm512_set1_pd(level.f64);
        u64 word = 0;
        for (int k = 0; k < 8; ++k) {
            const __m512d sample = _mm512_loadu_pd(v + 8 * k);
            word |= static_cast<u64>(_mm512_cmp_pd_mask(sample, at, _CMP_LT_OQ)) << (8 * k);
            nan |= _mm512_cmp_pd_mask(sample, sample, _CMP_UNORD_Q);
        }
        return word;
    }
    static u64 inside64(const u8* v, const Level& level, u64&) {
        if (level.last_inside < 0) return 0;
        return _mm512_cmple_epu8_mask(_mm512_loadu_si512(v),
                                      _mm512_set1_epi8(static_cast<char>(level.last_inside)));
    }
    static u64 inside64(const i8* v, const Level& level, u64&) {
        if (level.last_inside < -128) return 0;
        return _mm512_cmple_epi8_mask(_mm512_loadu_si512(v),
                                      _mm512_set1_epi8(static_cast<char>(level.last_inside)));
    }
    static u64 inside64(const i16* v, const Level& level, u64&) {
        if (level.last_inside < -32768) return 0;
        const __m512i at = _mm512_set1_epi16(static_cast<short>(level.last_inside));
        const u64 low = _mm512_cmple_epi16_mask(_mm512_loadu_si512(v), at);
        return low | static_cast<u64>(_mm512_cmple_epi16_mask(_mm512_loadu_si512(v + 32), at)) << 32;
    }
    static u64 inside64(const i32* v, const Level& level, u64&) {
        if (level.last_inside < -2147483648LL) return 0;
        const __m512i at = _mm512_set1_epi32(static_cast<int>(level.last_inside));
        u64 word = 0;
        for (int k = 0; k < 4; ++k)
            word |= static_cast<u64>(_mm512_cmple_epi32_mask(_mm512_loadu_si512(v + 16 * k), at)) << (16 * k);
        return word;
    }

    static void count_rows(const RowWords& first, i64 n, RowCounts* counts) {
        count_rows_avx512(first, n, counts);
    }
    static void number_cells(u64 cells, u32 next, u32* to) { number_cells_avx512(cells, next, to); }
    template <class Put>
    using Faces = FacesAvx2<Put>;
    static void append_cells(u64 cells, i64 x, i64 row, CellBatch& batch) {
        append_cells_avx512(cells, x, row, batch);
    }
    static void append_edges(u64 even, u64 odd, int first, EdgeList& list) {
        append_edges_avx512(even, odd, first, list);
    }

private:
    static __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

    template <class Load>
    static u64 four_by_sixteen(Load load, const Level& level, u64& nan) {
        const __m512 at = _mm512_set1_ps(level.f32);
        const __m512 v0 = load(0), v1 = load(1), v2 = load(2), v3 = load(3);
        // A comparison is unordered where either side is NaN: one test for two vectors.
        nan |= _mm512_cmp_ps_mask(v0, v1, _CMP_UNORD_Q) | _mm512_cmp_ps_mask(v2, v3, _CMP_UNORD_Q);
        const u64 low =
            _mm512_kunpackw(_mm512_cmp_ps_mask(v1, at, _CMP_LT_OQ), _mm512_cmp_ps_mask(v0, at, _CMP_LT_OQ));
        const u64 high =
            _mm512_kunpackw(_mm512_cmp_ps_mask(v3, at, _CMP_LT_OQ), _mm512_cmp_ps_mask(v2, at, _CMP_LT_OQ));
        return low | high << 32;
    }
};

}  // namespace

namespace mc::cpu {

const RowFunctions* avx512_rows() {
    static const RowFunctions table = make_row_functions<Avx512Lanes>("avx512");
    return &table;
}

}  // namespace mc::cpu
#else
namespace mc::cpu {
const RowFunctions* avx512_rows() { return nullptr; }
}  // namespace mc::cpu
#endif
