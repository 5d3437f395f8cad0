// SPDX-License-Identifier: MIT
// Stage 1: which samples are inside. A warp makes a segment, 32 words; each sample is read once, and
// neighbouring lanes read neighbouring samples.
#pragma once

#include "sample_at.cuh"

namespace mc::cuda {

constexpr int kLoadsInFlight = 16;

// All that find a NaN write the same.
MC_HD void report_nan(const Job& job, bool found) {
    if (found) job.totals->flags = kHasNan;
}

// What a segment's samples are, of which a lane knows a word: where all are alike stage 2 has nothing to do.
MC_HD void note_kind(const Job& job, u32 segment, u32 word) {
    const u32 inside = __ballot_sync(kWholeWarp, word != 0), outside = __ballot_sync(kWholeWarp, word != ~0u);
    if (lane() != 0) return;
    job.kinds[segment] = static_cast<u8>((inside ? kSomeInside : 0u) | (outside ? kSomeOutside : 0u));
}

// Any strides and sides: a word is the ballot of 32 samples. Every plane has blocks of its own.
template <class T>
MC_HD void classify(const Job& job) {
    using Real = typename SampleType<T>::Real;
    const WarpSegment segment(job.plane_classify_blocks, kThreads / 32);
    if (segment.of_plane >= job.plane_segments.by) return;
    const Real level = level_as<Real>(job);
    // A lane knows one word: where its samples begin, and how many there are.
    const WordPlace own(job, segment.of_plane * kSegmentWords + static_cast<u32>(lane()));
    const i64 x = static_cast<i64>(own.w) * kWordBits;
    const i64 left = own.y < job.ny ? job.nx - x : 0;
    const int size = left < kWordBits ? static_cast<int>(left) : kWordBits;
    const i64 start = segment.z * job.stride_z + own.y * job.stride_y + x * job.stride_x;
    const T* const samples = static_cast<const T*>(job.samples) + lane() * job.stride_x;
    u32 mine = 0;
    bool nan = false;
    for (int first = 0; first < kSegmentWords; first += kLoadsInFlight) {
        Real sample[kLoadsInFlight];
        for (int k = 0; k < kLoadsInFlight; ++k) {
            const i64 from = __shfl_sync(kWholeWarp, start, first + k);
            const int there = __shfl_sync(kWholeWarp, size, first + k);
            sample[k] = lane() < there ? SampleType<T>::read(samples[from]) : level;
        }
        for (int k = 0; k < kLoadsInFlight; ++k) {
            const u32 word = __ballot_sync(kWholeWarp, sample[k] < level);
            if (lane() == first + k) mine = word;
            nan |= sample[k] != sample[k];
        }
    }
    plane_of(job, job.bits, segment.z)[own.number] = mine;
    note_kind(job, segment.number(job), mine);
    report_nan(job, nan);
}

// Four samples that one load brings.
template <class T>
struct alignas(4 * sizeof(T)) Four {
    T sample[4];
};

// Four samples' inside-bits, the first of them at bit `shift`.
template <class T>
MC_HD u32 inside_bits(const Job& job, const Four<T>& four, int shift, bool& nan) {
    using Real = typename SampleType<T>::Real;
    const Real level = level_as<Real>(job);
    Real v[4];
    for (int k = 0; k < 4; ++k) v[k] = SampleType<T>::read(four.sample[k]);
    nan |= (v[0] != v[0]) | (v[1] != v[1]) | (v[2] != v[2]) | (v[3] != v[3]);
    const u32 bit[4] = {1u << shift, 2u << shift, 4u << shift, 8u << shift};
    return (v[0] < level ? bit[0] : 0u) | (v[1] < level ? bit[1] : 0u) | (v[2] < level ? bit[2] : 0u) |
           (v[3] < level ? bit[3] : 0u);
}

// How many of the 256 values of an 8-bit type are below the level; `lowest` is its first.
MC_HD u32 values_below(float level, int lowest) {
    if (!(level > static_cast<float>(lowest))) return 0;
    if (level > static_cast<float>(lowest + 255)) return 256;
    return static_cast<u32>(static_cast<int>(ceilf(level)) - lowest);
}

// The inside-bits of four bytes counted from their type's lowest value, compared together.
MC_HD u32 bytes_below(u32 bytes, u32 limit) {
    constexpr u32 kHigh = 0x80808080u;
    if (limit > 255) return 15;
    const u32 limits = limit * 0x01010101u;
    const u32 low =
        (bytes | kHigh) - (limits & ~kHigh);  // a high bit is set where the seven below do not borrow
    const u32 below = ((~bytes & limits) | (~(bytes ^ limits) & ~low)) & kHigh;
    return (below >> 7) * 0x10204080u >> 28;  // the four high bits, side by side
}

MC_HD u32 inside_bits(const Job& job, const Four<u8>& four, int shift, bool&) {
    return bytes_below(same_bits<u32>(four), values_below(job.level32, 0)) << shift;
}

MC_HD u32 inside_bits(const Job& job, const Four<i8>& four, int shift, bool&) {
    return bytes_below(same_bits<u32>(four) ^ 0x80808080u, values_below(job.level32, -128)) << shift;
}

// Gives lane 8g + k the union of what the eight lanes from 8g on hold for k.
MC_HD u32 gather_in_eights(const u32 (&part)[8]) {
    u32 four[4], two[2];
    const auto halve = [](bool upper, u32 low, u32 high, int step) {
        return (upper ? high : low) | __shfl_xor_sync(kWholeWarp, upper ? low : high, step);
    };
    const bool by_4 = lane() & 4, by_2 = lane() & 2, by_1 = lane() & 1;
    for (int k = 0; k < 4; ++k) four[k] = halve(by_4, part[k], part[k + 4], 4);
    for (int k = 0; k < 2; ++k) two[k] = halve(by_2, four[k], four[k + 2], 2);
    return halve(by_1, two[0], two[1], 1);
}

// A volume without gaps whose rows are whole words and whose planes are whole segments is one run of samples:
// a lane takes four at a time, and no place is computed.
template <class T>
MC_HD void classify_flat(const Job& job) {
    const u32 segment = blockIdx.x * (kThreads / 32) + threadIdx.x / 32;
    if (segment >= job.segments) return;
    const Four<T>* const from =
        static_cast<const Four<T>*>(job.samples) + static_cast<i64>(segment) * (kSegmentSamples / 4) + lane();
    Four<T> run[8];
    for (int k = 0; k < 8; ++k) run[k] = from[32 * k];
    u32 part[8];
    bool nan = false;
    for (int k = 0; k < 8; ++k) part[k] = inside_bits(job, run[k], 4 * (lane() % 8), nan);
    const u32 word = gather_in_eights(part);
    job.bits[static_cast<i64>(segment) * kSegmentWords + 4 * (lane() % 8) + lane() / 8] = word;
    note_kind(job, segment, word);
    report_nan(job, nan);
}

}  // namespace mc::cuda
