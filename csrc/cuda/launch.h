// SPDX-License-Identifier: MIT
// Grids, blocks, and where each array lies in the scratch memory.
#pragma once

#include "pipeline.h"

namespace mc::cuda {

// The job of a request, its arrays laid into `scratch`; its totals are yet to be placed.
Job lay_out(const Request& request, void* scratch);

// Bytes of an array with a number for each word of the grid.
std::size_t plane_array_bytes(const Job& job);

bool has_cells(const Job& job);

i64 count_blocks(const Job& job);
i64 emit_blocks(const Job& job);

void launch_bytes(const Kernels& kernels, Stream stream, Function function, const void* parameter, i64 blocks,
                  int threads);

// Queues a kernel whose one parameter is `job`.
template <class AnyJob>
void launch(const Kernels& kernels, Stream stream, Function function, const AnyJob& job, i64 blocks,
            int threads) {
    launch_bytes(kernels, stream, function, &job, blocks, threads);
}

// Asked before anything is queued: a wait inside a capture would spoil the whole of it.
void refuse_capture(const Driver& driver, Stream stream);

// Queues what `queue` does and waits for it, also where one of its kernels cannot be queued: what is queued
// by then writes to the totals.
template <class Queue>
void wait_for(const Kernels& kernels, Stream stream, const Queue& queue) {
    try {
        queue();
    } catch (...) {
        kernels.driver().synchronize(stream);
        throw;
    }
    kernels.driver().check(kernels.driver().synchronize(stream), "cuStreamSynchronize");
}

// What the host has read: the mesh's size, or that there is a NaN.
void read_totals(const Totals& totals, Plan& plan);

// Stage 1: queues whichever of its kernels the plan's volume needs.
void launch_classify(const Plan& plan, const Request& request);

// Stage 4, likewise; `job` is the plan's, which knows by now where the results go.
void launch_emit(const Plan& plan, const Job& job);

}  // namespace mc::cuda
