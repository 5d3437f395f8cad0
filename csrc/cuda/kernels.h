// SPDX-License-Identifier: MIT
// The compiled kernels on one device.
#pragma once

#include <string>

#include "driver.h"
#include "job.h"

namespace mc::cuda {

// Makes a device's primary context current for as long as it lives, and the former one again afterwards.
class ContextGuard {
public:
    ContextGuard(const Driver& driver, Context context);
    ~ContextGuard();
    ContextGuard(const ContextGuard&) = delete;
    ContextGuard& operator=(const ContextGuard&) = delete;

private:
    const Driver& driver_;
};

// A module loaded into a device's primary context, for the rest of the process, with all its functions
// looked up: nothing is loaded later, in the middle of a stream's capture.
class Kernels {
public:
    static constexpr int kDtypes = 8;  // in the order of kDtypeNames

    // `image` is a cubin, or PTX ending in 0. Throws DriverError, and then leaves nothing loaded.
    Kernels(int device_ordinal, const std::string& image);

    const Driver& driver() const { return driver_; }
    Context context() const { return context_; }

    Function classify[kDtypes], count, scan, emit_vertices[kDtypes], emit_faces[2], grid_interp[2];

private:
    void load(const std::string& image);
    void find_functions(Module module);

    const Driver& driver_;
    Context context_ = nullptr;
};

constexpr const char* kDtypeNames[Kernels::kDtypes] = {"float32", "float64", "float16", "bfloat16",
                                                       "uint8",   "int8",    "int16",   "int32"};

}  // namespace mc::cuda
