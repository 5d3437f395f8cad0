// SPDX-License-Identifier: MIT
// The case table as the GPU reads it: a case in one load.
#pragma once

#include "../core/case_table.h"

namespace mc::cuda {

// A case's triangles: from the lowest bits on twelve bits each, three edges; their number in the highest
// four.
struct CaseRows {
    u64 row[kCases];
    u8 triangles[kCases];
};

constexpr CaseRows pack_cases() {
    constexpr CaseTable table = derive_case_table();
    CaseRows packed{};
    for (int c = 0; c < kCases; ++c) {
        packed.triangles[c] = table.triangles[c];
        packed.row[c] = static_cast<u64>(table.triangles[c]) << 60;
        for (int k = 0; k < 3 * table.triangles[c]; ++k)
            packed.row[c] |= static_cast<u64>(table.edges[c][k]) << (4 * k);
    }
    return packed;
}

__device__ const CaseRows kCaseRows = pack_cases();

MC_HD u32 triangles_of_row(u64 row) { return static_cast<u32>(row >> 60); }

}  // namespace mc::cuda
