// SPDX-License-Identifier: MIT
// AVX2 with BMI, POPCNT and F16C: every x86-64 processor since Haswell (2013) and Excavator (2015).
#include "row_functions.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "../rows/dual_faces_avx2.h"
#include "../rows/dual_vertices_avx2.h"
#include "../rows/vector_lanes.h"

namespace {

struct Avx2Lanes : VectorLanes<Avx2Stage4OfBoth> {
    template <class Put>
    using Faces = FacesAvx2<Put>;

    static u64 inside64(const float* v, const Level& level, u64& nan) {
        return eight_by_eight([v](int k) { return _mm256_loadu_ps(v + 8 * k); }, level, nan);
    }
    static u64 inside64(const f16* v, const Level& level, u64& nan) {
        return eight_by_eight([v](int k) { return _mm256_cvtph_ps(load128(v + 8 * k)); }, level, nan);
    }
    static u64 inside64(const bf16* v, const Level& level, u64& nan) {
        const auto load = [v](int k) {
            return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load128(v + 8 * k)), 16));
        };
        return eight_by_eight(load, level, nan);
    }
    static u64 inside64(const double* v, const Level& level, u64& nan) {
        const __m256d at = _mm256_set1_pd(level.f64);
        u64 word = 0;
        __m256d unordered = _mm256_setzero_pd();
        for (int k = 0; k < 16; ++k) {
            const __m256d sample = _mm256_loadu_pd(v + 4 * k);
            word |= static_cast<u64>(_mm256_movemask_pd(_mm256_cmp_pd(sample, at, _CMP_LT_OQ))) << (4 * k);
            unordered = _mm256_or_pd(unordered, _mm256_cmp_pd(sample, sample, _CMP_UNORD_Q));
        }
        nan |= static_cast<u64>(_mm256_movemask_pd(unordered));
        return word;
    }
    // Integers: v <= last_inside is "not v > last_inside"; u8 is shifted into the signed range.
    static u64 inside64(const i8* v, const Level& level, u64&) { return bytes(v, level.last_inside, 0); }
    static u64 inside64(const u8* v, const Level& level, u64&) {
        return bytes(v, level.last_inside - 128, static_cast<char>(0x80));
    }
    static u64 inside64(const i16* v, const Level& level, u64&) {
        if (level.last_inside < -32768) return 0;
        const __m256i at = _mm256_set1_epi16(static_cast<short>(level.last_inside));
        u64 outside = 0;
        for (int k = 0; k < 2; ++k) {
            const __m256i low = _mm256_cmpgt_epi16(load256(v + 32 * k), at);
            const __m256i high = _mm256_cmpgt_epi16(load256(v + 32 * k + 16), at);
            const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
            outside |= static_cast<u64>(static_cast<u32>(_mm256_movemask_epi8(packed))) << (32 * k);
        }
        return ~outside;
    }
    static u64 inside64(const i32* v, const Level& level, u64&) {
        if (level.last_inside < -2147483648LL) return 0;
        const __m256i at = _mm256_set1_epi32(static_cast<int>(level.last_inside));
        u64 outside = 0;
        for (int k = 0; k < 8; ++k) {
            const __m256i above = _mm256_cmpgt_epi32(load256(v + 8 * k), at);
            outside |= static_cast<u64>(_mm256_movemask_ps(_mm256_castsi256_ps(above))) << (8 * k);
        }
        return ~outside;
    }

private:
    static __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
    static __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

    template <class Load>
    static u64 eight_by_eight(Load load, const Level& level, u64& nan) {
        const __m256 at = _mm256_set1_ps(level.f32);
        u64 word = 0;
        __m256 unordered = _mm256_setzero_ps();
        for (int k = 0; k < 8; ++k) {
            const __m256 sample = load(k);
            word |= static_cast<u64>(_mm256_movemask_ps(_mm256_cmp_ps(sample, at, _CMP_LT_OQ))) << (8 * k);
            unordered = _mm256_or_ps(unordered, _mm256_cmp_ps(sample, sample, _CMP_UNORD_Q));
        }
        nan |= static_cast<u64>(_mm256_movemask_ps(unordered));
        return word;
    }

    static u64 bytes(const void* v, i64 last_inside, char shift) {
        if (last_inside < -128) return 0;
        const __m256i at = _mm256_set1_epi8(static_cast<char>(last_inside)), flip = _mm256_set1_epi8(shift);
        const auto outside = [&](int k) {
            const __m256i sample = _mm256_xor_si256(load256(static_cast<const char*>(v) + 32 * k), flip);
            return static_cast<u64>(static_cast<u32>(_mm256_movemask_epi8(_mm256_cmpgt_epi8(sample, at))));
        };
        return ~(outside(0) | outside(1) << 32);
    }
};

}  // namespace

namespace mc::cpu {

const RowFunctions* avx2_rows() {
    static const RowFunctions table = make_row_functions<Avx2Lanes>("avx2");
    return &table;
}

}  // namespace mc::cpu
#else
namespace mc::cpu {
const RowFunctions* avx2_rows() { return nullptr; }
}  // namespace mc::cpu
#endif
