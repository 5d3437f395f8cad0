// SPDX-License-Identifier: MIT
// Marching cubes of many volumes of one shape in one call: the four stages run for each.
#pragma once

#include "batch_of.h"

namespace mc::cpu {

struct PrimalVolumes {
    using Plan = cpu::Plan;

    Plan prepare(const Request& request, std::unique_ptr<Team> team) const;
    Plan& samples(Plan& plan) const { return plan; }
    Address counts(const Plan& plan) const { return {plan.vertices, plan.triangles}; }
};

using BatchPlan = BatchOf<PrimalVolumes>;

// Writes all vertices and faces, one volume after the other, as `emit` does those of one: faces count from
// their volume's own first vertex.
void emit_batch(BatchPlan& plan, void* verts, void* faces, bool wide_faces);

// Writes the normals of all vertices, as `emit_normals` does.
void emit_batch_normals(BatchPlan& plan, void* normals);

}  // namespace mc::cpu
