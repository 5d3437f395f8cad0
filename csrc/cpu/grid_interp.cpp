// SPDX-License-Identifier: MIT
// Trilinear interpolation at many points. The points come in any order, so nearly every sample is a cache
// miss: a batch of points is located first and its samples are asked for, then the values are computed.
#include "grid_interp.h"

#include "../core/trilinear.h"
#include "float_mode.h"

namespace mc::cpu {

namespace {

constexpr i64 kBatch = 32;
constexpr i64 kThreadPoints = 1 << 13;  // below this a thread costs more to start than it saves

inline void prefetch(const void* at) {
#if defined(_MSC_VER)
    (void)at;
#else
    __builtin_prefetch(at);
#endif
}

template <class Real>
void interpolate_batch(const Channels<Real>& volume, const Real* points, i64 count, Real* values) {
    const i64 channel = volume.nz * volume.ny * volume.nx;
    Trilinear<Real> at[kBatch];
    for (i64 p = 0; p < count; ++p) {
        at[p] = trilinear_at(points + 3 * p, volume.nz, volume.ny, volume.nx);
        for (i64 c = 0; c < volume.channels; ++c) {
            const Real* first = volume.samples + c * channel + at[p].base;
            prefetch(first);
            prefetch(first + at[p].step_y);
            prefetch(first + at[p].step_z);
            prefetch(first + at[p].step_z + at[p].step_y);
        }
    }
    for (i64 p = 0; p < count; ++p)
        for (i64 c = 0; c < volume.channels; ++c) *values++ = at[p].value(volume.samples + c * channel);
}

}  // namespace

template <class Real>
void grid_interp(const Channels<Real>& volume, const Real* points, i64 count, Real* values, int threads) {
    const FloatMode exact;
    const i64 batches = (count + kBatch - 1) / kBatch;
    if (count < threads * kThreadPoints) threads = static_cast<int>(1 + count / kThreadPoints);
    Team(threads).for_each(batches, [&](i64 begin, i64 end) {
        for (i64 b = begin; b < end; ++b) {
            const i64 first = b * kBatch, size = count - first < kBatch ? count - first : kBatch;
            interpolate_batch(volume, points + 3 * first, size, values + first * volume.channels);
        }
    });
}

namespace {

template <class Real>
void interpolate_any(const Samples& volume, const Samples& points, void* values, int threads) {
    const Contiguous<Real> samples(volume, threads), at(points, threads);
    const i64* side = volume.sides;
    grid_interp<Real>({samples.data(), side[0], side[1], side[2], side[3]}, at.data(), points.sides[2],
                      static_cast<Real*>(values), threads);
}

}  // namespace

void grid_interp(const Samples& volume, const Samples& points, void* values, int threads) {
    const auto interpolate =
        volume.dtype == Dtype::kFloat64 ? interpolate_any<double> : interpolate_any<float>;
    interpolate(volume, points, values, threads);
}

template void grid_interp(const Channels<float>&, const float*, i64, float*, int);
template void grid_interp(const Channels<double>&, const double*, i64, double*, int);

}  // namespace mc::cpu
