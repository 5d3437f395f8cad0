// SPDX-License-Identifier: MIT
// Stage 4 with AVX-512: a cell's twelve ids at once, its triangles in one permutation. Equal bit for bit
// to the plain functions of stage4_emit.h, whose comments say what is computed.
#pragma once

#include <immintrin.h>

#include "stage4_emit.h"

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

// Sixteen listed edges: their voxels, and which of them are y-edges.
struct SixteenEdges {
    __m512i at;
    __mmask16 listed, on_y;

    SixteenEdges(const EdgeList& list, int done)
        : listed(static_cast<__mmask16>(low_bits<u32>(list.size - done))) {
        const __m512i code =
            _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(list.edge + done)));
        at = _mm512_srli_epi32(code, 1);
        on_y = _mm512_mask_test_epi32_mask(listed, code, _mm512_set1_epi32(1));
    }

    // Reads a sample a lane, from `v` on; other lanes keep what they hold.
    __m512 gather(__m512 hold, __mmask16 lanes, const float* v, i64 stride) const {
        const __m512i index = _mm512_mullo_epi32(at, _mm512_set1_epi32(static_cast<int>(stride)));
        return _mm512_mask_i32gather_ps(hold, lanes, index, v, sizeof(float));
    }

    __m512 x(i64 x0) const {
        return _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(x0)), at));
    }
};

inline __m512 edge_fractions(__m512 a, __m512 b, __m512 level) {
    const __m512 t = _mm512_div_ps(_mm512_sub_ps(level, a), _mm512_sub_ps(b, a));
    const __m512 clamped = _mm512_min_ps(_mm512_max_ps(t, _mm512_setzero_ps()), _mm512_set1_ps(1.0f));
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(t, t, _CMP_UNORD_Q), clamped, _mm512_set1_ps(0.5f));
}

// Which lane of (x, other) each of 48 floats x y z x y z … comes from, where `other` stands in slot 1 or 2
// of the three and the slot left over holds the row's constant.
template <int kOtherSlot>
struct Interleave {
    int lane[3][16];
    __mmask16 constant[3];

    constexpr Interleave() : lane{}, constant{} {
        for (int k = 0; k < 48; ++k) {
            const int slot = k % 3, vertex = k / 3;
            lane[k / 16][k % 16] = slot == kOtherSlot ? vertex + 16 : vertex;
            if (slot == 3 - kOtherSlot) constant[k / 16] |= static_cast<__mmask16>(1u << (k % 16));
        }
    }
};

template <int kOtherSlot>
float* store_vertices(float* to, __m512 x, __m512 other, float constant, __mmask16 listed) {
    static constexpr Interleave<kOtherSlot> kOrder;
    const int count = popcount(static_cast<u32>(listed));
    const u64 floats = low_bits<u64>(3 * count);
    for (int k = 0; k < 3; ++k) {
        const __m512 mixed = _mm512_permutex2var_ps(x, _mm512_loadu_si512(kOrder.lane[k]), other);
        _mm512_mask_storeu_ps(to + 16 * k, static_cast<__mmask16>(floats >> (16 * k)),
                              _mm512_mask_blend_ps(kOrder.constant[k], mixed, _mm512_set1_ps(constant)));
    }
    return to + 3 * count;
}

inline float* emit_in_plane_avx512(const RowSamples<float>& row, i64 x0, const EdgeList& list, float* to) {
    const float* here = row.here + x0 * row.stride_x;
    const __m512 level = _mm512_set1_ps(row.level), y = _mm512_set1_ps(row.y);
    for (int done = 0; done < list.size; done += kLanes) {
        const SixteenEdges edges(list, done);
        const __mmask16 on_x = edges.listed & ~edges.on_y;
        const __m512 a = edges.gather(level, edges.listed, here, row.stride_x);
        __m512 b = edges.gather(level, on_x, here + row.stride_x, row.stride_x);
        b = edges.gather(b, edges.on_y, row.up_y + x0 * row.stride_x, row.stride_x);
        const __m512 t = edge_fractions(a, b, level), x = edges.x(x0);
        to = store_vertices<1>(to, _mm512_mask_add_ps(x, on_x, x, t), _mm512_mask_add_ps(y, edges.on_y, y, t),
                               row.z, edges.listed);
    }
    return to;
}

inline float* emit_upright_avx512(const RowSamples<float>& row, i64 x0, const EdgeList& list, float* to) {
    const i64 first = x0 * row.stride_x;
    const __m512 level = _mm512_set1_ps(row.level), z = _mm512_set1_ps(row.z);
    for (int done = 0; done < list.size; done += kLanes) {
        const SixteenEdges edges(list, done);
        const __m512 a = edges.gather(level, edges.listed, row.here + first, row.stride_x);
        const __m512 b = edges.gather(level, edges.listed, row.up_z + first, row.stride_x);
        const __m512 t = edge_fractions(a, b, level);
        to = store_vertices<2>(to, edges.x(x0), _mm512_add_ps(z, t), row.y, edges.listed);
    }
    return to;
}

