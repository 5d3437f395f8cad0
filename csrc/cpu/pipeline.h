// SPDX-License-Identifier: MIT
// Marching cubes on the CPU: prepare, allocate exactly, emit.
#pragma once

#include "volume.h"

namespace mc::cpu {

// Runs stages 1 to 3. `threads` is an upper bound, >= 1; small volumes take fewer. Afterwards the plan
// knows how many vertices and triangles there are, or that the volume holds a NaN (then there are none).
// The volume's samples must stay alive and unchanged until the plan is emitted.
Plan prepare(const Volume& volume, int threads);

// Runs stage 4: writes (vertices, 3) coordinates to `verts`, double for a float64 volume and float for
// all others, and (triangles, 3) indices to `faces`, int64 where `wide_faces`, else int32. Both are C
// contiguous, of exactly that size, and are written completely.
void emit(const Plan& plan, void* verts, void* faces, bool wide_faces);

// The stages, each in the file of its name.
void classify(Plan& plan);  // samples -> bits, has_nan
void count(Plan& plan);     // bits -> rows, chunks as counts
void scan(Plan& plan);      // chunks as counts -> chunks as addresses, vertices, triangles

}  // namespace mc::cpu
