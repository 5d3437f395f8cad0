// SPDX-License-Identifier: MIT
// The kernels by name. What they do stands in the stage files; this file is what NVRTC compiles.
#include "grid_interp.cuh"
#include "stage1_classify.cuh"
#include "stage2_count.cuh"
#include "stage3_scan.cuh"
#include "stage4_emit.cuh"

using namespace mc;
using namespace mc::cuda;

#define MC_KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads)

MC_KERNEL(kThreads) mc_count(const Job job) { count(job); }
MC_KERNEL(kScanThreads) mc_scan(const Job job) { scan(job); }
MC_KERNEL(kThreads) mc_emit_faces_int32(const Job job) { emit_faces<i32>(job); }
MC_KERNEL(kThreads) mc_emit_faces_int64(const Job job) { emit_faces<i64>(job); }
MC_KERNEL(kThreads) mc_grid_interp_float32(const InterpolateJob job) { grid_interp<float>(job); }
MC_KERNEL(kThreads) mc_grid_interp_float64(const InterpolateJob job) { grid_interp<double>(job); }

#define MC_FOR_SAMPLES(Type, name)                                                 \
    MC_KERNEL(kThreads) mc_classify_##name(const Job job) { classify<Type>(job); } \
    MC_KERNEL(kThreads) mc_emit_vertices_##name(const Job job) { emit_vertices<Type>(job); }

MC_FOR_SAMPLES(float, float32)
MC_FOR_SAMPLES(double, float64)
MC_FOR_SAMPLES(f16, float16)
MC_FOR_SAMPLES(bf16, bfloat16)
MC_FOR_SAMPLES(u8, uint8)
MC_FOR_SAMPLES(i8, int8)
MC_FOR_SAMPLES(i16, int16)
MC_FOR_SAMPLES(i32, int32)
