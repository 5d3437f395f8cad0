// SPDX-License-Identifier: MIT
// Marching cubes on a GPU: prepare, allocate exactly, emit. The memory is the caller's, the work runs on the
// caller's stream, and the only wait is for the totals.
#pragma once

#include "kernels.h"

namespace mc::cuda {

// What is extracted from; addresses are the device's.
struct Volume {
    const void* data;                  // sample (0, 0, 0)
    int dtype;                         // an index of kDtypeNames
    i64 nz, ny, nx;                    // samples a side, >= 1
    i64 stride_z, stride_y, stride_x;  // in samples
    double level;
};

// Which samples count, a byte each, 0 where one does not; of the volume's shape. No data: all do.
struct Mask {
    const u8* data = nullptr;
    i64 stride_z = 0, stride_y = 0, stride_x = 0;  // in bytes
};

// What a call asks; see cpu/request.h.
struct Request {
    Volume volume;
    Mask mask{};
    bool skip_nan = false;
    bool closed = false;
    // Volumes of one shape, each so far after the one before it, in samples; likewise their masks, in bytes.
    i64 volumes = 1, stride = 0, mask_stride = 0;
    const double* levels = nullptr;  // (volumes), the device's; null: the volume's for all
    i64* offsets = nullptr;          // (2, volumes + 1), the device's, or null: see Job
    // Where it is not null the results have a fixed size and nothing is waited for: the device's, all 0.
    Totals* totals = nullptr;
    i64 max_vertices = 0, max_triangles = 0;

    bool selects() const { return mask.data || skip_nan; }
    bool is_plain() const { return !selects() && !closed && volumes == 1; }
};

// Scratch memory that prepare and emit need, in bytes; to be aligned to 256. Throws std::length_error where a
// plane has 2^31 words of 32 samples or more.
std::size_t scratch_bytes(const Request& request);

// A counted volume. Its scratch memory and samples stay as they are until emit's work is done on the stream.
struct Plan {
    const Kernels* kernels;
    Stream stream;
    int dtype;
    bool is_plain;
    Job job;
    i64 vertices, triangles;
    bool has_nan;  // then there are no vertices and triangles
};

// Stages 1 to 3. Where the request has totals of its own that is all, and the plan knows no counts. Else it
// waits for the stream, once, for the totals; so it throws on a stream that is being captured,
// and leaves the capture as it was. A grid without cells is only looked through for NaN.
Plan prepare(const Kernels& kernels, Stream stream, const Request& request, void* scratch);

// Stage 4: queues the writing of (vertices, 3) coordinates (double for a float64 volume, else float) and
// (triangles, 3) indices (int64 where `wide_faces`, else int32), and returns at once.
void emit(const Plan& plan, void* verts, void* faces, bool wide_faces);

// Queues trilinear interpolation; `is_double` says what the job's pointers point to.
void grid_interp(const Kernels& kernels, Stream stream, const InterpolateJob& job, bool is_double);

}  // namespace mc::cuda
