// SPDX-License-Identifier: MIT
#include "samples.h"

#include <algorithm>
#include <limits>
#include <mutex>

#include "../core/float8.h"

namespace mc::cpu {

namespace {

// Calls work(T()) for the type of a dtype's samples.
template <class Work>
void with_type(Dtype dtype, const Work& work) {
    switch (dtype) {
        case Dtype::kFloat32:
            return work(float());
        case Dtype::kFloat64:
        case Dtype::kWhole:
            return work(double());
        case Dtype::kFloat16:
            return work(f16());
        case Dtype::kBFloat16:
            return work(bf16());
        case Dtype::kUInt8:
            return work(u8());
        case Dtype::kInt8:
            return work(i8());
        case Dtype::kInt16:
            return work(i16());
        case Dtype::kInt32:
            return work(i32());
        case Dtype::kBool:
            return work(truth());
        case Dtype::kInt64:
            return work(i64());
        case Dtype::kUInt16:
            return work(u16());
        case Dtype::kUInt32:
            return work(u32());
        case Dtype::kUInt64:
            return work(u64());
        case Dtype::kFloat8E4M3Fn:
            return work(float8_e4m3fn());
        case Dtype::kFloat8E4M3FnUz:
            return work(float8_e4m3fnuz());
        case Dtype::kFloat8E5M2:
            return work(float8_e5m2());
        case Dtype::kFloat8E5M2FnUz:
            return work(float8_e5m2fnuz());
        case Dtype::kFloat8E8M0FnU:
            return work(float8_e8m0fnu());
    }
}

// A sample as a number: itself, or the float that its bits stand for.
template <class T>
T number(T v) {
    return v;
}
inline u8 number(truth v) { return v.byte ? 1 : 0; }
inline float number(f16 v) { return widen(v); }
inline float number(bf16 v) { return widen(v); }
inline float number(float8_e4m3fn v) { return widen(v); }
inline float number(float8_e4m3fnuz v) { return widen(v); }
inline float number(float8_e5m2 v) { return widen(v); }
inline float number(float8_e5m2fnuz v) { return widen(v); }
inline float number(float8_e8m0fnu v) { return widen(v); }

// Calls work(row, its first sample's number in C order) for the rows [begin, end).
template <class T, class Work>
void for_rows(const Samples& samples, i64 begin, i64 end, const Work& work) {
    const i64* side = samples.sides;
    const i64* stride = samples.strides;
    for (i64 r = begin; r < end; ++r) {
        const i64 y = r % side[2], z = r / side[2] % side[1], c = r / side[2] / side[1];
        work(static_cast<const T*>(samples.data) + c * stride[0] + z * stride[1] + y * stride[2],
             r * side[3]);
    }
}

i64 rows_of(const Samples& samples) { return samples.sides[3] ? samples.count() / samples.sides[3] : 0; }

template <class From, class To>
void pack_row(const From* row, i64 n, i64 stride, To* to) {
    if (stride == 1)  // of which compilers make vector code
        for (i64 x = 0; x < n; ++x) to[x] = static_cast<To>(number(row[x]));
    else
        for (i64 x = 0; x < n; ++x) to[x] = static_cast<To>(number(row[x * stride]));
}

template <class To>
void pack_as(const Samples& samples, To* to, Team& team) {
    with_type(samples.dtype, [&](auto type) {
        using From = decltype(type);
        team.for_each(rows_of(samples), [&](i64 begin, i64 end) {
            for_rows<From>(samples, begin, end, [&](const From* row, i64 first) {
                pack_row(row, samples.sides[3], samples.strides[3], to + first);
            });
        });
    });
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Survey kNothingSeen{0, -1, kInfinity, -kInfinity};

// Least and greatest, lane by lane: compilers make vector code of that. NaN is neither.
template <class Number>
struct Extremes {
    static constexpr int kLanes = 16;
    using Limits = std::numeric_limits<Number>;
    Number low[kLanes], high[kLanes];

    Extremes() {
        std::fill_n(low, kLanes, Limits::has_infinity ? Limits::infinity() : Limits::max());
        std::fill_n(high, kLanes, Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
    }
    void see(Number v, int lane) {
        low[lane] = v < low[lane] ? v : low[lane];
        high[lane] = v > high[lane] ? v : high[lane];
    }
    double least() const { return static_cast<double>(*std::min_element(low, low + kLanes)); }
    double greatest() const { return static_cast<double>(*std::max_element(high, high + kLanes)); }
};

template <class T>
void survey_row(const T* row, i64 n, i64 stride, i64 first, Survey& seen) {
    using Number = decltype(number(T()));
    constexpr int kLanes = Extremes<Number>::kLanes;
    Extremes<Number> extremes;
    i64 nans = 0, x = 0;
    if (stride == 1)
        for (; x + kLanes <= n; x += kLanes)
            for (int k = 0; k < kLanes; ++k) {
                const Number v = number(row[x + k]);
                extremes.see(v, k);
                nans += v != v;
            }
    for (; x < n; ++x) {
        const Number v = number(row[x * stride]);
        extremes.see(v, 0);
        nans += v != v;
    }
    for (x = 0; nans > 0 && seen.first_nan < 0; ++x)
        if (const Number v = number(row[x * stride]); v != v) seen.first_nan = first + x;
    seen.nans += nans;
    if (n == nans) return;
    seen.low = std::min(seen.low, extremes.least());
    seen.high = std::max(seen.high, extremes.greatest());
}

Survey both(const Survey& a, const Survey& b) {
    const bool a_first = b.nans == 0 || (a.nans > 0 && a.first_nan < b.first_nan);
    return {a.nans + b.nans, a_first ? a.first_nan : b.first_nan, std::min(a.low, b.low),
            std::max(a.high, b.high)};
}

}  // namespace

bool Samples::is_contiguous() const {
    i64 step = 1;
    for (int axis = 3; axis >= 0; --axis) {
        if (sides[axis] != 1 && strides[axis] != step) return false;
        step *= sides[axis];
    }
    return true;
}

Buffer<char> pack(const Samples& samples, Dtype to, Team& team) {
    const auto bytes = static_cast<std::size_t>(samples.count() * kDtypeBytes[static_cast<int>(to)]);
    Buffer<char> packed(bytes);
    void* const data = packed.data();
    if (to == Dtype::kFloat32)
        pack_as(samples, static_cast<float*>(data), team);
    else if (to == Dtype::kInt32)
        pack_as(samples, static_cast<i32*>(data), team);
    else
        pack_as(samples, static_cast<double*>(data), team);
    return packed;
}

Volume readable(const Volume& volume, Team& team, Buffer<char>& packed) {
    const Dtype to = read_as(volume.dtype);
    if (to == volume.dtype) return volume;
    const i64 nz = volume.nz, ny = volume.ny, nx = volume.nx;
    packed = pack(
        {volume.data, volume.dtype, {1, nz, ny, nx}, {0, volume.stride_z, volume.stride_y, volume.stride_x}},
        to, team);
    return {packed.data(), to, nz, ny, nx, ny * nx, nx, 1};
}

Survey survey(const Samples& samples, int threads) {
    Survey all = kNothingSeen;
    std::mutex lock;
    Team team(threads_worth(samples.count(), kPackingShare, threads));
    with_type(samples.dtype, [&](auto type) {
        using T = decltype(type);
        team.for_each(rows_of(samples), [&](i64 begin, i64 end) {
            Survey seen = kNothingSeen;
            for_rows<T>(samples, begin, end, [&](const T* row, i64 first) {
                survey_row(row, samples.sides[3], samples.strides[3], first, seen);
            });
            const std::lock_guard<std::mutex> guard(lock);
            all = both(all, seen);
        });
    });
    return all;
}

}  // namespace mc::cpu
