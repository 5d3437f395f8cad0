// SPDX-License-Identifier: MIT
// Stage 4 of a label's dual mesh, first half: every crossing lies half way, and no sample is read.
#include "../../core/patch_mean.h"
#include "over_rows.h"

namespace mc::cpu {

namespace {

constexpr int kUpperEdges[3] = {upper_edges(0), upper_edges(1), upper_edges(2)};

void put_half_way_mean(const OneLabel& label, const i64 (&cell)[3], int patch, float* to) {
    const float share = 1.0f / static_cast<float>(popcount(static_cast<u32>(patch)));
    for (int axis = 0; axis < 3; ++axis) {
        const int crossed = patch >> (4 * axis) & 15;
        float t[4];
        for (int k = 0; k < 4; ++k) t[k] = crossed >> k & 1 ? 0.5f : 0.0f;
        const int upper = popcount(static_cast<u32>(patch & kUpperEdges[axis]));
        const i64 at = cell[axis] + label.first[axis];
        to[axis] = mean_on_axis<float>(t, crossed, upper, share, static_cast<float>(at), at < 0,
                                       at >= label.last[axis]);
    }
}

}  // namespace

void emit_label_vertices(const DualPlan& plan, void* verts) {
    const OneLabel& label = *plan.samples.request.label;
    float* to = static_cast<float*>(verts);
    for_each_patch(plan, [&](i64 v, const Patch& patch) {
        put_half_way_mean(label, {patch.x, patch.y, patch.z}, patch.edges, to + 3 * v);
    });
}

}  // namespace mc::cpu
