// SPDX-License-Identifier: MIT
// Stage 1: which samples are inside. A warp takes up to 32 words of one row; each sample is read once,
// neighbouring lanes read neighbouring samples, and a ballot makes the word.
#pragma once

#include "../core/edge_vertex.h"
#include "warp.cuh"

namespace mc::cuda {

constexpr int kLoadsInFlight = 8;

template <class Real>
MC_HD Real level_as(const Job& job) {
    if constexpr (sizeof(Real) == sizeof(float))
        return job.level32;
    else
        return job.level64;
}

// One warp a run of 32 words of a row: the grid has nz * ny * ceil(row_words / 32) warps, at least.
template <class T>
MC_HD void classify(const Job& job) {
    using Real = typename SampleType<T>::Real;
    const i64 runs = (job.row_words + 31) / 32, run = global_warp();
    const i64 row = run / runs, first = run % runs * 32;
    if (row >= job.nz * job.ny) return;
    const i64 z = row / job.ny, y = row % job.ny;
    const Real level = level_as<Real>(job);
    const T* samples = static_cast<const T*>(job.samples) + z * job.stride_z + y * job.stride_y;
    const i64 words = job.row_words - first < 32 ? job.row_words - first : 32;
    u32 mine = 0;  // the word of this lane
    bool nan = false;
    for (i64 w = 0; w < words; w += kLoadsInFlight) {
        Real sample[kLoadsInFlight];
        for (int k = 0; k < kLoadsInFlight; ++k) {
            const i64 x = (first + w + k) * kWordBits + lane();
            sample[k] = x < job.nx ? SampleType<T>::read(samples[x * job.stride_x]) : level;
        }
        for (int k = 0; k < kLoadsInFlight; ++k) {
            const u32 word = __ballot_sync(kWholeWarp, sample[k] < level);
            if (lane() == w + k) mine = word;
            nan |= sample[k] != sample[k];
        }
    }
    if (lane() < words) job.bits[word_number(job, z, y, first + lane())] = mine;
    if (nan) atomicOr(&job.totals->flags, kHasNan);
}

}  // namespace mc::cuda
