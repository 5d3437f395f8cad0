// SPDX-License-Identifier: MIT
// Compiled for the platform's baseline: it decides whether the files beside it may run at all.
#include "cpu_features.h"

#include "../../core/host_device.h"

#if defined(__x86_64__) || defined(_M_X64)
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#else
#include <cpuid.h>
#endif

namespace {

using mc::u32;
using mc::u64;

struct Registers {
    u32 eax, ebx, ecx, edx;
};

// All zero where the CPU has no such leaf.
Registers cpuid(u32 leaf) {
    Registers r{};
#if defined(_MSC_VER) && !defined(__clang__)
    int out[4];
    __cpuid(out, static_cast<int>(leaf & 0x80000000u));
    if (static_cast<u32>(out[0]) < leaf) return r;
    __cpuidex(out, static_cast<int>(leaf), 0);
    r = {static_cast<u32>(out[0]), static_cast<u32>(out[1]), static_cast<u32>(out[2]),
         static_cast<u32>(out[3])};
#else
    __get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);
#endif
    return r;
}

constexpr u32 bits() { return 0; }
template <class... More>
constexpr u32 bits(int first, More... more) {
    return 1u << first | bits(more...);
}

bool all_of(u32 word, u32 wanted) { return (word & wanted) == wanted; }

// The registers the operating system saves at a switch; asked only where XGETBV exists (OSXSAVE).
u32 saved_registers() {
    constexpr u32 kOsxsave = bits(27);
    if (!all_of(cpuid(1).ecx, kOsxsave)) return 0;
#if defined(_MSC_VER) && !defined(__clang__)
    return static_cast<u32>(_xgetbv(0));
#else
    u32 low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
#endif
}

}  // namespace

namespace mc::cpu {

bool cpu_runs_avx2() {
    return all_of(saved_registers(), bits(1, 2)) &&   // XMM, YMM
           all_of(cpuid(1).ecx, bits(23, 28, 29)) &&  // POPCNT, AVX, F16C
           all_of(cpuid(7).ebx, bits(3, 5, 8)) &&     // BMI, AVX2, BMI2
           all_of(cpuid(0x80000001u).ecx, bits(5));   // LZCNT
}

bool cpu_runs_avx512() {
    return cpu_runs_avx2() && all_of(saved_registers(), bits(5, 6, 7)) &&  // masks, ZMM
           all_of(cpuid(7).ebx, bits(16, 17, 30, 31)) &&                   // F, DQ, BW, VL
           all_of(cpuid(7).ecx, bits(1, 6, 12, 14));                       // VBMI, VBMI2, BITALG, VPOPCNTDQ
}

}  // namespace mc::cpu
#else
namespace mc::cpu {
bool cpu_runs_avx2() { return false; }
bool cpu_runs_avx512() { return false; }
}  // namespace mc::cpu
#endif
