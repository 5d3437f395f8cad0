// SPDX-License-Identifier: MIT
// Marching cubes on the CPU: prepare, allocate exactly, emit.
#pragma once

#include "simd/row_functions.h"

namespace mc::cpu {

// Runs stages 1 to 3. `threads` is an upper bound, >= 1; small volumes take fewer. Afterwards the plan
// knows how many vertices and triangles there are, or that a sample that counts is NaN (then there are none).
// The volume's samples and the mask must stay alive and unchanged until the plan is emitted.
Plan prepare(const Request& request, int threads);
Plan prepare(const Request& request, std::unique_ptr<Team> team);  // by these threads

// Runs stage 4: writes (vertices, 3) coordinates to `verts`, double for a float64 volume and float for
// all others, and (triangles, 3) indices to `faces`, int64 where `wide_faces`, else int32. Both are C
// contiguous, of exactly that size, and are written completely.
void emit(const Plan& plan, void* verts, void* faces, bool wide_faces);

// Stage 4 once more, for the vertices' normals: unit vectors towards higher values, of the type of `verts`
// and in its order, right where the request's spacing is.
void emit_normals(const Plan& plan, void* normals);

// Where the caller wants the mesh, or one thing of it.
struct Mesh {
    char* verts;
    char* faces;  // null: no faces
    i64 vertex_bytes;
    i64 face_bytes;
    bool wide_faces;
    EmitVertices emit_vertices[2];  // within the volume, and where an edge leads to the layer around it
};

// The stages, each in the file of its name.
bool classify(const Plan& plan, Slab& slab);  // samples -> bits, cells; whether a NaN that counts was seen
bool any_nan(const Plan& plan);               // the same of a volume without cells: nothing is kept
void count(const Plan& plan, Slab& slab);     // bits, cells -> rows, chunks as counts
void scan(Slab& slab, Address& next);         // chunks as counts -> chunks as addresses, from `next` on
Slab fill_slab(const Plan& plan, i64 begin, Address& next,
               bool& has_nan);                                         // the three of the slab from there
void emit_slab(const Plan& plan, const Slab& slab, const Mesh& mesh);  // all of them -> the mesh
void emit_mesh(const Plan& plan, const Mesh& mesh);                    // the same of every slab
void turn_over(void* faces, i64 count, bool wide_faces);  // triangles' other side becomes the front

}  // namespace mc::cpu
