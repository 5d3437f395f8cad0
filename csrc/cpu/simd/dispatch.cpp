// SPDX-License-Identifier: MIT
// Which SIMD level runs: the machine's best, or the one TORCHMCUBES_SIMD names.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "cpu_features.h"
#include "row_functions.h"

namespace mc::cpu {

namespace {

bool every_cpu() { return true; }

struct NamedLevel {
    const char* name;
    bool (*cpu_runs)();
    const RowFunctions* (*built)();  // called only where the CPU runs it

    const RowFunctions* rows() const { return cpu_runs() ? built() : nullptr; }
};
constexpr NamedLevel kLevels[] = {{"avx512", cpu_runs_avx512, avx512_rows},
                                  {"avx2", cpu_runs_avx2, avx2_rows},
                                  {"neon", every_cpu, neon_rows},
                                  {"scalar", every_cpu, scalar_rows}};

std::string listed(const std::vector<const char*>& names) {
    std::string text;
    for (const char* name : names) text += (text.empty() ? "" : ", ") + std::string(name);
    return text;
}

const RowFunctions& choose(const char* wanted) {
    bool known = false;
    for (const NamedLevel& level : kLevels) {
        if (wanted && std::string(wanted) != level.name) continue;
        known = true;
        if (const RowFunctions* rows = level.rows()) return *rows;
    }
    if (!known)
        throw std::runtime_error("TORCHMCUBES_SIMD must be one of avx512, avx2, neon, scalar, got " +
                                 std::string(wanted));
    throw std::runtime_error("TORCHMCUBES_SIMD must be a level of this machine (" +
                             listed(supported_levels()) + "), got " + wanted);
}

}  // namespace

const RowFunctions& row_functions() {
    // A failed choice throws and is made again at the next call.
    static const RowFunctions& chosen = [&]() -> const RowFunctions& {
        const char* wanted = std::getenv("TORCHMCUBES_SIMD");
        return choose(wanted && *wanted ? wanted : nullptr);
    }();
    return chosen;
}

std::vector<const char*> supported_levels() {
    std::vector<const char*> names;
    for (const NamedLevel& level : kLevels)
        if (level.rows()) names.push_back(level.name);
    return names;
}

}  // namespace mc::cpu
