// SPDX-License-Identifier: MIT
// The dual meshes of many volumes of one shape in one call.
#pragma once

#include "../batch_of.h"
#include "plan.h"

namespace mc::cpu {

struct DualVolumes {
    using Plan = DualPlan;

    bool triangles;  // are quads cut into two?
    int rounds;      // of relaxation

    DualPlan prepare(const Request& request, std::unique_ptr<Team> team) const {
        return prepare_dual(request, std::move(team));
    }
    cpu::Plan& samples(DualPlan& plan) const { return plan.samples; }
    Address counts(const DualPlan& plan) const { return {plan.vertices, plan.quads * (triangles ? 2 : 1)}; }
};

using DualBatchPlan = BatchOf<DualVolumes>;

// Writes all vertices and faces, one volume after the other, as `emit_dual` does those of one: faces count
// from their volume's own first vertex.
void emit_dual_batch(DualBatchPlan& plan, void* verts, void* faces, bool wide_faces);

// Writes the normals of all vertices, as `emit_dual_normals` does.
void emit_dual_batch_normals(DualBatchPlan& plan, void* normals);

}  // namespace mc::cpu
