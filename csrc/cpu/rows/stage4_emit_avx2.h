// SPDX-License-Identifier: MIT
// Stage 4 with AVX2: eight vertices at once, a cell's triangles in two permutations. Equal bit for bit to the
// plain functions of stage4_emit.h, whose comments say what is computed.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "stage4_emit.h"

namespace {

// Lanes below `n` set, as AVX2 has its masks: all bits of a lane.
inline __m256i first_lanes(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline __m256i all256(i64 number) { return _mm256_set1_epi32(static_cast<int>(number)); }

// What Reach does, for eight rows or columns, and for a coordinate of eight vertices.
struct EightReach {
    static __m256i within(const Reach<true>::Range& range, __m256i at) {
        const __m256i held = _mm256_min_epi32(_mm256_max_epi32(at, all256(range.low)), all256(range.high));
        return _mm256_sub_epi32(held, all256(range.first));
    }
    static __m256i row(const Reach<true>& reach, __m256i at) { return within(reach.rows, at); }
    static __m256i column(const Reach<true>& reach, __m256i at) { return within(reach.columns, at); }
    static __m256 on_axis(const Reach<true>& reach, int axis, __m256 at) {
        const __m256 last = _mm256_set1_ps(static_cast<float>(reach.last[axis]));
        return _mm256_min_ps(_mm256_max_ps(at, _mm256_setzero_ps()), last);
    }

    static __m256i row(const Reach<false>&, __m256i at) { return at; }
    static __m256i column(const Reach<false>&, __m256i at) { return at; }
    static __m256 on_axis(const Reach<false>&, int, __m256 at) { return at; }
};

// Eight listed edges: their lower ends' rows and columns in the batch, and which are y-edges.
template <bool kClosed>
struct EightEdges {
    int count;
    __m256i row, column, on_y;

    EightEdges(const EdgeList& list, int done) : count(list.size - done < 8 ? list.size - done : 8) {
        const __m256i code =
            _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(list.edge + done)));
        static_assert(kRowStep == 1 << 11, "rows and columns are told apart by shifts");
        row = _mm256_srli_epi32(code, 11);
        column = _mm256_and_si256(_mm256_srli_epi32(code, 1), _mm256_set1_epi32(kRowStep / 2 - 1));
        on_y = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_and_si256(code, _mm256_set1_epi32(1)));
    }

    // Places of samples, from the batch's first: of the edges' lower ends, and of the upper ones in the
    // plane.
    __m256i lower(const Samples<float, kClosed>& samples) const { return place(samples, row, column); }
    __m256i upper_in_plane(const Samples<float, kClosed>& samples) const {
        if constexpr (!kClosed)
            return _mm256_add_epi32(
                lower(samples), _mm256_blendv_epi8(all256(samples.stride_x), all256(samples.stride_y), on_y));
        return place(samples, _mm256_sub_epi32(row, on_y),
                     _mm256_add_epi32(column, _mm256_add_epi32(all256(1), on_y)));
    }

    // How far along each edge the level is met, from the samples at both ends.
    __m256 fractions(const Samples<float, kClosed>& samples, __m256i lower_at, __m256i upper_at) const {
        const __m256 level = _mm256_set1_ps(samples.level);
        const __m256 a = gather(level, lower_at, samples), b = gather(level, upper_at, samples);
        const __m256 whole = _mm256_sub_ps(b, a);
        const __m256 t = fraction_of(_mm256_sub_ps(level, a), whole);
        const __m256 zero = _mm256_setzero_ps(), rest = _mm256_sub_ps(whole, whole);
        const __m256 beyond = _mm256_cmp_ps(rest, zero, _CMP_NEQ_UQ);
        return _mm256_testz_ps(beyond, beyond) ? t : _mm256_blendv_ps(t, of_halves(a, b, level), beyond);
    }

    __m256 x(const Samples<float, kClosed>& samples) const {
        return _mm256_cvtepi32_ps(_mm256_add_epi32(all256(samples.x), column));
    }
    __m256 y(const Samples<float, kClosed>& samples) const {
        return _mm256_cvtepi32_ps(_mm256_add_epi32(all256(samples.y), row));
    }

