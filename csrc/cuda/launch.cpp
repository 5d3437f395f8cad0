// SPDX-License-Identifier: MIT
#include "launch.h"

#include <cstdint>
#include <limits>
#include <stdexcept>

#include "../core/word.h"
#include "layout.h"

namespace mc::cuda {

namespace {

// See `quotient`: exact for all numbers below 2^31.
Divisor divisor(i64 by) {
    Divisor d{static_cast<u32>(by), 0, 0};
    while ((u64(1) << d.shift) < d.by) ++d.shift;
    d.multiplier = static_cast<u32>((((u64(1) << d.shift) - d.by) << 32) / d.by + 1);
    return d;
}

// Most segments own nothing, so a warp of stage 4 looks at several, as long as enough warps are left to fill
// a large GPU twice.
u32 emit_run(i64 segments) {
    constexpr i64 kWarps = 8192;
    u32 run = 1;
    while (run < kMostEmitRun && segments / (2 * run) >= kWarps) run *= 2;
    return run;
}

// What a job has of a batch, and of results of a fixed size.
void add_batch(const Request& request, Job& job) {
    job.volumes = static_cast<u32>(request.volumes);
    job.stride_volume = request.stride, job.mask_stride_volume = request.mask_stride;
    job.levels = request.levels;
    job.tiles = has_cells(job) ? count_blocks(job) : 0;
    job.offsets = request.offsets;
    job.fixed = request.totals ? 1 : 0;
    job.max_vertices = request.max_vertices, job.max_triangles = request.max_triangles;
}

// The grid's sides, and all of a job that follows from them.
Job sized(const Request& request) {
    Volume v = request.volume;
    Job job{};
    job.volume_nz = v.nz, job.volume_ny = v.ny, job.volume_nx = v.nx;
    job.border = request.closed ? 1 : 0;
    job.skip_nan = request.skip_nan ? 1 : 0;
    job.mask = request.mask.data;
    job.mask_stride_z = request.mask.stride_z;
    job.mask_stride_y = request.mask.stride_y;
    job.mask_stride_x = request.mask.stride_x;
    job.selects = request.selects() ? 1 : 0;
    v.nz += 2 * job.border, v.ny += 2 * job.border, v.nx += 2 * job.border;
    const i64 volume_planes = v.nz;
    if (v.nz > std::numeric_limits<int>::max() / request.volumes)
        throw std::length_error("vol must have fewer than 2^31 planes on a GPU");
    v.nz *= request.volumes;
    job.samples = v.data;
    job.dtype = static_cast<u32>(v.dtype);
    job.stride_z = v.stride_z, job.stride_y = v.stride_y, job.stride_x = v.stride_x;
    job.level64 = v.level;
    job.level32 = static_cast<float>(v.level);
    const i64 row_words = divided_up(v.nx, kWordBits);
    if (v.ny > (kMostPlaneWords - kTileWords) / row_words)
        throw std::length_error(
            "vol must have planes of fewer than 2^36 samples on a GPU, rows counted in whole 32s");
    const i64 segments = divided_up(v.ny * row_words, kSegmentWords);
    if (segments > (kMostSegments - 1) / v.nz)
        throw std::length_error("vol must have fewer than 2^41 samples on a GPU, planes in whole 1024s");
    job.nz = static_cast<u32>(v.nz), job.ny = static_cast<u32>(v.ny), job.nx = v.nx;
    job.row_end = low_bits<u32>(v.nx - 1 - kWordBits * (row_words - 1));
    job.row_words = divisor(row_words);
    job.plane_tiles = divisor(divided_up(segments, kTileSegments));
    job.plane_classify_blocks = divisor(divided_up(segments, kThreads / 32));
    job.plane_segments = divisor(segments);
    job.segments = static_cast<u32>(v.nz * segments);
    job.emit_run = emit_run(v.nz * segments);
    job.plane_last_word = static_cast<u32>(v.ny * row_words - 1);
    job.plane_words = static_cast<u32>(segments * kSegmentWords);
    job.volume_planes = divisor(volume_planes);
    add_batch(request, job);
    return job;
}

std::size_t place_arrays(Job& job, bool is_plain, void* scratch) {
    const i64 nz = job.nz, tiles = nz * job.plane_tiles.by, segments = job.segments;
    const i64 words = segments * kSegmentWords;
    Layout layout(scratch);
    layout.take(job.bits, words);
    layout.take(job.kinds, segments);
    layout.take(job.ranks, words);
    layout.take(job.active, segments);
    layout.take(job.triangles, segments);
    layout.take(job.vertex_tiles, 2 * tiles);
    layout.take(job.triangle_tiles, tiles);
    if (!is_plain) layout.take(job.cells, words);
    return layout.used();
}

// Are the samples of all volumes inside or not by one rule, and their strides those of one volume?
bool is_alike(const Request& request) {
    const Volume& v = request.volume;
    const bool is_one = request.volumes == 1 || request.stride == v.nz * v.stride_z;
    return is_one && !request.selects() && !request.closed && !request.levels;
}

// Is the volume one run of samples that `classify_flat` takes?
bool is_flat(const Volume& v) {
    const auto aligned = reinterpret_cast<std::uintptr_t>(v.data) % (4 * kDtypeBytes[v.dtype]) == 0;
    return aligned && v.stride_x == 1 && v.stride_y == v.nx && v.stride_z == v.nx * v.ny &&
           v.nx % kWordBits == 0 && v.nx * v.ny % kSegmentSamples == 0;
}

i64 classify_blocks(const Job& job, bool flat) {
    return flat ? divided_up(job.segments, kThreads / 32)
                : static_cast<i64>(job.nz) * job.plane_classify_blocks.by;
}

}  // namespace

std::size_t scratch_bytes(const Request& request) {
    Job job = sized(request);
    return place_arrays(job, request.is_plain(), nullptr);
}

Job lay_out(const Request& request, void* scratch) {
    Job job = sized(request);
    place_arrays(job, request.is_plain(), scratch);
    return job;
}

std::size_t plane_array_bytes(const Job& job) {
    Layout layout(nullptr);
    u32* words;
    layout.take(words, static_cast<i64>(job.nz) * job.plane_words);
    return layout.used();
}

bool has_cells(const Job& job) { return job.volume_planes.by > 1 && job.ny > 1 && job.nx > 1; }

i64 count_blocks(const Job& job) { return static_cast<i64>(job.nz) * job.plane_tiles.by; }

i64 emit_blocks(const Job& job) {
    return divided_up(job.segments, static_cast<i64>(job.emit_run) * (kEmitThreads / 32));
}

void launch_bytes(const Kernels& kernels, Stream stream, Function function, const void* parameter, i64 blocks,
                  int threads) {
    if (blocks > std::numeric_limits<int>::max())
        throw DriverError("the volume needs " + std::to_string(blocks) +
                          " blocks, more than a GPU's grid holds");
    void* parameters[] = {const_cast<void*>(parameter)};
    const Driver& driver = kernels.driver();
    driver.check(driver.launch(function, static_cast<unsigned>(blocks), 1, 1, static_cast<unsigned>(threads),
                               1, 1, 0, stream, parameters, nullptr),
                 "cuLaunchKernel");
}

void refuse_capture(const Driver& driver, Stream stream) {
    int capturing = 0;
    driver.check(driver.is_capturing(stream, &capturing), "cuStreamIsCapturing");
    if (capturing)
        throw DriverError(
            "marching_cubes cannot be captured into a CUDA graph: the mesh's size is read on the way");
}

void read_totals(const Totals& totals, Plan& plan) {
    plan.has_nan = (totals.flags & kHasNan) != 0;
    if (plan.has_nan) return;
    plan.vertices = totals.vertices;
    plan.triangles = totals.triangles;
}

void launch_classify(const Plan& plan, const Request& request) {
    const Kernels& kernels = *plan.kernels;
    const auto queue = [&](Function function, bool flat) {
        launch(kernels, plan.stream, function, plan.job, classify_blocks(plan.job, flat), kThreads);
    };
    if (is_alike(request)) {
        const bool flat = is_flat(request.volume);
        queue((flat ? kernels.classify_flat : kernels.classify)[plan.dtype], flat);
    } else {
        queue(kernels.select[plan.dtype == kFloat64 || plan.dtype == kInt32], false);
    }
    if (!plan.is_plain && has_cells(plan.job)) queue(kernels.find_cells, false);
}

void launch_emit(const Plan& plan, const Job& job) {
    const Kernels& kernels = *plan.kernels;
    const Function function = plan.is_plain && !job.wide_faces ? kernels.emit[plan.dtype]
                                                               : kernels.emit_used[plan.dtype == kFloat64];
    launch(kernels, plan.stream, function, job, emit_blocks(job), kEmitThreads);
}

}  // namespace mc::cuda
