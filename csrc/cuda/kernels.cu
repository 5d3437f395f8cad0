// SPDX-License-Identifier: MIT
// The kernels by name. What they do stands in the stage files; this file is what NVRTC compiles.
#include "dual_count.cuh"
#include "dual_faces.cuh"
#include "dual_vertices.cuh"
#include "gradient.cuh"
#include "grid_interp.cuh"
#include "grid_interp_gradient.cuh"
#include "normals.cuh"
#include "select.cuh"
#include "sparse_count.cuh"
#include "sparse_emit.cuh"
#include "sparse_fill.cuh"
#include "stage2_count.cuh"
#include "stage3_scan.cuh"
#include "stage4_emit.cuh"

using namespace mc;
using namespace mc::cuda;

#define MC_KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads)
// Told how many blocks of stage 4 are to fit, compilers take the registers that are left, and spill none.
// What computes in float32 leaves room for one more, what asks for types at run time takes that of one.
#define MC_EMIT_KERNEL(blocks) extern "C" __global__ void __launch_bounds__(kEmitThreads, blocks)

// Likewise of the dual mesh.
#define MC_DUAL_KERNEL extern "C" __global__ void __launch_bounds__(kThreads, 3)

MC_KERNEL(kThreads) mc_select_float32(const Job job) { select<Single>(job); }
MC_KERNEL(kThreads) mc_select_float64(const Job job) { select<Double>(job); }
MC_KERNEL(kThreads) mc_find_cells(const Job job) { find_cells(job); }
MC_KERNEL(kThreads) mc_count(const Job job) { count<false>(job); }
MC_KERNEL(kThreads) mc_count_used(const Job job) { count<true>(job); }
MC_KERNEL(kScanThreads) mc_scan(const Job job) { scan(job); }
MC_KERNEL(kThreads) mc_grid_interp_float32(const InterpolateJob job) { grid_interp<float>(job); }
MC_KERNEL(kThreads) mc_grid_interp_float64(const InterpolateJob job) { grid_interp<double>(job); }

#define MC_CLASSIFY(Type, name)                                                    \
    MC_KERNEL(kThreads) mc_classify_##name(const Job job) { classify<Type>(job); } \
    MC_KERNEL(kThreads) mc_classify_flat_##name(const Job job) { classify_flat<Type>(job); }

MC_CLASSIFY(float, float32)
MC_CLASSIFY(double, float64)
MC_CLASSIFY(f16, float16)
MC_CLASSIFY(bf16, bfloat16)
MC_CLASSIFY(u8, uint8)
MC_CLASSIFY(i8, int8)
MC_CLASSIFY(i16, int16)
MC_CLASSIFY(i32, int32)

#define MC_EMIT(Type, name, blocks) \
    MC_EMIT_KERNEL(blocks) mc_emit_int32_##name(const Job job) { emit<Type, i32, false>(job); }

MC_EMIT(float, float32, kEmitBlocks + 1)
MC_EMIT(double, float64, kEmitBlocks)
MC_EMIT(i32, int32, kEmitBlocks)
MC_EMIT(Narrow, narrow, kEmitBlocks + 1)

MC_EMIT_KERNEL(kEmitBlocks - 1) mc_emit_used_float32(const Job job) { emit<Single, i64, true>(job); }
MC_EMIT_KERNEL(kEmitBlocks - 1) mc_emit_used_float64(const Job job) { emit<double, i64, true>(job); }

MC_EMIT_KERNEL(kNormalBlocks) mc_normals_float32(const Job job) { normals<Single>(job); }
MC_EMIT_KERNEL(kNormalBlocks) mc_normals_float64(const Job job) { normals<double>(job); }

MC_DUAL_KERNEL mc_dual_count(const DualJob job) { count_dual(job); }
MC_EMIT_KERNEL(kEmitBlocks) mc_dual_vertices_float32(const DualJob job) { emit_dual_vertices<Single>(job); }
MC_EMIT_KERNEL(kEmitBlocks) mc_dual_vertices_float64(const DualJob job) { emit_dual_vertices<Double>(job); }
MC_EMIT_KERNEL(kEmitBlocks) mc_dual_faces(const DualJob job) { emit_dual_faces(job); }

MC_EMIT_KERNEL(kNormalBlocks) mc_gradient(const GradientJob job) { gather(job); }
MC_KERNEL(kThreads) mc_gradient_points(const PointsJob job) { gradient_by_points(job); }
MC_KERNEL(kThreads) mc_gradient_sums(const SumJob job) { add_up(job); }

extern "C" __global__ void __launch_bounds__(kThreads, 4) mc_sparse_fill(const SparseJob job) { fill(job); }
MC_KERNEL(kThreads) mc_sparse_count(const SparseJob job) { count_sparse(job); }
MC_EMIT_KERNEL(kEmitBlocks) mc_sparse_emit(const SparseJob job) { emit_sparse(job); }
