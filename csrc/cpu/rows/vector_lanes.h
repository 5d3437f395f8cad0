// SPDX-License-Identifier: MIT
// Where a SIMD level's own stage 4 is taken: float32 samples near each other, indices of int32.
#pragma once

#include <type_traits>

#include "row_table.h"

namespace {

// Steps from a batch's first sample, and places in the volume, are computed in 32 bits.
template <bool kClosed>
bool fits_lanes(const Samples<float, kClosed>& samples) {
    constexpr i64 kStep = i64(1) << 20, kEnd = (i64(1) << 31) - 2 * 64 * kSpanWords;
    const auto within = [](i64 value, i64 end) { return value > -end && value < end; };
    return within(samples.stride_x, kStep) && within(samples.stride_y, kStep * 16) &&
           within(samples.up_z, i64(1) << 29) && samples.x < kEnd && samples.y < kEnd;
}

// Whether the cells' samples can be asked for by 32-bit distances, two at a time.
inline bool has_near_pairs(const CellBatch& batch) {
    constexpr i64 kFar = i64(1) << 30;
    const i64 rows = kBatchRows * (batch.stride_y < 0 ? -batch.stride_y : batch.stride_y);
    return batch.stride_x == 1 && batch.nx < kFar && rows < kFar && batch.y < kFar;
}

template <class Stage4>
struct VectorLanes : ScalarLanes {
    using ScalarLanes::emit_in_plane;  // all samples but float32
    using ScalarLanes::emit_upright;
    template <bool kClosed>
    static float* emit_in_plane(const Samples<float, kClosed>& samples, const EdgeList& list, float* to) {
        return fits_lanes(samples) ? Stage4::emit_in_plane(samples, list, to)
                                   : ::emit_in_plane(samples, list, to);
    }
    template <bool kClosed>
    static float* emit_upright(const Samples<float, kClosed>& samples, const EdgeList& list, float* to) {
        return fits_lanes(samples) ? Stage4::emit_upright(samples, list, to)
                                   : ::emit_upright(samples, list, to);
    }
    template <class T>
    static void emit_cells(CellBatch& batch) {
        if constexpr (std::is_same<T, float>::value)
            if (has_near_pairs(batch)) return Stage4::emit_cells(batch);
        ::emit_cells<T>(batch);
    }
    static i32* emit_faces(CellEdges edges, u64 active, i32* to, const i32* end) {
        return Stage4::emit_faces(edges, active, to, end);
    }
    static i64* emit_faces(CellEdges edges, u64 active, i64* to, const i64*) {
        return emit_faces_of_word(edges, active, to);
    }
};

}  // namespace
