// SPDX-License-Identifier: MIT
#pragma once

#include <pybind11/pybind11.h>

// Adds the CUDA backend's names to the compiled module.
void bind_cuda(pybind11::module_& m);
