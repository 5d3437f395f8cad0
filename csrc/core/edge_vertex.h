// SPDX-License-Identifier: MIT
// The inside rule and the position of a vertex on its edge, for every sample type.
#pragma once

#include "cube.h"

namespace mc {

// float16 and bfloat16 travel as their bits; `SampleType` says how to read them.
struct f16 {
    u16 bits;
};
struct bf16 {
    u16 bits;
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

template <class T>
MC_HD bool inside(T sample, typename SampleType<T>::Real level) {
    return SampleType<T>::read(sample) < level;
}

// Where the level is met between samples `a` (the edge's lower end) and `b`, as a fraction of the edge.
// Infinite samples can make 0/0 of it: such a vertex sits in the middle.
template <class Real>
MC_HD Real edge_fraction(Real a, Real b, Real level) {
    const Real t = (level - a) / (b - a);
    if (t != t) return Real(0.5);
    return t < Real(0) ? Real(0) : t > Real(1) ? Real(1) : t;
}

}  // namespace mc
