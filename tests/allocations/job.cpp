// SPDX-License-Identifier: MIT
// Runs whole calls into the core while one allocation after the other fails: each call must end in
// std::bad_alloc or with the right result, and the next one works. The linker sends malloc here.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <vector>

#include "../../csrc/cpu/grid_interp.h"
#include "../../csrc/cpu/pipeline.h"

using namespace mc;

namespace {

std::atomic<long> left{-1};         // allocations until one fails; none does where negative
std::atomic<bool> for_good{false};  // does every later one fail too?

bool fails() {
    if (left < 0) return false;
    const long before = left.fetch_sub(1);
    if (before == 0 && for_good) left = 0;
    return before == 0;
}

}  // namespace

extern "C" void* __real_malloc(std::size_t bytes);
extern "C" void* __wrap_malloc(std::size_t bytes) { return fails() ? nullptr : __real_malloc(bytes); }
void* operator new(std::size_t bytes) {
    if (void* memory = __wrap_malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

constexpr i64 kNz = 10, kNy = 260, kNx = 250;  // enough samples for three threads

using Result = std::vector<char>;

// A volume whose rows are not contiguous, so that stage 1 has to gather them.
std::vector<double> samples() {
    std::vector<double> made(static_cast<std::size_t>(2 * kNz * kNy * kNx));
    u32 state = 1;
    for (double& sample : made) sample = static_cast<double>((state = state * 1664525u + 1013904223u) >> 8);
    return made;
}

void mesh(const std::vector<double>& from, int threads, Result& to) {
    const cpu::Volume volume{from.data(), cpu::Dtype::kFloat64, kNz, kNy, kNx, 2 * kNy * kNx, 2 * kNx, 2};
    const cpu::Plan plan = cpu::prepare({volume, 16000000.0}, threads);
    const long at = left.exchange(-1);  // the caller's own memory
    to.assign(static_cast<std::size_t>(24 * plan.vertices + 12 * plan.triangles), 0);
    left = at;
    cpu::emit(plan, to.data(), to.data() + 24 * plan.vertices, false);
}

void values(const std::vector<float>& from, int threads, Result& to) {
    constexpr i64 kPoints = 40000;
    const long at = left.exchange(-1);
    to.assign(sizeof(float) * kPoints, 0);
    left = at;
    cpu::grid_interp<float>({from.data(), 1, 50, 50, 48}, from.data(), kPoints,
                            reinterpret_cast<float*>(to.data()), threads);
}

// How many allocations failed, one a call; -1 where a call went wrong.
long attack(const char* name, const std::function<void(Result&)>& call) {
    Result want, got;
    call(want);
    long failed = 0;
    for (const bool later : {false, true}) {
        for (long k = 0;; ++k) {
            for_good = later;
            left = k;
            bool threw = false;
            try {
                call(got);
            } catch (const std::bad_alloc&) {
                threw = true;
            }
            const long after = left.exchange(-1);
            const bool reached = later ? after == 0 : after < 0;
            if (!threw && got != want) return std::fprintf(stderr, "%s: wrong after %ld\n", name, k), -1;
            if (!reached) break;
            ++failed;
        }
        call(got);
        if (got != want) return std::fprintf(stderr, "%s: the next call is wrong\n", name), -1;
    }
    return failed;
}

}  // namespace

int main() {
    const std::vector<double> volume = samples();
    std::vector<float> grid(volume.begin(), volume.begin() + 120000);
    for (float& sample : grid) sample /= 400000.0f;  // of 0 to 42: points as well
    for (const int threads : {1, 3}) {
        const long meshes = attack("mesh", [&](Result& to) { mesh(volume, threads, to); });
        const long points = attack("values", [&](Result& to) { values(grid, threads, to); });
        if (meshes < 0 || points < 0) return 1;
        std::printf("%d threads: %ld and %ld\n", threads, meshes, points);
    }
}
