// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "emulated_gpu.h"

namespace emulated {

// Runs `kernel` once a thread of every block, block after block.
void launch(unsigned blocks, int threads, const std::function<void()>& kernel);

}  // namespace emulated
