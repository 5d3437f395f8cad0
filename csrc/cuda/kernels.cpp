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

// Pinned memory is never given back: a page holds 128 calls at a time.
Totals* TotalsPool::take() {
    constexpr std::size_t kPage = 4096;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) {
        void* page = nullptr;
        driver_.check(driver_.allocate_host(&page, kPage, kHostPortable | kHostMapped), "cuMemHostAlloc");
        for (std::size_t k = 0; k < kPage / sizeof(Totals); ++k)
            free_.push_back(static_cast<Totals*>(page) + k);
    }
    Totals* const taken = free_.back();
    free_.pop_back();
    *taken = Totals{};
    return taken;
}

void TotalsPool::give(Totals* totals) {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(totals);
}

Kernels::Kernels(int device_ordinal, const std::string& image)
    : driver_(cuda::driver()), totals_(std::make_unique<TotalsPool>(driver_)) {
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
    Library library;
    driver_.check(driver_.load_library(&library, image.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
                  "cuLibraryLoadData");
    try {
        find_functions(library);
        const TotalsPool::Lease first(*totals_);  // pinned now, and not while a stream is being captured
    } catch (...) {
        driver_.unload_library(library);
        throw;
    }
}

void Kernels::find_functions(Library library) {
    // A kernel of a library runs in the context of the stream it is queued on; asking for its function in
    // this one loads it there now.
    const auto find = [&](const std::string& name) {
        Function kernel, function;
        driver_.check(driver_.get_kernel(&kernel, library, name.c_str()), "cuLibraryGetKernel");
        driver_.check(driver_.get_function(&function, kernel), "cuKernelGetFunction");
        return kernel;
    };
    const auto emits = [](int dtype) {
        const bool wide = dtype == kFloat32 || dtype == kFloat64 || dtype == kInt32;
        return std::string(wide ? kDtypeNames[dtype] : "narrow");
    };
    for (int k = 0; k < static_cast<int>(kDtypes); ++k) {
        classify[k] = find(std::string("mc_classify_") + kDtypeNames[k]);
        classify_flat[k] = find(std::string("mc_classify_flat_") + kDtypeNames[k]);
        emit[k] = find("mc_emit_int32_" + emits(k));
    }
    select[0] = find("mc_select_float32");
    select[1] = find("mc_select_float64");
    find_cells = find("mc_find_cells");
    count = find("mc_count");
    count_used = find("mc_count_used");
    emit_used[0] = find("mc_emit_used_float32");
    emit_used[1] = find("mc_emit_used_float64");
    normals[0] = find("mc_normals_float32");
    normals[1] = find("mc_normals_float64");
    scan = find("mc_scan");
    dual_count = find("mc_dual_count");
    dual_vertices[0] = find("mc_dual_vertices_float32");
    dual_vertices[1] = find("mc_dual_vertices_float64");
    dual_faces = find("mc_dual_faces");
    gradient = find("mc_gradient");
    gradient_sums = find("mc_gradient_sums");
    gradient_points = find("mc_gradient_points");
    sparse_fill = find("mc_sparse_fill");
    sparse_count = find("mc_sparse_count");
    sparse_emit = find("mc_sparse_emit");
    grid_interp[0] = find("mc_grid_interp_float32");
    grid_interp[1] = find("mc_grid_interp_float64");
}

}  // namespace mc::cuda
