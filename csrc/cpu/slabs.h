// SPDX-License-Identifier: MIT
// How a grid is cut into slabs, and the scratch memory of one.
#pragma once

#include "pipeline.h"

namespace mc::cpu {

// How many threads are worth their start for a grid of so many samples, of those that there may be.
int useful_threads(double samples, int wanted);

Plan make_plan(const Request& request, std::unique_ptr<Team> team);
Plan make_plan(const Request& request, int threads);  // a team of as many as are worth it
Slab make_slab(const Plan& plan, i64 begin);
Mesh mesh_at(const Plan& plan, void* verts, void* faces, bool wide_faces);
Mesh normals_at(const Plan& plan, void* normals);

}  // namespace mc::cpu
