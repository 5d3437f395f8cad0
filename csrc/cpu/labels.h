// SPDX-License-Identifier: MIT
// The surfaces of all labels of a volume: the four stages run for each label, over its box alone.
#pragma once

#include "label_bits.h"
#include "plan.h"

namespace mc::cpu {

struct LabelRequest {
    LabelVolume volume;
    LabelChoice choice;
    bool closed;                   // one layer of other samples lies around the volume
    double spacing[3], origin[3];  // x, y, z: of the vertices
    bool dual = false;             // the dual mesh, …
    int rounds = 0;                // … its vertices drawn towards their neighbours so often
};

struct LabelPlan {
    LabelRequest request;
    int threads;
    std::vector<LabelBox> boxes;     // ascending
    std::vector<Address> begins;     // of each label's mesh, and one more: where all end
    i64 most_vertices = 0;           // of one label
    LabelIndex index;                // places of the labels in `boxes`
    std::vector<float> half_way[3];  // x, y, z: coordinates of the volume with a layer, in half steps
    std::vector<LabelBatch> batches;
    LabelBits bits;  // where there is one batch: kept for the emission

    i64 labels() const { return static_cast<i64>(boxes.size()); }
    i64 vertices() const { return begins.back().vertices; }
    i64 triangles() const { return begins.back().triangles; }
};

// Finds the labels, and counts what each owns. The volume must stay alive and unchanged until the plan is
// emitted.
LabelPlan prepare_labels(const LabelRequest& request, int threads);

// Writes (vertices, 3) float coordinates, and (triangles, 3) indices, int64 where `wide_faces`, else int32:
// those of a label count from its own first vertex.
void emit_labels(LabelPlan& plan, float* verts, void* faces, bool wide_faces);

// Writes the labels in their own type, and the offsets of their vertices and triangles, one more than labels.
void emit_label_ids(const LabelPlan& plan, void* ids, i64* vertices, i64* triangles);

}  // namespace mc::cpu
