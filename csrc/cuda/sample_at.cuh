// SPDX-License-Identifier: MIT
// Samples of kernels that serve several types, which they are told at run time.
#pragma once

#include "../core/edge_vertex.h"
#include "warp.cuh"

namespace mc::cuda {

template <class Real>
MC_HD Real level_as(const Job& job) {
    if constexpr (sizeof(Real) == sizeof(float))
        return job.level32;
    else
        return job.level64;
}

template <class Real>
MC_HD Real level_of(const Job& job, u32 volume) {
    return job.levels ? static_cast<Real>(job.levels[volume]) : level_as<Real>(job);
}

// The types of 8 and 16 bits have one kernel, which is told at run time what it reads: in a whole call it
// reads each vertex's two samples only, and an eighth type of kernel costs more in a wheel than a branch
// here.
struct Narrow {};

template <class T>
struct EmitType : SampleType<T> {
    static constexpr bool kAsked = false;
};
template <>
struct EmitType<Narrow> : SampleType<u8> {
    static constexpr bool kAsked = true;
};

// What requests read: all types that are computed with in float32, and those in float64. Their kernels are
// few, since each weighs some kilobytes in every cubin.
struct Single {};
struct Double {};

template <>
struct EmitType<Single> : SampleType<float> {
    static constexpr bool kAsked = true;
};
template <>
struct EmitType<Double> : SampleType<double> {
    static constexpr bool kAsked = true;
};

template <class T, class Other>
constexpr bool kSame = false;
template <class T>
constexpr bool kSame<T, T> = true;

template <class T>
MC_HD typename EmitType<T>::Real sample_at(const Job& job, i64 at) {
    const auto as = [&](auto type) {
        using Type = decltype(type);
        return SampleType<Type>::read(static_cast<const Type*>(job.samples)[at]);
    };
    if constexpr (!EmitType<T>::kAsked)
        return as(T{});
    else if constexpr (kSame<T, Double>)
        return job.dtype == kInt32 ? as(i32{}) : as(double{});
    else if (kSame<T, Single> && job.dtype == kFloat32)
        return as(float{});
    else if (job.dtype == kFloat16)
        return as(f16{});
    else if (job.dtype == kBfloat16)
        return as(bf16{});
    else if (job.dtype == kUint8)
        return as(u8{});
    else if (job.dtype == kInt8)
        return as(i8{});
    else
        return as(i16{});
}

}  // namespace mc::cuda
