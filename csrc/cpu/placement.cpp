// SPDX-License-Identifier: MIT
#include "placement.h"

#include "../core/placement.h"
#include "float_mode.h"
#include "team.h"

namespace mc::cpu {

namespace {

constexpr i64 kThreadVertices = 1 << 16;  // below this a thread costs more to start than it saves

template <class To, class From>
void place_all(const Placement& p, int threads) {
    const From* from = static_cast<const From*>(p.from);
    To* to = static_cast<To*>(p.to);
    Team(threads).for_each(p.count, [&](i64 begin, i64 end) {
        for (i64 k = 3 * begin; k < 3 * end; k += 3)
            for (int axis = 0; axis < 3; ++axis)
                to[k + axis] = placed<To>(from[k + axis], p.spacing[axis], p.origin[axis]);
    });
}

}  // namespace

void place(const Placement& placement, int threads) {
    const FloatMode exact;
    threads = threads_worth(placement.count, kThreadVertices, threads);
    const auto place_as = placement.from_double
                              ? (placement.to_double ? place_all<double, double> : place_all<float, double>)
                              : (placement.to_double ? place_all<double, float> : place_all<float, float>);
    place_as(placement, threads);
}

}  // namespace mc::cpu
