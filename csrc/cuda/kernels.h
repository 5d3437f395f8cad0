// SPDX-License-Identifier: MIT
// The compiled kernels on one device.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

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

constexpr const char* kDtypeNames[kDtypes] = {"float32", "float64", "float16", "bfloat16",
                                              "uint8",   "int8",    "int16",   "int32"};

constexpr unsigned kDtypeBytes[kDtypes] = {4, 8, 2, 2, 1, 1, 2, 4};

// Places for the totals in the host's memory, where the kernels write them and the host reads them: one for
// every call under way.
class TotalsPool {
public:
    // A place of its own, all 0, for as long as it lives.
    class Lease {
    public:
        explicit Lease(TotalsPool& pool) : pool_(pool), totals_(pool.take()) {}
        ~Lease() { pool_.give(totals_); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Totals* get() const { return totals_; }

    private:
        TotalsPool& pool_;
        Totals* totals_;
    };

    explicit TotalsPool(const Driver& driver) : driver_(driver) {}

private:
    Totals* take();  // with the device's context current
    void give(Totals* totals);

    const Driver& driver_;
    std::mutex mutex_;
    std::vector<Totals*> free_;
};

// The kernels loaded for a device, for the rest of the process, with all functions looked up: nothing is
// loaded later, in the middle of a stream's capture.
class Kernels {
public:
    // `image` is a cubin, or PTX ending in 0. Throws DriverError, and then leaves nothing loaded;
    // ImageRefused where the driver will never take this image on this device.
    Kernels(int device_ordinal, const std::string& image);

    const Driver& driver() const { return driver_; }
    Context context() const { return context_; }
    TotalsPool& totals() const { return *totals_; }

    Function classify[kDtypes], classify_flat[kDtypes], count, scan, emit[kDtypes], grid_interp[2];
    // Of requests that are not plain, and of faces that are int64: by whether they are computed in float64,
    // and by whether the vertices are such.
    Function select[2], find_cells, count_used, emit_used[2];
    Function normals[2];                                // by whether the vertices are float64
    Function dual_count, dual_vertices[2], dual_faces;  // by whether they are computed in float64
    Function gradient, gradient_sums, gradient_points;
    Function sparse_fill, sparse_count, sparse_emit;

private:
    void load(const std::string& image);
    void find_functions(Library library);

    const Driver& driver_;
    Context context_ = nullptr;
    std::unique_ptr<TotalsPool> totals_;
};

}  // namespace mc::cuda
