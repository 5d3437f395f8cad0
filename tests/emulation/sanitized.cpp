// SPDX-License-Identifier: MIT
// The whole CPU backend, and the CUDA one on the emulated GPU, under AddressSanitizer and UBSan: every buffer
// is a heap block of exactly the size asked for, and both must give the same bytes.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "../../csrc/cpu/batch.h"
#include "../../csrc/cpu/gradient.h"
#include "../../csrc/cpu/grid_interp.h"
#include "../../csrc/cpu/pipeline.h"
#include "../../csrc/cuda/gradient_pipeline.h"
#include "../../csrc/cuda/pipeline.h"
#include "sanitized_sparse.h"

using namespace mc;

namespace {

struct Mesh {
    std::vector<char> verts, faces;
    bool has_nan = false;

    bool operator==(const Mesh& other) const {
        return verts == other.verts && faces == other.faces && has_nan == other.has_nan;
    }
};

// Sides and strides, in samples.
struct Layout {
    i64 nz, ny, nx, stride_z, stride_y, stride_x;

    // Samples from the first to the last, both included.
    i64 extent() const { return (nz - 1) * stride_z + (ny - 1) * stride_y + (nx - 1) * stride_x + 1; }
};

Layout contiguous(i64 nz, i64 ny, i64 nx) { return {nz, ny, nx, ny * nx, nx, 1}; }
Layout transposed(i64 nz, i64 ny, i64 nx) { return {nz, ny, nx, 1, nz, nz * ny}; }
Layout sliced(i64 nz, i64 ny, i64 nx) { return {nz, ny, nx, 6 * ny * nx, 2 * nx + 3, 2}; }
Layout expanded(i64 nz, i64 ny, i64 nx) { return {nz, ny, nx, 0, nx, 1}; }

using Buffer = std::unique_ptr<char[]>;

// Exactly as many bytes as the layout reaches.
Buffer samples(const Layout& s, int dtype, std::mt19937& random) {
    const std::size_t count = static_cast<std::size_t>(s.extent()), bytes = cpu::kDtypeBytes[dtype];
    Buffer data(new char[count * bytes]);
    for (std::size_t k = 0; k < count; ++k) {
        const int value = static_cast<int>(random() % 7) - 2;
        const float as_float = static_cast<float>(value);
        const double as_double = value;
        const u16 as_half = value < 0 ? 0xc000 : dtype == 2 ? 0x3c00 : 0x3f80;
        const void* sample = &value;
        if (dtype == 0) sample = &as_float;
        if (dtype == 1) sample = &as_double;
        if (dtype == 2 || dtype == 3) sample = &as_half;
        std::memcpy(data.get() + k * bytes, sample, bytes);
    }
    return data;
}

template <class Plan>
Mesh space_for(const Plan& plan, int dtype, bool wide) {
    const i64 vertex = dtype == 1 ? 24 : 12, face = wide ? 24 : 12;
    return {std::vector<char>(static_cast<std::size_t>(plan.vertices * vertex)),
            std::vector<char>(static_cast<std::size_t>(plan.triangles * face))};
}

Mesh on_cpu(const void* data, const Layout& s, int dtype, int threads, bool wide) {
    const cpu::Volume volume{
        data, static_cast<cpu::Dtype>(dtype), s.nz, s.ny, s.nx, s.stride_z, s.stride_y, s.stride_x};
    const cpu::Plan plan = cpu::prepare({volume, 0.5}, threads);
    Mesh mesh = space_for(plan, dtype, wide);
    mesh.has_nan = plan.has_nan;
    if (!plan.has_nan) cpu::emit(plan, mesh.verts.data(), mesh.faces.data(), wide);
    return mesh;
}

Mesh on_gpu(const cuda::Kernels& kernels, const void* data, const Layout& s, int dtype, bool wide) {
    const cuda::Request request{{data, dtype, s.nz, s.ny, s.nx, s.stride_z, s.stride_y, s.stride_x, 0.5}};
    const Buffer scratch(new char[cuda::scratch_bytes(request)]);
    std::memset(scratch.get(), 0xab, cuda::scratch_bytes(request));  // nothing may count on zeros
    const cuda::Plan plan = cuda::prepare(kernels, nullptr, request, scratch.get());
    Mesh mesh = space_for(plan, dtype, wide);
    mesh.has_nan = plan.has_nan;
    if (!plan.has_nan) cuda::emit(plan, mesh.verts.data(), mesh.faces.data(), wide);
    return mesh;
}

bool equal_meshes(const cuda::Kernels& kernels, const void* data, const Layout& s, int dtype, bool has_nan) {
    for (const bool wide : {false, true}) {
        const Mesh want = on_cpu(data, s, dtype, 1, wide);
        if (want.has_nan == has_nan && on_cpu(data, s, dtype, 3, wide) == want &&
            on_gpu(kernels, data, s, dtype, wide) == want)
            continue;
        std::fprintf(stderr, "meshes differ: (%lld, %lld, %lld) %s\n", s.nz, s.ny, s.nx,
                     cpu::kDtypeNames[dtype]);
        return false;
    }
    return true;
}

bool equal_with_nan(const cuda::Kernels& kernels, std::mt19937& random) {
    const Layout s = sliced(3, 4, 37);
    for (const int dtype : {0, 1, 2, 3}) {
        const Buffer data = samples(s, dtype, random);
        const float as_float = std::numeric_limits<float>::quiet_NaN();
        const double as_double = as_float;
        const u16 as_half = 0x7fff;
        const void* nan = dtype == 0   ? &as_float
                          : dtype == 1 ? static_cast<const void*>(&as_double)
                                       : &as_half;
        const std::size_t bytes = cpu::kDtypeBytes[dtype];
        std::memcpy(data.get() + static_cast<std::size_t>(s.extent() - 1) * bytes, nan, bytes);
        if (!equal_meshes(kernels, data.get(), s, dtype, true)) return false;
    }
    return true;
}

// Three volumes one after the other, with all offsets; each backend's results are exactly of their size.
struct Batch {
    Mesh mesh;
    std::vector<i64> offsets;

