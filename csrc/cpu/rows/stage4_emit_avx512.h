// SPDX-License-Identifier: MIT
// Stage 4 with AVX-512: sixteen vertices at once, a cell's triangles in one permutation. Equal bit for bit
// to the plain functions of stage4_emit.h, whose comments say what is computed.
#pragma once

#include <immintrin.h>

#include "stage4_emit_avx2.h"

namespace {

struct Bytes {
    alignas(64) u8 number[64];

    explicit constexpr Bytes(int step) : number{} {
        for (int k = 0; k < 64; ++k) number[k] = static_cast<u8>(step * k);
    }
};

// Appends first + step * i for every set bit i: the numbers are moved next to each other by one instruction.
template <int kStep>
void append_set_bits(u64 bits, int first, EdgeList& list) {
    static constexpr Bytes kNumbers(kStep);
    if (!bits) return;
    __m512i packed = _mm512_maskz_compress_epi8(bits, _mm512_load_si512(kNumbers.number));
    const __m256i base = _mm256_set1_epi16(static_cast<short>(first));
    u16* to = list.edge + list.size;
    const int count = popcount(bits);
    list.size += count;
    for (int left = count; left > 0; left -= 16, to += 16) {
        const __m256i numbers = _mm256_cvtepu8_epi16(_mm512_castsi512_si128(packed));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_add_epi16(base, numbers));
        packed = _mm512_alignr_epi64(packed, packed, 2);
    }
}

inline void append_edges_avx512(u64 even, u64 odd, int first, EdgeList& list) {
    constexpr u64 kEven = 0x5555555555555555ull, kOdd = ~kEven;
    if (!odd) return append_set_bits<2>(even, first, list);
    append_set_bits<1>(_pdep_u64(even, kEven) | _pdep_u64(odd, kOdd), first, list);
    append_set_bits<1>(_pdep_u64(even >> 32, kEven) | _pdep_u64(odd >> 32, kOdd), first + 64, list);
}

inline __m512i all512(i64 number) { return _mm512_set1_epi32(static_cast<int>(number)); }

// What Reach does, for sixteen rows or columns, and for a coordinate of sixteen vertices.
struct SixteenReach {
    static __m512i within(const Reach<true>::Range& range, __m512i at) {
        const __m512i held = _mm512_min_epi32(_mm512_max_epi32(at, all512(range.low)), all512(range.high));
        return _mm512_sub_epi32(held, all512(range.first));
    }
    static __m512i row(const Reach<true>& reach, __m512i at) { return within(reach.rows, at); }
    static __m512i column(const Reach<true>& reach, __m512i at) { return within(reach.columns, at); }
    static __m512 on_axis(const Reach<true>& reach, int axis, __m512 at) {
        const __m512 last = _mm512_set1_ps(static_cast<float>(reach.last[axis]));
        return _mm512_min_ps(_mm512_max_ps(at, _mm512_setzero_ps()), last);
    }

    static __m512i row(const Reach<false>&, __m512i at) { return at; }
    static __m512i column(const Reach<false>&, __m512i at) { return at; }
    static __m512 on_axis(const Reach<false>&, int, __m512 at) { return at; }
};

// Sixteen listed edges: their lower ends' rows and columns in the batch, and which are y-edges.
template <bool kClosed>
struct SixteenEdges {
    __m512i row, column;
    __mmask16 listed, on_y;

    SixteenEdges(const EdgeList& list, int done)
        : listed(static_cast<__mmask16>(low_bits<u32>(list.size - done))) {
        const __m512i code =
            _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(list.edge + done)));
        static_assert(kRowStep == 1 << 11, "rows and columns are told apart by shifts");
        row = _mm512_srli_epi32(code, 11);
        column = _mm512_and_si512(_mm512_srli_epi32(code, 1), _mm512_set1_epi32(kRowStep / 2 - 1));
        on_y = _mm512_mask_test_epi32_mask(listed, code, _mm512_set1_epi32(1));
    }

    // Places of samples, from the batch's first: of the edges' lower ends, and of the upper ones in the
    // plane.
    __m512i lower(const Samples<float, kClosed>& samples) const { return place(samples, row, column); }
    __m512i upper_in_plane(const Samples<float, kClosed>& samples) const {
        const __m512i one = all512(1);
        if constexpr (!kClosed)
            return _mm512_add_epi32(lower(samples), _mm512_mask_blend_epi32(on_y, all512(samples.stride_x),
                                                                            all512(samples.stride_y)));
        return place(samples, _mm512_mask_add_epi32(row, on_y, row, one),
                     _mm512_mask_add_epi32(column, static_cast<__mmask16>(~on_y), column, one));
    }

    // How far along each edge the level is met, from the samples at both ends.
    __m512 fractions(const Samples<float, kClosed>& samples, __m512i lower_at, __m512i upper_at) const {
        const __m512 level = _mm512_set1_ps(samples.level);
        const __m512 a = gather(level, lower_at, samples), b = gather(level, upper_at, samples);
        const __m512 whole = _mm512_sub_ps(b, a);
        const __m512 t = fraction_of(_mm512_sub_ps(level, a), whole);
        constexpr int kInfinite = 0x08 | 0x10;  // of either sign
        const __mmask16 beyond = _mm512_fpclass_ps_mask(whole, kInfinite);
        return beyond ? _mm512_mask_blend_ps(beyond, t, of_halves(a, b, level)) : t;
    }

    __m512 x(const Samples<float, kClosed>& samples) const {
        return _mm512_cvtepi32_ps(_mm512_add_epi32(all512(samples.x), column));
    }
    __m512 y(const Samples<float, kClosed>& samples) const {
        return _mm512_cvtepi32_ps(_mm512_add_epi32(all512(samples.y), row));
    }

