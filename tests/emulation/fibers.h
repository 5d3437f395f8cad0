// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "emulated_gpu.h"

namespace emulated {

// Runs `kernel` once a thread of every block, one block after the other.
void launch(unsigned blocks, int threads, const std::function<void()>& kernel);

}  // namespace emulated
