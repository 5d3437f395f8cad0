// SPDX-License-Identifier: MIT
// Dual marching cubes on the CPU: prepare, allocate exactly, emit.
#pragma once

#include <optional>

#include "../pipeline.h"
#include "../simd/dual_functions.h"

namespace mc::cpu {

// A chunk is a run of rows of cells of one plane. After stage 2 it holds its counts, after stage 3 the
// addresses where its items begin.
struct DualChunk {
    i64 vertices, quads;
};

struct DualPlan {
    explicit DualPlan(Plan plan) : samples(std::move(plan)) {}

    Plan samples;                     // stage 1: the bits
    std::optional<BitPlanes> planes;  // what they say of the grid; empty where there are no cells
    i64 chunk_rows = 0;               // rows a chunk (the last of a plane may be shorter)
    i64 chunks_a_plane = 0;
    Buffer<DualCounts> rows;        // each row of cells, by stage 2
    std::vector<DualChunk> chunks;  // each chunk of them
    bool has_nan = false;           // seen by stage 1; the later stages did not run
    i64 vertices = 0, quads = 0;

    i64 cell_rows() const { return planes->ny - 1; }  // of a plane
    const DualCounts& counts_of(i64 z, i64 y) const {
        return rows[static_cast<std::size_t>(z * cell_rows() + y)];
    }
};

// Runs stages 1 to 3. The volume's samples and the mask must stay alive and unchanged until the plan is
// emitted.
DualPlan prepare_dual(const Request& request, int threads);
DualPlan prepare_dual(const Request& request, std::unique_ptr<Team> team);  // by these threads

// Runs stage 4: writes (vertices, 3) coordinates to `verts`, double for a float64 volume and float for all
// others, and to `faces` (quads, 4) indices, or (2 * quads, 3) where `triangles`: int64 where `wide_faces`,
// else int32. In `rounds` rounds every vertex is drawn towards its neighbours, within its cell. Both are C
// contiguous, of exactly that size, and are written completely. Of a label there are only triangles.
void emit_dual(const DualPlan& plan, void* verts, void* faces, bool wide_faces, bool triangles, int rounds);

// Writes each vertex's normal, a unit vector towards higher values of the type of `verts`: the mean direction
// of the normals that marching cubes has on the patch's crossings.
void emit_dual_normals(const DualPlan& plan, void* normals);

// The stages after the first.
void count(DualPlan& plan);  // bits -> rows, chunks as counts
void scan(DualPlan& plan);   // chunks as counts -> chunks as addresses, the totals
void emit_vertices(const DualPlan& plan, void* verts);
void emit_label_vertices(const DualPlan& plan, void* verts);  // where no sample is read: all half way
void relax(const DualPlan& plan, void* verts, const void* quads, bool wide, int rounds);
void emit_faces(const DualPlan& plan, const void* verts, void* faces, bool wide_faces, bool triangles);

}  // namespace mc::cpu