private:
    static __m512i place(const Samples<float, kClosed>& samples, __m512i row, __m512i column) {
        return _mm512_add_epi32(
            _mm512_mullo_epi32(SixteenReach::row(samples.reach, row), all512(samples.stride_y)),
            _mm512_mullo_epi32(SixteenReach::column(samples.reach, column), all512(samples.stride_x)));
    }

    static __m512 fraction_of(__m512 part, __m512 whole) {
        const __m512 t = _mm512_div_ps(part, whole);
        return _mm512_min_ps(_mm512_max_ps(t, _mm512_setzero_ps()), _mm512_set1_ps(1.0f));
    }

    static __m512 of_halves(__m512 a, __m512 b, __m512 level) {
        const __m512 half = _mm512_set1_ps(0.5f), half_a = _mm512_mul_ps(half, a);
        const __m512 part = _mm512_sub_ps(_mm512_mul_ps(half, level), half_a),
                     whole = _mm512_sub_ps(_mm512_mul_ps(half, b), half_a);
        const __m512 t = _mm512_div_ps(part, whole);
        const __mmask16 undefined = _mm512_cmp_ps_mask(t, t, _CMP_UNORD_Q);
        return _mm512_mask_blend_ps(undefined, fraction_of(part, whole), half);
    }

    // Lanes that are not listed keep what they hold.
    __m512 gather(__m512 hold, __m512i index, const Samples<float, kClosed>& samples) const {
        return _mm512_mask_i32gather_ps(hold, listed, index, samples.first, sizeof(float));
    }
};

// Which lane of (x, y), and then of z, each of 48 floats x y z x y z … comes from.
struct Interleave {
    int xy[3][16], z[3][16];
    __mmask16 is_z[3];

    constexpr Interleave() : xy{}, z{}, is_z{} {
        for (int k = 0; k < 48; ++k) {
            const int slot = k % 3, vertex = k / 3;
            xy[k / 16][k % 16] = slot == 1 ? vertex + 16 : vertex;
            z[k / 16][k % 16] = vertex;
            if (slot == 2) is_z[k / 16] |= static_cast<__mmask16>(1u << (k % 16));
        }
    }
};

inline float* store_vertices(float* to, __m512 x, __m512 y, __m512 z, __mmask16 listed) {
    static constexpr Interleave kOrder;
    const int count = popcount(static_cast<u32>(listed));
    const u64 floats = low_bits<u64>(3 * count);
    for (int k = 0; k < 3; ++k) {
        const __m512 xy = _mm512_permutex2var_ps(x, _mm512_loadu_si512(kOrder.xy[k]), y);
        const __m512 xyz = _mm512_mask_permutexvar_ps(xy, kOrder.is_z[k], _mm512_loadu_si512(kOrder.z[k]), z);
        _mm512_mask_storeu_ps(to + 16 * k, static_cast<__mmask16>(floats >> (16 * k)), xyz);
    }
    return to + 3 * count;
}

struct Avx512Stage4 {
    template <bool kClosed>
    static float* emit_in_plane(const Samples<float, kClosed>& samples, const EdgeList& list, float* to) {
        const auto on_axis = [&samples](int axis, __m512 at) {
            return SixteenReach::on_axis(samples.reach, axis, at);
        };
        for (int done = 0; done < list.size; done += kLanes) {
            const SixteenEdges<kClosed> edges(list, done);
            const __m512 t = edges.fractions(samples, edges.lower(samples), edges.upper_in_plane(samples));
            const __m512 x = edges.x(samples), y = edges.y(samples);
            to = store_vertices(
                to, on_axis(0, _mm512_mask_add_ps(x, static_cast<__mmask16>(~edges.on_y), x, t)),
                on_axis(1, _mm512_mask_add_ps(y, edges.on_y, y, t)), _mm512_set1_ps(samples.z), edges.listed);
        }
        return to;
    }

    template <bool kClosed>
    static float* emit_upright(const Samples<float, kClosed>& samples, const EdgeList& list, float* to) {
        for (int done = 0; done < list.size; done += kLanes) {
            const SixteenEdges<kClosed> edges(list, done);
            const __m512i lower = edges.lower(samples);
            const __m512 t = edges.fractions(samples, lower, _mm512_add_epi32(lower, all512(samples.up_z)));
            const __m512 z =
                SixteenReach::on_axis(samples.reach, 2, _mm512_add_ps(_mm512_set1_ps(samples.z), t));
            to = store_vertices(to, edges.x(samples), edges.y(samples), z, edges.listed);
        }
        return to;
    }

    static i32* emit_faces(CellEdges edges, u64 active, i32* to, const i32* end) {
        const auto put = [](i32* at, int cube_case, __m256i numbers, int count) {
            const __m512i id = _mm512_cvtepu8_epi32(
                _mm_load_si128(reinterpret_cast<const __m128i*>(kRunningTable.ids[cube_case])));
            const __m512i picked = _mm512_permutexvar_epi32(id, _mm512_castsi256_si512(numbers));
            const __m512i ids = _mm512_add_epi32(picked, _mm512_srli_epi32(id, 4));
            if (count == 16)
                _mm512_storeu_si512(at, ids);
            else
                _mm512_mask_storeu_epi32(at, static_cast<__mmask16>((1u << count) - 1), ids);
        };
        return emit_faces_of_lanes(edges, active, to, end, put);
    }
};

}  // namespace