private:
    static __m256i place(const Samples<float, kClosed>& samples, __m256i row, __m256i column) {
        return _mm256_add_epi32(
            _mm256_mullo_epi32(EightReach::row(samples.reach, row), all256(samples.stride_y)),
            _mm256_mullo_epi32(EightReach::column(samples.reach, column), all256(samples.stride_x)));
    }

    static __m256 fraction_of(__m256 part, __m256 whole) {
        const __m256 t = _mm256_div_ps(part, whole);
        return _mm256_min_ps(_mm256_max_ps(t, _mm256_setzero_ps()), _mm256_set1_ps(1.0f));
    }

    static __m256 of_halves(__m256 a, __m256 b, __m256 level) {
        const __m256 half = _mm256_set1_ps(0.5f), half_a = _mm256_mul_ps(half, a);
        const __m256 part = _mm256_sub_ps(_mm256_mul_ps(half, level), half_a),
                     whole = _mm256_sub_ps(_mm256_mul_ps(half, b), half_a);
        const __m256 t = _mm256_div_ps(part, whole);
        return _mm256_blendv_ps(fraction_of(part, whole), half, _mm256_cmp_ps(t, t, _CMP_UNORD_Q));
    }

    // Lanes that are not listed keep what they hold.
    __m256 gather(__m256 hold, __m256i index, const Samples<float, kClosed>& samples) const {
        const __m256 listed = _mm256_castsi256_ps(first_lanes(count));
        return _mm256_mask_i32gather_ps(hold, samples.first, index, listed, sizeof(float));
    }
};

// Writes x y z x y z …: of each vector of eight floats, every third lane is of x, of y and of z.
inline float* store_vertices(float* to, __m256 x, __m256 y, __m256 z, int count) {
    const __m256i spread = _mm256_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2);  // the vertex that each float is of
    const __m256i next = _mm256_setr_epi32(2, 3, 3, 3, 4, 4, 4, 5),
                  last = _mm256_setr_epi32(5, 5, 6, 6, 6, 7, 7, 7);
    const auto pick = [](__m256 from, __m256i lane) { return _mm256_permutevar8x32_ps(from, lane); };
    const auto mix = [&pick](__m256 first, __m256 second, __m256 third, __m256i lane) {
        const __m256 two = _mm256_blend_ps(pick(first, lane), pick(second, lane), 0b10010010);
        return _mm256_blend_ps(two, pick(third, lane), 0b00100100);
    };
    const __m256 floats[3] = {mix(x, y, z, spread), mix(z, x, y, next), mix(y, z, x, last)};
    for (int k = 0; k < 3; ++k) {
        if (count == 8)
            _mm256_storeu_ps(to + 8 * k, floats[k]);
        else
            _mm256_maskstore_ps(to + 8 * k, first_lanes(3 * count - 8 * k), floats[k]);
    }
    return to + 3 * count;
}

struct VoxelBits {
    int cube_case, beside;
};

// The running numbers as lanes, beside the bits they grow by.
class RunningLanes {
public:
    explicit RunningLanes(CellEdges edges)
        : low_(corners(edges[0], edges[1])),
          high_(corners(edges[2], edges[3])),
          beside_(_mm256_setr_epi64x(lane(edges[1]->y), lane(edges[3]->y), lane(edges[0]->x_after),
                                     lane(edges[2]->x_after))) {
        const auto first = [](i64 id) { return static_cast<i32>(id); };
        numbers_ =
            _mm256_setr_epi32(first(edges[0]->in_plane), first(edges[1]->in_plane), first(edges[2]->in_plane),
                              first(edges[3]->in_plane), first(edges[0]->upright), first(edges[1]->upright),
                              first(edges[0]->in_plane), first(edges[2]->in_plane));
    }

    VoxelBits voxel(int i) const {
        const __m256i to_sign = _mm256_set1_epi64x(63 - i);
        const auto bits = [to_sign](__m256i words) {
            return _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_sllv_epi64(words, to_sign)));
        };
        return {bits(low_) | bits(high_) << 4, bits(beside_)};
    }

    __m256i now(const VoxelBits& voxel) const {
        return _mm256_add_epi32(numbers_, _mm256_cvtepu8_epi32(load64(kRunningTable.ahead[voxel.beside])));
    }

    void step(const VoxelBits& voxel) {
        const __m128i by = _mm_add_epi8(load64(kRunningTable.step[voxel.cube_case]),
                                        load64(kRunningTable.step_beside[voxel.beside]));
        numbers_ = _mm256_add_epi32(numbers_, _mm256_cvtepu8_epi32(by));
    }

    static __m128i load64(const u8* from) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)); }