    bool operator==(const Batch& other) const { return mesh == other.mesh && offsets == other.offsets; }
};

Batch batch_on_cpu(const void* data, const Layout& s, int dtype, int threads) {
    const cpu::Volume volume{
        data, static_cast<cpu::Dtype>(dtype), s.nz, s.ny, s.nx, s.stride_z, s.stride_y, s.stride_x};
    cpu::BatchPlan plan({{volume, 0}, s.nz * s.stride_z, 0, {0.5, 1.5, 2.5}}, threads, {});
    const struct {
        i64 vertices, triangles;
    } sizes{plan.vertices(), plan.faces()};
    Batch batch{space_for(sizes, dtype, false), std::vector<i64>(8)};
    cpu::emit_batch(plan, batch.mesh.verts.data(), batch.mesh.faces.data(), false);
    cpu::write_offsets(plan.begins, batch.offsets.data(), batch.offsets.data() + 4);
    return batch;
}

Batch batch_on_gpu(const cuda::Kernels& kernels, const void* data, const Layout& s, int dtype) {
    const std::vector<double> levels{0.5, 1.5, 2.5};
    Batch batch{{}, std::vector<i64>(8)};
    cuda::Request request{{data, dtype, s.nz, s.ny, s.nx, s.stride_z, s.stride_y, s.stride_x, 0.5}};
    request.volumes = 3, request.stride = s.nz * s.stride_z;
    request.levels = levels.data(), request.offsets = batch.offsets.data();
    const Buffer scratch(new char[cuda::scratch_bytes(request)]);
    std::memset(scratch.get(), 0xab, cuda::scratch_bytes(request));
    const cuda::Plan plan = cuda::prepare(kernels, nullptr, request, scratch.get());
    batch.mesh = space_for(plan, dtype, false);
    cuda::emit(plan, batch.mesh.verts.data(), batch.mesh.faces.data(), false);
    return batch;
}

bool equal_batches(const cuda::Kernels& kernels, std::mt19937& random) {
    for (const Layout& s :
         {contiguous(2, 2, 2), contiguous(3, 4, 37), contiguous(1, 3, 5), contiguous(2, 3, 70)})
        for (int dtype = 0; dtype < static_cast<int>(cuda::kDtypes); ++dtype) {
            const Buffer data = samples(contiguous(3 * s.nz, s.ny, s.nx), dtype, random);
            const Batch want = batch_on_cpu(data.get(), s, dtype, 1);
            if (batch_on_cpu(data.get(), s, dtype, 3) == want &&
                batch_on_gpu(kernels, data.get(), s, dtype) == want)
                continue;
            std::fprintf(stderr, "batches differ: (%lld, %lld, %lld) %s\n", s.nz, s.ny, s.nx,
                         cpu::kDtypeNames[dtype]);
            return false;
        }
    return true;
}

// By volume and level, or with `direction` how those and the vertices change.
template <class Real>
struct Found {
    std::vector<Real> volume, moved;
    double level;

