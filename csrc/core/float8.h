// SPDX-License-Identifier: MIT
// The floats of eight bits, which travel as their bits, and what they are worth.
#pragma once

#include "edge_vertex.h"

namespace mc {

// Sign, exponent, mantissa from the highest bit on; `kBias` is what the exponent counts from.
template <int kMantissa, int kBias>
struct float8 {
    u8 bits;

    // Exact for every value; NaN and infinity are the formats' own affair.
    MC_HD float finite() const {
        const u32 magnitude = bits & 0x7fu;
        const float value =
            magnitude >> kMantissa
                ? same_bits<float>((magnitude << (23 - kMantissa)) + (u32(127 - kBias) << 23))
                : static_cast<float>(magnitude) * same_bits<float>(u32(128 - kBias - kMantissa) << 23);
        return bits & 0x80u ? -value : value;
    }
};

struct float8_e4m3fn : float8<3, 7> {};     // no infinity
struct float8_e4m3fnuz : float8<3, 8> {};   // nor a negative zero: NaN takes its place
struct float8_e5m2 : float8<2, 15> {};      // the upper byte of a float16
struct float8_e5m2fnuz : float8<2, 16> {};  // as e4m3fnuz
struct float8_e8m0fnu {                     // an exponent alone
    u8 bits;
};

MC_HD float quiet_nan() { return same_bits<float>(0x7fc00000u); }

MC_HD float widen(float8_e4m3fn v) { return (v.bits & 0x7fu) == 0x7fu ? quiet_nan() : v.finite(); }
MC_HD float widen(float8_e4m3fnuz v) { return v.bits == 0x80u ? quiet_nan() : v.finite(); }
MC_HD float widen(float8_e5m2 v) { return widen(f16{static_cast<u16>(v.bits << 8)}); }
MC_HD float widen(float8_e5m2fnuz v) { return v.bits == 0x80u ? quiet_nan() : v.finite(); }
MC_HD float widen(float8_e8m0fnu v) {
    if (v.bits == 0xffu) return quiet_nan();
    return same_bits<float>(v.bits ? static_cast<u32>(v.bits) << 23 : 0x00400000u);
}

}  // namespace mc