private:
    static i64 lane(u64 word) { return static_cast<i64>(word); }

    // An EdgeWord begins with `at` and `after`: two rows' are the corners of four lanes.
    static __m256i corners(const cpu::EdgeWord* row, const cpu::EdgeWord* row_y) {
        const auto load = [](const cpu::EdgeWord* from) {
            return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        };
        return _mm256_inserti128_si256(_mm256_castsi128_si256(load(row)), load(row_y), 1);
    }

    __m256i numbers_, low_, high_, beside_;
};

// Gives every cell to put(to, cube_case, numbers, count), which writes sixteen ids: the next cell's go over
// those that are not its own. Only near the end of the faces the rest has to be held back, and `count` is
// less.
template <class Put>
i32* emit_faces_of_lanes(CellEdges edges, u64 active, i32* to, const i32* end, const Put& put) {
    RunningLanes running(edges);
    for (u64 left = growing(edges, active); active; left &= left - 1, active &= left) {
        const VoxelBits voxel = running.voxel(lowest_bit(left));
        const int count = 3 * kCaseTable.triangles[voxel.cube_case];
        put(to, voxel.cube_case, running.now(voxel), end - to >= 16 ? 16 : count);
        to += count;
        running.step(voxel);
    }
    return to;
}

struct Avx2Stage4 {
    template <bool kClosed>
    static float* emit_in_plane(const Samples<float, kClosed>& samples, const EdgeList& list, float* to) {
        const auto on_axis = [&samples](int axis, __m256 at) {
            return EightReach::on_axis(samples.reach, axis, at);
        };
        for (int done = 0; done < list.size; done += 8) {
            const EightEdges<kClosed> edges(list, done);
            const __m256 t = edges.fractions(samples, edges.lower(samples), edges.upper_in_plane(samples));
            const __m256 x = edges.x(samples), y = edges.y(samples), on_y = _mm256_castsi256_ps(edges.on_y);
            to = store_vertices(to, on_axis(0, _mm256_blendv_ps(_mm256_add_ps(x, t), x, on_y)),
                                on_axis(1, _mm256_blendv_ps(y, _mm256_add_ps(y, t), on_y)),
                                _mm256_set1_ps(samples.z), edges.count);
        }
        return to;
    }

    template <bool kClosed>
    static float* emit_upright(const Samples<float, kClosed>& samples, const EdgeList& list, float* to) {
        for (int done = 0; done < list.size; done += 8) {
            const EightEdges<kClosed> edges(list, done);
            const __m256i lower = edges.lower(samples);
            const __m256 t = edges.fractions(samples, lower, _mm256_add_epi32(lower, all256(samples.up_z)));
            const __m256 z =
                EightReach::on_axis(samples.reach, 2, _mm256_add_ps(_mm256_set1_ps(samples.z), t));
            to = store_vertices(to, edges.x(samples), edges.y(samples), z, edges.count);
        }
        return to;
    }

    static i32* emit_faces(CellEdges edges, u64 active, i32* to, const i32* end) {
        const auto put = [](i32* at, int cube_case, __m256i numbers, int count) {
            __m256i ids[2];
            for (int half = 0; half < 2; ++half) {
                const u8* table = kRunningTable.ids[cube_case] + 8 * half;
                const __m256i id = _mm256_cvtepu8_epi32(RunningLanes::load64(table));
                ids[half] =
                    _mm256_add_epi32(_mm256_permutevar8x32_epi32(numbers, id), _mm256_srli_epi32(id, 4));
            }
            if (count == 16) {
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), ids[0]);
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(at + 8), ids[1]);
            } else {
                std::memcpy(at, ids, sizeof(i32) * static_cast<std::size_t>(count));
            }
        };
        return emit_faces_of_lanes(edges, active, to, end, put);
    }
};

}  // namespace
