// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "simd/row_functions.h"

namespace mc::cpu {

// The inside-bits around row (z, y). Past the border the last row stands in for the missing one: two
// equal rows have no crossed edge between them.
inline RowWords row_words_at(const Plan& plan, i64 z, i64 y) {
    const Volume& volume = plan.volume;
    const i64 up_z = std::min(z + 1, volume.nz - 1), up_y = std::min(y + 1, volume.ny - 1);
    return {{{plan.bits_of_row(z, y), plan.bits_of_row(z, up_y)},
             {plan.bits_of_row(up_z, y), plan.bits_of_row(up_z, up_y)}},
            volume.nx,
            up_z > z && up_y > y};
}

}  // namespace mc::cpu
