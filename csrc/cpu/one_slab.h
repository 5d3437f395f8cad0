// SPDX-License-Identifier: MIT
// One slab of a volume that is handed over slab by slab, since it is larger than memory or than a machine:
// counted alone, and emitted at the addresses that the slabs before it leave to it.
#pragma once

#include "pipeline.h"

namespace mc::cpu {

// The planes at hand of a request whose sides are the whole volume's, but whose samples and mask begin with
// plane `first`.
struct Part {
    i64 first, last;  // planes of the volume that there are samples of
    i64 begin, end;   // planes of the grid that the slab owns; what they look at is there (see Slab)
};

struct SlabPlan {
    Plan plan;             // its counts are the slab's own
    i64 first_vertex = 0;  // the addresses in it begin here
};

// Runs stages 1 to 3 of the slab. The samples and the mask must stay alive until it is emitted.
SlabPlan prepare_slab(const Request& request, const Part& part, int threads);

// Runs stage 4: the slab's vertices and triangles, to memory of exactly their size. The volume's slabs before
// it have `first_vertex` vertices; its faces name them as they name its own.
void emit_slab_at(SlabPlan& slab, i64 first_vertex, void* verts, void* faces, bool wide_faces);

// The same for the normals, which need one more plane on either side than the slab looks at.
void emit_slab_normals(SlabPlan& slab, void* normals);

}  // namespace mc::cpu
