// SPDX-License-Identifier: MIT
#include "dual_batch.h"

namespace mc::cpu {

void emit_dual_batch(DualBatchPlan& plan, void* verts, void* faces, bool wide_faces) {
    const DualVolumes& asked = plan.kind();
    const i64 vertex = plan.vertex_bytes(), face = (asked.triangles ? 3 : 4) * (wide_faces ? 8 : 4);
    advise(verts, vertex * plan.vertices());
    advise(faces, face * plan.faces());
    plan.for_each([&](const Address& begin, const DualPlan& volume) {
        emit_dual(volume, static_cast<char*>(verts) + vertex * begin.vertices,
                  static_cast<char*>(faces) + face * begin.triangles, wide_faces, asked.triangles,
                  asked.rounds);
    });
}

void emit_dual_batch_normals(DualBatchPlan& plan, void* normals) {
    const i64 vertex = plan.vertex_bytes();
    advise(normals, vertex * plan.vertices());
    plan.for_each([&](const Address& begin, const DualPlan& volume) {
        emit_dual_normals(volume, static_cast<char*>(normals) + vertex * begin.vertices);
    });
}

}  // namespace mc::cpu
