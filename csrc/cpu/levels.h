// SPDX-License-Identifier: MIT
// The caller's level in the types it is compared in.
#pragma once

#include <cmath>

#include "simd/row_functions.h"

namespace mc::cpu {

// The largest integer below `level` that a sample of [lowest, highest] can reach; lowest - 1 where no
// sample is inside.
inline i64 last_integer_below(double level, i64 lowest, i64 highest) {
    const double last = std::ceil(level) - 1;
    if (last < static_cast<double>(lowest)) return lowest - 1;
    return last > static_cast<double>(highest) ? highest : static_cast<i64>(last);
}

inline Level level_for(const Request& request) {
    const double level = request.level;
    const float f32 = static_cast<float>(level);
    switch (request.volume.dtype) {
        case Dtype::kUInt8:
            return {level, f32, last_integer_below(f32, 0, 255)};
        case Dtype::kBool: {  // every byte but 0 is true, which is 1
            const i64 last = last_integer_below(f32, 0, 1);
            return {level, f32, last == 1 ? 255 : last};
        }
        case Dtype::kInt8:
            return {level, f32, last_integer_below(f32, -128, 127)};
        case Dtype::kInt16:
            return {level, f32, last_integer_below(f32, -32768, 32767)};
        case Dtype::kInt32:
            return {level, f32, last_integer_below(level, -2147483648LL, 2147483647LL)};
        default:
            return {level, f32, 0};
    }
}

}  // namespace mc::cpu
