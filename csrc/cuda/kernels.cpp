// SPDX-License-Identifier: MIT
#include "kernels.h"

namespace mc::cuda {

ContextGuard::ContextGuard(const Driver& driver, Context context) : driver_(driver) {
    driver_.check(driver_.push_context(context), "cuCtxPushCurrent");
}

ContextGuard::~ContextGuard() {
    Context popped;
    driver_.pop_context(&popped);
}

Kernels::Kernels(int device_ordinal, const std::string& image) : driver_(cuda::driver()) {
    Device device;
    driver_.check(driver_.device_get(&device, device_ordinal), "cuDeviceGet");
    // Once loaded, retained and never released, as the framework does: it lives as long as the process.
    driver_.check(driver_.retain_primary_context(&context_, device), "cuDevicePrimaryCtxRetain");
    try {
        load(image);
    } catch (...) {
        driver_.release_primary_context(device);
        throw;
    }
}

void Kernels::load(const std::string& image) {
    const ContextGuard current(driver_, context_);
    Module module;
    driver_.check(driver_.load_module(&module, image.data()), "cuModuleLoadData");
    try {
        find_functions(module);
    } catch (...) {
        driver_.unload_module(module);
        throw;
    }
}

void Kernels::find_functions(Module module) {
    const auto find = [&](const std::string& name) {
        Function function;
        driver_.check(driver_.get_function(&function, module, name.c_str()), "cuModuleGetFunction");
        return function;
    };
    for (int k = 0; k < kDtypes; ++k) {
        classify[k] = find(std::string("mc_classify_") + kDtypeNames[k]);
        emit_vertices[k] = find(std::string("mc_emit_vertices_") + kDtypeNames[k]);
    }
    count = find("mc_count");
    scan = find("mc_scan");
    emit_faces[0] = find("mc_emit_faces_int32");
    emit_faces[1] = find("mc_emit_faces_int64");
    grid_interp[0] = find("mc_grid_interp_float32");
    grid_interp[1] = find("mc_grid_interp_float64");
}

}  // namespace mc::cuda
