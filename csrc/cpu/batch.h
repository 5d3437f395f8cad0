// SPDX-License-Identifier: MIT
// Many volumes of one shape in one call: the four stages run for each, on one team of threads.
#pragma once

#include "plan.h"

namespace mc::cpu {

struct BatchRequest {
    Request first;               // what is asked of the first volume; its level is not looked at
    i64 stride, mask_stride;     // from a volume to the next, in samples; from a mask to the next, in bytes
    std::vector<double> levels;  // one a volume
};

struct BatchPlan {
    BatchRequest request;
    int threads;
    std::unique_ptr<Team> team;                // while nobody else has it
    std::size_t shared;                        // the first volumes, which all threads work on together
    std::vector<std::unique_ptr<Plan>> plans;  // of each volume; none where it is made again to be emitted
    std::vector<Address> begins;               // of each volume's mesh, and one more: where all end
    i64 most_vertices = 0;                     // of one volume
    bool has_nan = false;                      // in one of them; then no counts are right

    std::size_t volumes() const { return request.levels.size(); }
    i64 vertices() const { return begins.back().vertices; }
    i64 triangles() const { return begins.back().triangles; }
};

// Counts every volume. The samples and masks must stay alive and unchanged until the plan is emitted.
BatchPlan prepare_batch(const BatchRequest& request, int threads);

// Writes all vertices and faces, one volume after the other, as `emit` does those of one: faces count from
// their volume's own first vertex.
void emit_batch(BatchPlan& plan, void* verts, void* faces, bool wide_faces);

// Writes the normals of all vertices, as `emit_normals` does.
void emit_batch_normals(BatchPlan& plan, void* normals);

// Writes where each volume's vertices and triangles begin, and one number more: where all end.
void emit_batch_offsets(const BatchPlan& plan, i64* vertices, i64* triangles);

}  // namespace mc::cpu
