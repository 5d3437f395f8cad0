// SPDX-License-Identifier: MIT
// Arithmetic as the mesh is defined by, whatever the calling thread has chosen: subnormal numbers kept
// (torch.set_flush_denormal drops them), rounding to nearest, no traps.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#elif defined(_M_ARM64) && !defined(__aarch64__)
#include <intrin.h>
#elif !defined(__aarch64__)
#include <cfenv>
#endif

#include "../core/host_device.h"

namespace mc::cpu {

// Sets the thread's mode, and gives it back what it had at the end of the scope.
class FloatMode {
public:
    FloatMode(const FloatMode&) = delete;
    FloatMode& operator=(const FloatMode&) = delete;

#if defined(__x86_64__) || defined(_M_X64)
    FloatMode() : before_(_mm_getcsr()) { _mm_setcsr(kAllMasked); }
    ~FloatMode() { _mm_setcsr(before_); }

private:
    static constexpr u32 kAllMasked = 0x1f80;  // MXCSR as a process starts with it
    u32 before_;
#elif defined(__aarch64__) || defined(_M_ARM64)
    FloatMode() : before_(read()) { write(0); }
    ~FloatMode() { write(before_); }

private:
#if !defined(__aarch64__)  // Microsoft's compiler
    static constexpr int kFpcr = 0x5a20;  // its number for the register
    static u64 read() { return static_cast<u64>(_ReadStatusReg(kFpcr)); }
    static void write(u64 mode) { _WriteStatusReg(kFpcr, static_cast<i64>(mode)); }
#else
    static u64 read() {
        u64 mode;
        __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
        return mode;
    }
    static void write(u64 mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory"); }
#endif
    u64 before_;
#else
    FloatMode() {
        std::fegetenv(&before_);
        std::fesetenv(FE_DFL_ENV);
    }
    ~FloatMode() { std::fesetenv(&before_); }

private:
    std::fenv_t before_;
#endif
};

}  // namespace mc::cpu
