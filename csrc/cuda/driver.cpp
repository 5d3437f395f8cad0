// SPDX-License-Identifier: MIT
#include "driver.h"

#include <cstdlib>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace mc::cuda {

namespace {

constexpr Result kOutOfMemory = 2;
// Invalid image, no image for the device, invalid PTX, PTX newer than the driver, no compiler of PTX, such
// compiling switched off, a kernel that the image lacks.
constexpr Result kRefusals[] = {200, 209, 218, 221, 222, 223, 500};
constexpr int kInterface = 12000;  // the CUDA version whose entry points are asked for

#if defined(_WIN32)
constexpr const char* kLibrary = "nvcuda.dll";

void* open_library(const std::string& name, std::string& why) {
    // A name alone is looked for in the system's folder, where the driver is, and not where the program runs.
    const DWORD where = name == kLibrary ? LOAD_LIBRARY_SEARCH_SYSTEM32 : 0;
    void* library = reinterpret_cast<void*>(LoadLibraryExA(name.c_str(), nullptr, where));
    if (!library) why = "error " + std::to_string(GetLastError());
    return library;
}

void* symbol(void* library, const char* name) {
    return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}
#else
constexpr const char* kLibrary = "libcuda.so.1";

void* open_library(const std::string& name, std::string& why) {
    void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) why = dlerror();
    return library;
}

void* symbol(void* library, const char* name) { return dlsym(library, name); }
#endif

using GetProcAddress_t = Result (*)(const char* name, void** function, int version, u64 flags, void* status);

// Looks one entry point up through the driver's own directory, which gives the version asked for.
template <class Call>
void find(GetProcAddress_t get, const char* name, Call& call) {
    void* function = nullptr;
    if (get(name, &function, kInterface, 0, nullptr) != 0 || !function)
        throw DriverError(std::string("the NVIDIA driver is too old: it has no ") + name);
    call = reinterpret_cast<Call>(function);
}

Driver open_driver() {
    const char* named = std::getenv("TORCHMCUBES_LIBCUDA");
    const std::string name = named && *named ? named : kLibrary;
    std::string why;
    void* library = open_library(name, why);
    if (!library) throw DriverError("no NVIDIA driver: " + why);
    const auto get = reinterpret_cast<GetProcAddress_t>(symbol(library, "cuGetProcAddress_v2"));
    if (!get) throw DriverError("the NVIDIA driver is too old: " + name + " has no cuGetProcAddress");
    Driver d{};
    find(get, "cuInit", d.init);
    find(get, "cuGetErrorString", d.get_error_string);
    find(get, "cuDeviceGet", d.device_get);
    find(get, "cuDevicePrimaryCtxRetain", d.retain_primary_context);
    find(get, "cuDevicePrimaryCtxRelease", d.release_primary_context);
    find(get, "cuCtxPushCurrent", d.push_context);
    find(get, "cuCtxPopCurrent", d.pop_context);
    find(get, "cuLibraryLoadData", d.load_library);
    find(get, "cuLibraryUnload", d.unload_library);
    find(get, "cuLibraryGetKernel", d.get_kernel);
    find(get, "cuKernelGetFunction", d.get_function);
    find(get, "cuLaunchKernel", d.launch);
    find(get, "cuMemHostAlloc", d.allocate_host);
    find(get, "cuStreamSynchronize", d.synchronize);
    find(get, "cuStreamIsCapturing", d.is_capturing);
    d.check(d.init(0), "cuInit");
    return d;
}

}  // namespace

void Driver::check(Result result, const char* call) const {
    if (result == 0) return;
    const char* text = nullptr;
    get_error_string(result, &text);
    const std::string message = std::string(call) + ": " + (text ? text : "unknown error") + " (CUDA error " +
                                std::to_string(result) + ")";
    if (result == kOutOfMemory) throw OutOfMemory(message);
    for (const Result refusal : kRefusals)
        if (result == refusal) throw ImageRefused(message);
    throw DriverError(message);
}

const Driver& driver() {
    static const Driver opened = open_driver();
    return opened;
}

}  // namespace mc::cuda
