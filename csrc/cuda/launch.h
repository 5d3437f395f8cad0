// SPDX-License-Identifier: MIT
// Grids, blocks, and where each array lies in the scratch memory.
#pragma once

#include "pipeline.h"

namespace mc::cuda {

// The job of a request, its arrays laid into `scratch`; its totals are yet to be placed.
Job lay_out(const Request& request, void* scratch);

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

// Stage 1: queues whichever of its kernels the plan's volume needs.
void launch_classify(const Plan& plan, const Request& request);

// Stage 4, likewise; `job` is the plan's, which knows by now where the results go.
void launch_emit(const Plan& plan, const Job& job);

}  // namespace mc::cuda
