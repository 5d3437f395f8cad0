// SPDX-License-Identifier: MIT
// The inside rule and the position of a vertex on its edge, for every sample type.
#pragma once

#include "cube.h"

#if defined(__FAST_MATH__) || defined(_M_FP_FAST) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "NaN, infinities and exact rounding are needed: no -ffast-math, -ffinite-math-only, -Ofast, /fp:fast"
#endif

namespace mc {

// float16 and bfloat16 travel as their bits; `SampleType` says how to read them.
struct f16 {
    u16 bits;
};
struct bf16 {
    u16 bits;
};

// A bool: every byte but 0 is true.
struct truth {
    u8 byte;
};
// A wide integer, rounded to what float64 holds.
struct whole {
    double value;
};

template <class To, class From>
MC_HD To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "sizes differ");
    union {
        From from;
        To to;
    } pun;
    pun.from = from;
    return pun.to;
}

MC_HD float widen(bf16 v) { return same_bits<float>(static_cast<u32>(v.bits) << 16); }

// IEEE half to float, exact for every value; subnormal halves are normalised by the subtraction.
MC_HD float widen(f16 v) {
    const u32 sign = static_cast<u32>(v.bits & 0x8000u) << 16, magnitude = v.bits & 0x7fffu;
    if (magnitude >= 0x7c00u) return same_bits<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
    if (magnitude >= 0x0400u) return same_bits<float>(sign | ((magnitude << 13) + 0x38000000u));
    const float tiny = same_bits<float>(0x38800000u | magnitude << 13) - same_bits<float>(0x38800000u);
    return sign ? -tiny : tiny;
}

// How a sample of type T is computed with: `Real` is the type of t and of the coordinates, `Coord`
// the type of the vertices that come out.
template <class T>
struct SampleType {
    using Real = float;
    using Coord = float;
    MC_HD static Real read(T v) { return static_cast<Real>(v); }
};
template <>
struct SampleType<f16> {
    using Real = float;
    using Coord = float;
    MC_HD static Real read(f16 v) { return widen(v); }
};
template <>
struct SampleType<bf16> {
    using Real = float;
    using Coord = float;
    MC_HD static Real read(bf16 v) { return widen(v); }
};
template <>
struct SampleType<double> {
    using Real = double;
    using Coord = double;
    MC_HD static Real read(double v) { return v; }
};
template <>
struct SampleType<i32> {  // 32 bits of integer do not fit float32's 24
    using Real = double;
    using Coord = float;
    MC_HD static Real read(i32 v) { return static_cast<Real>(v); }
};

template <>
struct SampleType<truth> {
    using Real = float;
    using Coord = float;
    MC_HD static Real read(truth v) { return v.byte ? 1.0f : 0.0f; }
};
template <>
struct SampleType<whole> {
    using Real = double;
    using Coord = float;
    MC_HD static Real read(whole v) { return v.value; }
};

template <class T>
MC_HD bool inside(T sample, typename SampleType<T>::Real level) {
    return SampleType<T>::read(sample) < level;
}

// Part of an edge, from its lower end: `part` of the difference `whole` of its samples.
template <class Real>
MC_HD Real fraction_of(Real part, Real whole) {
    const Real t = part / whole;
    return t < Real(0) ? Real(0) : t > Real(1) ? Real(1) : t;
}

// Is the difference of an edge's samples beyond the type? One of them is infinite then, or both are huge.
template <class Real>
MC_HD bool is_beyond(Real whole) {
    return whole - whole != Real(0);
}

// edge_fraction of such a pair: the halves of huge samples are exact, and so is what their difference is of
// the edge. Infinite samples can make 0/0 of it: such a vertex sits in the middle.
template <class Real>
MC_HD Real fraction_of_halves(Real a, Real b, Real level) {
    const Real half = Real(0.5), t = fraction_of(half * level - half * a, half * b - half * a);
    return t != t ? half : t;
}

// Where the level is met between samples `a` (the edge's lower end) and `b`, as a fraction of the edge.
template <class Real>
MC_HD Real edge_fraction(Real a, Real b, Real level) {
    const Real whole = b - a;
    return is_beyond(whole) ? fraction_of_halves(a, b, level) : fraction_of(level - a, whole);
}

}  // namespace mc
