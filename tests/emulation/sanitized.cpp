// SPDX-License-Identifier: MIT
// The whole CPU backend, and the CUDA one on the emulated GPU, under AddressSanitizer and UBSan: every buffer
// is a heap block of exactly the size asked for, and both must give the same bytes.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "../../csrc/cpu/pipeline.h"
#include "../../csrc/cuda/pipeline.h"

using namespace mc;

namespace {

struct Mesh {
    std::vector<char> verts, faces;
    bool operator==(const Mesh& other) const { return verts == other.verts && faces == other.faces; }
};

struct Shape {
    i64 nz, ny, nx;
};

std::vector<char> samples(const Shape& s, int dtype, std::mt19937& random) {
    const std::size_t count = static_cast<std::size_t>(s.nz * s.ny * s.nx), bytes = cpu::kDtypeBytes[dtype];
    std::vector<char> data(count * bytes);
    for (std::size_t k = 0; k < count; ++k) {
        const int value = static_cast<int>(random() % 7) - 2;
        if (dtype == 0)
            reinterpret_cast<float*>(data.data())[k] = static_cast<float>(value);
        else if (dtype == 1)
            reinterpret_cast<double*>(data.data())[k] = value;
        else if (dtype == 2)
            reinterpret_cast<u16*>(data.data())[k] = value < 0 ? 0xc000 : 0x3c00;
        else if (dtype == 3)
            reinterpret_cast<u16*>(data.data())[k] = value < 0 ? 0xc000 : 0x3f80;
        else
            std::memcpy(data.data() + k * bytes, &value, bytes);
    }
    return data;
}

Mesh on_cpu(const void* data, const Shape& s, int dtype, int threads, bool wide) {
    const cpu::Volume volume{data, static_cast<cpu::Dtype>(dtype), s.nz, s.ny, s.nx, s.ny * s.nx, s.nx, 1,
                             0.5};
    const cpu::Plan plan = cpu::prepare(volume, threads);
    const i64 vertex = dtype == 1 ? 24 : 12, face = wide ? 24 : 12;
    Mesh mesh{std::vector<char>(static_cast<std::size_t>(plan.vertices * vertex)),
              std::vector<char>(static_cast<std::size_t>(plan.triangles * face))};
    cpu::emit(plan, mesh.verts.data(), mesh.faces.data(), wide);
    return mesh;
}

Mesh on_gpu(const cuda::Kernels& kernels, const void* data, const Shape& s, int dtype, bool wide) {
    const cuda::Volume volume{data, dtype, s.nz, s.ny, s.nx, s.ny * s.nx, s.nx, 1, 0.5};
    const std::unique_ptr<char[]> scratch(new char[cuda::scratch_bytes(volume)]);
    std::memset(scratch.get(), 0xab, cuda::scratch_bytes(volume));  // nothing may count on zeros
    const cuda::Plan plan = cuda::prepare(kernels, nullptr, volume, scratch.get());
    const i64 vertex = dtype == 1 ? 24 : 12, face = wide ? 24 : 12;
    Mesh mesh{std::vector<char>(static_cast<std::size_t>(plan.vertices * vertex)),
              std::vector<char>(static_cast<std::size_t>(plan.triangles * face))};
    cuda::emit(plan, mesh.verts.data(), mesh.faces.data(), wide);
    return mesh;
}

}  // namespace

int main() {
    const cuda::Kernels kernels(0, "emulated");
    std::mt19937 random(1);
    const Shape shapes[] = {{2, 2, 2},  {1, 1, 1},   {1, 3, 70},  {3, 4, 5},    {2, 3, 63}, {2, 2, 64},
                            {3, 2, 65}, {2, 3, 129}, {2, 40, 33}, {3, 5, 1030}, {70, 2, 3}};
    for (const Shape& s : shapes) {
        for (int dtype = 0; dtype < cpu::kDtypes; ++dtype) {
            for (const bool wide : {false, true}) {
                const std::vector<char> data = samples(s, dtype, random);
                const std::unique_ptr<char[]> exact(new char[data.size()]);
                std::memcpy(exact.get(), data.data(), data.size());
                const Mesh want = on_cpu(exact.get(), s, dtype, 1, wide);
                if (on_cpu(exact.get(), s, dtype, 3, wide) == want &&
                    on_gpu(kernels, exact.get(), s, dtype, wide) == want)
                    continue;
                std::fprintf(stderr, "meshes differ: (%lld, %lld, %lld) %s\n", s.nz, s.ny, s.nx,
                             cpu::kDtypeNames[dtype]);
                return 1;
            }
        }
    }
    std::puts("equal");
}
