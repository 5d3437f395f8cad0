// SPDX-License-Identifier: MIT
// The part of the CUDA driver that is used, opened when first asked for. Nothing is linked: the package
// imports, and says what is missing, on a machine without a GPU.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include "../core/host_device.h"

namespace mc::cuda {

// The driver's own types, as far as their size goes.
using Result = int;
using Device = int;
struct OpaqueContext;
struct OpaqueLibrary;
struct OpaqueFunction;
struct OpaqueStream;
using Context = OpaqueContext*;
using Library = OpaqueLibrary*;
using Function = OpaqueFunction*;
using Stream = OpaqueStream*;
using DevicePointer = u64;

// A call of the driver that failed, in the driver's words.
class DriverError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// The GPU's memory is full; the caller turns it into the framework's own error.
class OutOfMemory : public DriverError {
public:
    using DriverError::DriverError;
};

// The driver takes no such image on this device, now or ever: none of its code is for it, or it cannot be
// read.
class ImageRefused : public DriverError {
public:
    using DriverError::DriverError;
};

constexpr unsigned kHostPortable = 1, kHostMapped = 2;

struct Driver {
    Result (*init)(unsigned flags);
    Result (*get_error_string)(Result error, const char** text);
    Result (*device_get)(Device* device, int ordinal);
    Result (*retain_primary_context)(Context* context, Device device);
    Result (*release_primary_context)(Device device);
    Result (*push_context)(Context context);
    Result (*pop_context)(Context* context);
    // Libraries, not modules: a kernel of theirs runs in whatever context its stream belongs to.
    Result (*load_library)(Library* library, const void* image, void* jit_options, void** jit_values,
                           unsigned jit_count, void* options, void** values, unsigned count);
    Result (*unload_library)(Library library);
    Result (*get_kernel)(Function* kernel, Library library, const char* name);
    Result (*get_function)(Function* function, Function kernel);
    Result (*launch)(Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                     unsigned block_y, unsigned block_z, unsigned shared_bytes, Stream stream,
                     void** parameters, void** extra);
    Result (*allocate_host)(void** memory, std::size_t bytes, unsigned flags);
    Result (*synchronize)(Stream stream);
    Result (*is_capturing)(Stream stream, int* status);

    // Throws where a call did not succeed, naming it and giving the driver's text.
    void check(Result result, const char* call) const;
};

// The driver, opened and initialised. Throws DriverError where there is none: it is looked for under the
// name in TORCHMCUBES_LIBCUDA where that is set, else as libcuda.so.1 or nvcuda.dll. A failed search is made
// again at the next call.
const Driver& driver();

}  // namespace mc::cuda
