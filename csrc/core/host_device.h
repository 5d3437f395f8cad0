// SPDX-License-Identifier: MIT
// What differs between the compilers that read csrc/core: g++/clang/MSVC on the host, NVRTC or nvcc
// for the GPU, and g++ again for the emulated GPU of the tests. No other file asks which one it is.
#pragma once

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define MC_HD __host__ __device__ __forceinline__
#define MC_ON_GPU 1
#elif defined(_MSC_VER)
#include <intrin.h>
#define MC_HD inline
#define MC_ON_GPU 0
#else
#define MC_HD inline
#define MC_ON_GPU 0
#endif

// Before a loop that ends after few rounds: compilers unroll it, and then look for what is left over.
#if MC_ON_GPU
#define MC_SHORT_LOOP _Pragma("unroll 1")
#else
#define MC_SHORT_LOOP
#endif

namespace mc {

// NVRTC brings no <cstdint>; these sizes hold for every compiler and platform served.
using u8 = unsigned char;
using i8 = signed char;
using u16 = unsigned short;
using i16 = short;
using u32 = unsigned int;
using i32 = int;
using u64 = unsigned long long;
using i64 = long long;
static_assert(sizeof(u16) == 2 && sizeof(u32) == 4 && sizeof(u64) == 8, "unexpected integer sizes");

MC_HD int popcount(u32 w) {
#if MC_ON_GPU
    return __popc(w);
#elif defined(_MSC_VER)
    return static_cast<int>(__popcnt(w));
#else
    return __builtin_popcount(w);
#endif
}

MC_HD int popcount(u64 w) {
#if MC_ON_GPU
    return __popcll(w);
#elif defined(_MSC_VER)
    return static_cast<int>(__popcnt64(w));
#elif defined(__x86_64__) && !defined(__POPCNT__)
    // Where the instruction may not be used, the builtin is a call into the compiler's library. Sums of two
    // bits, of four, of eight; the product adds the eight bytes.
    w -= w >> 1 & 0x5555555555555555;
    w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
    w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return static_cast<int>(w * 0x0101010101010101 >> 56);
#else
    return __builtin_popcountll(w);
#endif
}

// Position of the lowest set bit; `w` must not be 0.
MC_HD int lowest_bit(u32 w) {
#if MC_ON_GPU
    return __ffs(static_cast<int>(w)) - 1;
#elif defined(_MSC_VER)
    unsigned long at;
    _BitScanForward(&at, w);
    return static_cast<int>(at);
#else
    return __builtin_ctz(w);
#endif
}

MC_HD int lowest_bit(u64 w) {
#if MC_ON_GPU
    return __ffsll(static_cast<long long>(w)) - 1;
#elif defined(_MSC_VER)
    unsigned long at;
    _BitScanForward64(&at, w);
    return static_cast<int>(at);
#else
    return __builtin_ctzll(w);
#endif
}

// Rounded to the nearest, as IEEE 754 has it.
MC_HD double square_root(double v) {
#if MC_ON_GPU
    return __dsqrt_rn(v);
#elif defined(_MSC_VER)
    return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(v)));
#else
    return __builtin_sqrt(v);
#endif
}

}  // namespace mc
