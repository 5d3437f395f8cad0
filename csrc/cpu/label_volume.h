// SPDX-License-Identifier: MIT
// A volume of labels, read run by run.
#pragma once

#include "dtypes.h"

namespace mc::cpu {

// Labels are told apart by their value as 64 bits: sign-extended where they are signed.
constexpr bool is_signed(Dtype dtype) {
    return dtype == Dtype::kInt8 || dtype == Dtype::kInt16 || dtype == Dtype::kInt32 ||
           dtype == Dtype::kInt64;
}

// A borrowed view of the caller's labels.
struct LabelVolume {
    const void* data;  // label (0, 0, 0)
    Dtype dtype;       // bool or an integer
    i64 side[3];       // z, y, x; each >= 1, the last <= kMostRowSamples
    i64 stride[3];     // in labels; any sign, 0 allowed

    i64 samples() const { return side[0] * side[1] * side[2]; }
    i64 bytes() const { return samples() * kDtypeBytes[static_cast<int>(dtype)]; }
    bool comes_before(u64 a, u64 b) const {  // in ascending order
        return is_signed(dtype) ? static_cast<i64>(a) < static_cast<i64>(b) : a < b;
    }
};

template <class Sample, class Read, class Visit>
void visit_runs(const LabelVolume& volume, i64 z, i64 y, const Read& read, const Visit& visit) {
    const i64 nx = volume.side[2], step = volume.stride[2];
    const Sample* row = static_cast<const Sample*>(volume.data) + z * volume.stride[0] + y * volume.stride[1];
    for (i64 x = 0; x < nx;) {
        const i64 first = x;
        const u64 label = read(row[x * step]);
        do ++x;
        while (x < nx && read(row[x * step]) == label);
        visit(label, first, x);
    }
}

// Gives the row's runs of one label each to visit(label, first, end).
template <class Visit>
void for_each_run(const LabelVolume& volume, i64 z, i64 y, const Visit& visit) {
    const auto value = [](auto label) { return static_cast<u64>(static_cast<i64>(label)); };
    const auto truth = [](u8 byte) { return static_cast<u64>(byte != 0); };  // every byte but 0 is true
    switch (volume.dtype) {
        case Dtype::kBool:
            return visit_runs<u8>(volume, z, y, truth, visit);
        case Dtype::kUInt8:
            return visit_runs<u8>(volume, z, y, value, visit);
        case Dtype::kUInt16:
            return visit_runs<u16>(volume, z, y, value, visit);
        case Dtype::kUInt32:
            return visit_runs<u32>(volume, z, y, value, visit);
        case Dtype::kInt8:
            return visit_runs<i8>(volume, z, y, value, visit);
        case Dtype::kInt16:
            return visit_runs<i16>(volume, z, y, value, visit);
        case Dtype::kInt32:
            return visit_runs<i32>(volume, z, y, value, visit);
        default:
            return visit_runs<u64>(volume, z, y, value, visit);
    }
}

}  // namespace mc::cpu
