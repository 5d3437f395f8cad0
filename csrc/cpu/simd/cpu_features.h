// SPDX-License-Identifier: MIT
// What this machine's CPU and operating system run. Asked of CPUID itself: the compilers' own question
// (__builtin_cpu_supports) is answered "no" by runtimes that never fill its table in, and MSVC has none.
#pragma once

namespace mc::cpu {

bool cpu_runs_avx2();    // with BMI, BMI2, POPCNT, LZCNT, F16C
bool cpu_runs_avx512();  // F, BW, DQ, VL, VBMI, VBMI2, BITALG, VPOPCNTDQ, and all of the above

}  // namespace mc::cpu
