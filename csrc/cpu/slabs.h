// SPDX-License-Identifier: MIT
// How a grid is cut into slabs, and the scratch memory of one.
#pragma once

#include "pipeline.h"

namespace mc::cpu {

// How many threads are worth their start, of those that there may be, for so many samples.
int useful_threads(double samples, int wanted);

Plan make_plan(const Request& request, int threads);
Slab make_slab(const Plan& plan, i64 begin);
Mesh mesh_at(const Plan& plan, void* verts, void* faces, bool wide_faces);
Mesh normals_at(const Plan& plan, void* normals);

}  // namespace mc::cpu
