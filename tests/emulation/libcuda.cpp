// SPDX-License-Identifier: MIT
// A libcuda of the few calls the package makes, whose GPU is emulated and whose memory is the host's. With
// TORCHMCUBES_LIBCUDA set to it, everything from Python down to the kernels runs as on a GPU.
#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <string>

#include "fibers.h"

#include MC_KERNELS

namespace {

using Kernel = void (*)(const void* parameter);

template <class AnyJob, void (*kKernel)(AnyJob)>
void call(const void* parameter) {
    kKernel(*static_cast<const AnyJob*>(parameter));
}

#define MC_ENTRY(name) {#name, call<Job, name>}
#define MC_DUAL_ENTRY(name) {#name, call<DualJob, name>}
#define MC_SPARSE_ENTRY(name) {#name, call<SparseJob, name>}
#define MC_CLASSIFIES(type) MC_ENTRY(mc_classify_##type), MC_ENTRY(mc_classify_flat_##type)
#define MC_EMITS(type) MC_ENTRY(mc_emit_int32_##type)

const std::map<std::string, Kernel> kKernels = {
    MC_CLASSIFIES(float32),
    MC_CLASSIFIES(float64),
    MC_CLASSIFIES(float16),
    MC_CLASSIFIES(bfloat16),
    MC_CLASSIFIES(uint8),
    MC_CLASSIFIES(int8),
    MC_CLASSIFIES(int16),
    MC_CLASSIFIES(int32),
    MC_ENTRY(mc_select_float32),
    MC_ENTRY(mc_select_float64),
    MC_ENTRY(mc_find_cells),
    MC_ENTRY(mc_count),
    MC_ENTRY(mc_count_used),
    MC_ENTRY(mc_scan),
    MC_EMITS(float32),
    MC_EMITS(float64),
    MC_EMITS(int32),
    MC_EMITS(narrow),
    MC_ENTRY(mc_emit_used_float32),
    MC_ENTRY(mc_emit_used_float64),
    MC_ENTRY(mc_normals_float32),
    MC_ENTRY(mc_normals_float64),
    MC_DUAL_ENTRY(mc_dual_count),
    MC_DUAL_ENTRY(mc_dual_vertices_float32),
    MC_DUAL_ENTRY(mc_dual_vertices_float64),
    MC_DUAL_ENTRY(mc_dual_faces),
    {"mc_gradient", call<GradientJob, mc_gradient>},
    {"mc_gradient_points", call<PointsJob, mc_gradient_points>},
    {"mc_gradient_sums", call<SumJob, mc_gradient_sums>},
    MC_SPARSE_ENTRY(mc_sparse_fill),
    MC_SPARSE_ENTRY(mc_sparse_count),
    MC_SPARSE_ENTRY(mc_sparse_emit),
    {"mc_grid_interp_float32", call<InterpolateJob, mc_grid_interp_float32>},
    {"mc_grid_interp_float64", call<InterpolateJob, mc_grid_interp_float64>},
};

// The call named in MC_EMULATED_FAULT fails, with the error after the colon: "cuLaunchKernel:2".
int fault(const char* name) {
    const char* wanted = std::getenv("MC_EMULATED_FAULT");
    const std::string prefix = std::string(name) + ":";
    return wanted && std::string(wanted).rfind(prefix, 0) == 0 ? std::atoi(wanted + prefix.size()) : 0;
}

int waits = 0;

// What is held now: contexts that are current, contexts retained, libraries loaded.
int held[3];

}  // namespace

extern "C" {

int cuInit(unsigned) { return fault("cuInit"); }

int cuGetErrorString(int error, const char** text) {
    *text = error == 2     ? "out of memory"
            : error == 700 ? "an illegal memory access was encountered"
                           : nullptr;
    return 0;
}

int cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return 0;
}

int cuCtxPushCurrent(void*) {
    ++held[0];
    return 0;
}

int cuCtxPopCurrent(void**) {
    --held[0];
    return 0;
}

int cuDevicePrimaryCtxRetain(void** context, int) {
    *context = &waits;
    ++held[1];
    return 0;
}

int cuDevicePrimaryCtxRelease(int) {
    --held[1];
    return 0;
}

int cuLibraryLoadData(void** library, const void* image, void*, void**, unsigned, void*, void**, unsigned) {
    if (const int error = fault("cuLibraryLoadData")) return error;
    *library = const_cast<void*>(image);
    ++held[2];
    return 0;
}

int cuLibraryUnload(void*) {
    --held[2];
    return 0;
}

int cuLibraryGetKernel(void** kernel, void*, const char* name) {
    if (const int error = fault("cuLibraryGetKernel")) return error;
    const auto found = kKernels.find(name);
    if (found == kKernels.end()) return 500;
    *kernel = reinterpret_cast<void*>(found->second);
    return 0;
}

int cuKernelGetFunction(void** function, void* kernel) {
    *function = kernel;
    return fault("cuKernelGetFunction");
}

int cuLaunchKernel(void* function, unsigned blocks, unsigned, unsigned, unsigned threads, unsigned, unsigned,
                   unsigned, void*, void** parameters, void**) {
    if (const int error = fault("cuLaunchKernel")) return error;
    emulated::launch(blocks, static_cast<int>(threads),
                     [&] { reinterpret_cast<Kernel>(function)(parameters[0]); });
    return 0;
}

int cuMemHostAlloc(void** memory, std::size_t bytes, unsigned) {
    if (const int error = fault("cuMemHostAlloc")) return error;
    *memory = std::malloc(bytes);
    std::memset(*memory, 0xab, bytes);
    return 0;
}

int cuStreamSynchronize(void*) {
    ++waits;
    return fault("cuStreamSynchronize");
}

// MC_EMULATED_FAULT="capturing:1": the stream is being captured.
int cuStreamIsCapturing(void*, int* status) {
    *status = fault("capturing");
    return fault("cuStreamIsCapturing");
}

int cuGetProcAddress_v2(const char* name, void** function, int, unsigned long long, void*) {
    *function = dlsym(RTLD_DEFAULT, name);
    Dl_info self;
    if (dladdr(reinterpret_cast<void*>(&cuInit), &self)) {
        if (void* library = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD)) *function = dlsym(library, name);
    }
    return *function ? 0 : 500;
}

// How often the host has waited for the device.
int mc_emulated_waits() { return waits; }

// Contexts that are current, contexts retained, libraries loaded.
const int* mc_emulated_held() { return held; }
}