    bool operator==(const Found& other) const {
        return volume == other.volume && moved == other.moved && level == other.level;
    }
};

template <class Real>
Found<Real> gradient_on_cpu(const cpu::Plan& plan, const Layout& s, const Real* verts,
                            const Real* direction) {
    Found<Real> found{std::vector<Real>(static_cast<std::size_t>(s.nz * s.ny * s.nx)),
                      std::vector<Real>(static_cast<std::size_t>(3 * plan.vertices)), 0};
    cpu::gradient(plan, {verts, 3, 1, found.volume.data(), &found.level, direction, 0.5,
                         direction ? found.moved.data() : nullptr});
    return found;
}

template <class Real>
Found<Real> gradient_on_gpu(const cuda::Kernels& kernels, const cuda::Request& request, const Real* verts,
                            const Real* direction) {
    const cuda::Volume& v = request.volume;
    const Buffer scratch(new char[cuda::scratch_bytes(request)]);
    const cuda::Plan plan = cuda::prepare(kernels, nullptr, request, scratch.get());
    std::vector<double> sums(static_cast<std::size_t>(cuda::gradient_sums(request)));
    Found<Real> found{std::vector<Real>(static_cast<std::size_t>(v.nz * v.ny * v.nx)),
                      std::vector<Real>(static_cast<std::size_t>(3 * plan.vertices)), 0};
    cuda::gradient(plan, {verts, 3, 1, sizeof(Real) == 8, found.volume.data(), sums.data(), direction, 0.5,
                          direction ? found.moved.data() : nullptr});
    found.level = sums[0];
    return found;
}

template <class Real>
bool equal_gradients(const cuda::Kernels& kernels, const void* data, const Layout& s, int dtype,
                     bool closed) {
    cpu::Request request{
        {data, static_cast<cpu::Dtype>(dtype), s.nz, s.ny, s.nx, s.stride_z, s.stride_y, s.stride_x}, 0.3};
    request.closed = closed;
    const cuda::Request on_gpu{
        {data, dtype, s.nz, s.ny, s.nx, s.stride_z, s.stride_y, s.stride_x, 0.3}, {}, false, closed};
    const cpu::Plan plan = cpu::prepare_gradient(request, 2);
    std::vector<Real> verts(static_cast<std::size_t>(3 * plan.vertices)),
        direction(static_cast<std::size_t>(s.nz * s.ny * s.nx));
    for (std::size_t k = 0; k < verts.size(); ++k) verts[k] = static_cast<Real>(k % 13) / 7;
    for (std::size_t k = 0; k < direction.size(); ++k) direction[k] = static_cast<Real>(k % 17) / 5;
    for (const Real* to : {static_cast<const Real*>(nullptr), static_cast<const Real*>(direction.data())})
        if (!(gradient_on_cpu(plan, s, verts.data(), to) ==
              gradient_on_gpu(kernels, on_gpu, verts.data(), to))) {
            std::fprintf(stderr, "gradients differ: (%lld, %lld, %lld) %s\n", s.nz, s.ny, s.nx,
                         cpu::kDtypeNames[dtype]);
            return false;
        }
    return true;
}

template <class Real>
bool equal_values(const cuda::Kernels& kernels, std::mt19937& random) {
    const i64 channels = 3, nz = 4, ny = 1, nx = 33, count = 300;
    const auto filled = [&](i64 size) {
        std::unique_ptr<Real[]> numbers(new Real[static_cast<std::size_t>(size)]);
        for (i64 k = 0; k < size; ++k)
            numbers[static_cast<std::size_t>(k)] = static_cast<Real>(random() % 900) / 20 - 5;
        return numbers;
    };
    const auto volume = filled(channels * nz * ny * nx), points = filled(3 * count);
    points[7] = std::numeric_limits<Real>::quiet_NaN();
    const auto want = filled(channels * count), got = filled(channels * count);
    cpu::grid_interp<Real>({volume.get(), channels, nz, ny, nx}, points.get(), count, want.get(), 2);
    const cuda::InterpolateJob job{volume.get(), points.get(), got.get(), channels, nz, ny, nx, count};
    cuda::grid_interp(kernels, nullptr, job, sizeof(Real) == 8);
    const bool equal =
        !std::memcmp(got.get(), want.get(), sizeof(Real) * static_cast<std::size_t>(channels * count));
    if (!equal) std::fputs("interpolated values differ\n", stderr);
    return equal;
}

}  // namespace

int main() {
    const cuda::Kernels kernels(0, "emulated");
    std::mt19937 random(1);
    const Layout layouts[] = {contiguous(2, 2, 2),    contiguous(1, 1, 1),   contiguous(1, 3, 70),
                              contiguous(3, 4, 5),    contiguous(2, 3, 63),  contiguous(2, 2, 64),
                              contiguous(3, 2, 65),   contiguous(2, 3, 129), contiguous(2, 40, 33),
                              contiguous(3, 5, 1030), contiguous(70, 2, 3),  contiguous(2, 1030, 3),
                              transposed(3, 5, 67),   sliced(3, 4, 66),      expanded(4, 3, 40)};
    for (const Layout& s : layouts)
        for (int dtype = 0; dtype < static_cast<int>(cuda::kDtypes); ++dtype)
            if (!equal_meshes(kernels, samples(s, dtype, random).get(), s, dtype, false)) return 1;
    for (const Layout& s : layouts)
        for (const int dtype : {0, 1, 2, 7}) {
            const Buffer data = samples(s, dtype, random);
            const bool closed = s.nx % 2 != 0;
            if (!(dtype == 1 ? equal_gradients<double> : equal_gradients<float>)(kernels, data.get(), s,
                                                                                 dtype, closed))
                return 1;
        }
    if (!equal_with_nan(kernels, random) || !equal_batches(kernels, random)) return 1;
    if (!equal_values<float>(kernels, random) || !equal_values<double>(kernels, random)) return 1;
    if (!equal_blocks(kernels, random) || !fields_are_complete()) return 1;
    std::puts("equal");
}
