// SPDX-License-Identifier: MIT
// A fixed job for valgrind to count: a wavy ball of N samples a side, on one thread. Its samples are made
// with integers, so that no mathematics library is part of it.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../csrc/cpu/pipeline.h"

using namespace mc;

int main(int, char** arguments) {
    const i64 n = std::atoi(arguments[1]);
    std::vector<float> samples(static_cast<std::size_t>(n * n * n));
    for (i64 z = 0; z < n; ++z)
        for (i64 y = 0; y < n; ++y)
            for (i64 x = 0; x < n; ++x) {
                const i64 a = 2 * x - n, b = 2 * y - n, c = 2 * z - n;
                const i64 value = a * a + b * b + c * c - n * n / 2 + (a * b * c) / (3 * n);
                samples[static_cast<std::size_t>((z * n + y) * n + x)] = static_cast<float>(value) + 0.5f;
            }
    const cpu::Plan plan =
        cpu::prepare({{samples.data(), cpu::Dtype::kFloat32, n, n, n, n * n, n, 1}, 0.0}, 1);
    std::vector<float> verts(static_cast<std::size_t>(3 * plan.vertices));
    std::vector<i32> faces(static_cast<std::size_t>(3 * plan.triangles));
    cpu::emit(plan, verts.data(), faces.data(), false);
    std::printf("%lld %lld\n", plan.vertices, plan.triangles);
}