// Offsets from a span's first sample, and places in the volume, are computed in 32 bits.
inline bool fits_lanes(const RowSamples<float>& row, i64 x0) {
    return row.stride_x > -(1 << 20) && row.stride_x < (1 << 20) && x0 < (i64(1) << 31) - 64 * kSpanWords;
}

// The twelve edges of a word's cells as lanes. An edge's id is its lane of `first` plus the vertices before
// it: the bits of two words below the cell's own bit, or below the next for the edges at x + 1.
struct EdgeLanes {
    __m512i corners;                   // inside-bits, a lane a corner
    __m512i first_xy, bits_x, bits_y;  // edges 0..7
    __m256i first_z, bits_z;           // edges 8..11

    explicit EdgeLanes(CellEdges edges) {
        const __m512i r0 = _mm512_loadu_si512(edges[0]), r1 = _mm512_loadu_si512(edges[1]),
                      r2 = _mm512_loadu_si512(edges[2]), r3 = _mm512_loadu_si512(edges[3]);
        // Lanes of an EdgeWord: 0 at, 1 after, 2 x, 3 x_after, 4 y, 5 z, 6 in_plane, 7 upright; 8 and more
        // are those of the second row.
        corners = pair(r0, r1, r2, r3, _mm512_setr_epi64(0, 1, 8, 9, 0, 1, 8, 9), 0xf0);
        bits_x = pair(r0, r1, r2, r3, _mm512_setr_epi64(2, 10, 2, 10, 3, 3, 3, 3), 0xcc);
        bits_y = pair(r0, r1, r2, r3, _mm512_setr_epi64(4, 12, 4, 12, 4, 4, 4, 4), 0xcc);
        // Before a y-edge come the x-edges up to its own voxel's: those at x + 1, and the first voxel's.
        const __m512i x = pair(r0, r1, r2, r3, _mm512_setr_epi64(2, 2, 2, 2, 2, 2, 2, 2), 0xcc);
        first_xy = _mm512_add_epi64(pair(r0, r1, r2, r3, _mm512_setr_epi64(6, 14, 6, 14, 6, 6, 6, 6), 0xcc),
                                    _mm512_maskz_and_epi64(0xf0, x, _mm512_set1_epi64(1)));
        first_z = _mm512_castsi512_si256(
            _mm512_permutex2var_epi64(r0, _mm512_setr_epi64(7, 7, 15, 15, 0, 0, 0, 0), r1));
        bits_z = _mm512_castsi512_si256(
            _mm512_permutex2var_epi64(r0, _mm512_setr_epi64(5, 5, 13, 13, 0, 0, 0, 0), r1));
    }

    int cube_case(u64 bit) const {
        return _mm512_test_epi64_mask(corners, _mm512_set1_epi64(static_cast<i64>(bit)));
    }

    // The ids of the cell at `bit`, in lanes 0..11.
    __m512i ids(u64 bit) const {
        const __m512i at_x1 = _mm512_setr_epi64(0, 0, 0, 0, 0, -1, 0, -1);
        const __m512i cell = _mm512_set1_epi64(static_cast<i64>(bit));
        const __m512i below = _mm512_set1_epi64(static_cast<i64>(bit - 1));
        const __m512i before = _mm512_or_si512(below, _mm512_and_si512(cell, at_x1));
        const __m512i in_row = _mm512_add_epi64(_mm512_popcnt_epi64(_mm512_and_si512(bits_x, before)),
                                                _mm512_popcnt_epi64(_mm512_and_si512(bits_y, before)));
        // Lanes 4..7 of `before` serve the four z-edges too: x, x + 1, x, x + 1.
        const __m256i before_z = _mm512_extracti64x4_epi64(before, 1);
        const __m256i z = _mm256_add_epi64(first_z, _mm256_popcnt_epi64(_mm256_and_si256(bits_z, before_z)));
        const __m256i xy = _mm512_cvtepi64_epi32(_mm512_add_epi64(first_xy, in_row));
        return _mm512_inserti64x4(_mm512_castsi256_si512(xy),
                                  _mm256_castsi128_si256(_mm256_cvtepi64_epi32(z)), 1);
    }

private:
    // Lanes picked from the rows at z, those of `upper` from the rows at z + 1.
    static __m512i pair(__m512i r0, __m512i r1, __m512i r2, __m512i r3, __m512i lanes, __mmask8 upper) {
        return _mm512_mask_blend_epi64(upper, _mm512_permutex2var_epi64(r0, lanes, r1),
                                       _mm512_permutex2var_epi64(r2, lanes, r3));
    }
};

inline i32* emit_faces_of_word_avx512(CellEdges edges, u64 active, i32* to) {
    const EdgeLanes lanes(edges);
    for (; active; active &= active - 1) {
        const u64 bit = active & (~active + 1);
        const int cube_case = lanes.cube_case(bit), count = 3 * kCaseTable.triangles[cube_case];
        const __m128i edge = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kCaseTable.edges[cube_case]));
        const __m512i ids = _mm512_permutexvar_epi32(_mm512_cvtepu8_epi32(edge), lanes.ids(bit));
        _mm512_mask_storeu_epi32(to, static_cast<__mmask16>((1u << count) - 1), ids);
        to += count;
    }
    return to;
}

}  // namespace
