// SPDX-License-Identifier: MIT
#include "../simd/row_functions.h"
#include "over_rows.h"

namespace mc::cpu {

void emit_patches(const DualPlan& plan, i64* cells, u16* patches) {
    if (plan.vertices == 0) return;
    const i64 border = plan.samples.request.border();
    Buffer<i32> places(static_cast<std::size_t>(plan.vertices));
    over_rows(plan, [&](const DualRow& row, i64 begin, i64 end) {
        row_functions().dual.list_patches(row, places.data() + begin, patches + begin);
        for (i64 v = begin; v < end; ++v) {
            cells[3 * v] = places[static_cast<std::size_t>(v)] - border;
            cells[3 * v + 1] = row.y - border;
            cells[3 * v + 2] = row.z - border;
        }
    });
}

}  // namespace mc::cpu
