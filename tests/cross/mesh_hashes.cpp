// SPDX-License-Identifier: MIT
// Meshes of integer samples, as hashes: the same lines on every platform and at every SIMD level.
#include <cstdio>
#include <cstring>
#include <vector>

#include "../../csrc/cpu/grid_interp.h"
#include "../../csrc/cpu/pipeline.h"
#include "../../csrc/cpu/simd/row_functions.h"

using namespace mc;

namespace {

struct Hash {  // FNV-1a
    u64 state = 14695981039346656037ull;
    void add(const void* data, std::size_t bytes) {
        for (std::size_t k = 0; k < bytes; ++k)
            state = (state ^ static_cast<const unsigned char*>(data)[k]) * 1099511628211ull;
    }
};

u16 as_bfloat16(float value) {
    u32 bits;
    std::memcpy(&bits, &value, 4);
    return static_cast<u16>(bits >> 16);
}

u16 as_float16(int value) {  // whole numbers from 0 to 2047 are exact
    if (value == 0) return 0;
    int exponent = 10, mantissa = value;
    while (mantissa < 1024) mantissa *= 2, --exponent;
    return static_cast<u16>((exponent + 15) << 10 | (mantissa & 1023));
}

template <class T, class Make>
void extract(const char* name, cpu::Dtype dtype, Make make, i64 nz, i64 ny, i64 nx, double level) {
    std::vector<T> samples;
    for (i64 z = 0; z < nz; ++z)
        for (i64 y = 0; y < ny; ++y)
            for (i64 x = 0; x < nx; ++x) {
                const i64 value = (x * x + 2 * y * y + 3 * z * z + x * y / 4) % 1031 % 97;
                samples.push_back(static_cast<T>(make(static_cast<int>(value))));
            }
    const cpu::Plan plan = cpu::prepare({{samples.data(), dtype, nz, ny, nx, ny * nx, nx, 1}, level}, 2);
    const std::size_t real = dtype == cpu::Dtype::kFloat64 ? 8 : 4;
    std::vector<char> verts(3 * real * static_cast<std::size_t>(plan.vertices));
    std::vector<i32> faces(3 * static_cast<std::size_t>(plan.triangles));
    cpu::emit(plan, verts.data(), faces.data(), false);
    Hash hash;
    hash.add(verts.data(), verts.size());
    hash.add(faces.data(), 4 * faces.size());
    std::printf("%s %lldx%lldx%lld %lld %lld %016llx\n", name, static_cast<long long>(nz),
                static_cast<long long>(ny), static_cast<long long>(nx), static_cast<long long>(plan.vertices),
                static_cast<long long>(plan.triangles), static_cast<unsigned long long>(hash.state));
}

void extract_all(i64 nz, i64 ny, i64 nx, double level) {
    using cpu::Dtype;
    const auto same = [](int v) { return v; };
    extract<float>("float32", Dtype::kFloat32, same, nz, ny, nx, level);
    extract<double>("float64", Dtype::kFloat64, same, nz, ny, nx, level);
    extract<u16>("float16", Dtype::kFloat16, as_float16, nz, ny, nx, level);
    extract<u16>(
        "bfloat16", Dtype::kBFloat16, [](int v) { return as_bfloat16(static_cast<float>(v)); }, nz, ny, nx,
        level);
    extract<unsigned char>("uint8", Dtype::kUInt8, same, nz, ny, nx, level);
    extract<signed char>("int8", Dtype::kInt8, same, nz, ny, nx, level);
    extract<short>("int16", Dtype::kInt16, same, nz, ny, nx, level);
    extract<i32>("int32", Dtype::kInt32, same, nz, ny, nx, level);
}

template <class Real>
void interpolate(const char* name) {
    std::vector<Real> samples, points, values(1000);
    for (int k = 0; k < 2 * 9 * 8 * 7; ++k) samples.push_back(static_cast<Real>(k * k % 31));
    for (int k = 0; k < 3 * 500; ++k) points.push_back(static_cast<Real>(k * k % 211 - 20) / 16);
    cpu::grid_interp<Real>({samples.data(), 2, 9, 8, 7}, points.data(), 500, values.data(), 2);
    Hash hash;
    hash.add(values.data(), sizeof(Real) * values.size());
    std::printf("grid_interp %s %016llx\n", name, static_cast<unsigned long long>(hash.state));
}

}  // namespace

int main() {
    std::fprintf(stderr, "%s\n", cpu::row_functions().name);
    extract_all(40, 41, 130, 40.5);
    extract_all(7, 64, 64, 48);  // ties
    extract_all(3, 2, 65, 20.25);
    interpolate<float>("float32");
    interpolate<double>("float64");
}
