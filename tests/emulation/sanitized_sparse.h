// SPDX-License-Identifier: MIT
// Grids that are known in places, for sanitized.cpp.
#pragma once

#include <random>

#include "../../csrc/cuda/kernels.h"

// Cells and blocks on both backends: the same bytes, and trouble seen by both.
bool equal_blocks(const mc::cuda::Kernels& kernels, std::mt19937& random);

// Functions evaluated where their surface is: the dense grid's mesh; and signs filled in.
bool fields_are_complete();
