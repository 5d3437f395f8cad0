// SPDX-License-Identifier: MIT
// Stage 3: running sums. Counts become addresses: plane by plane, first the in-plane vertices, then
// those on z-edges; triangles in the order of their cells.
#include "pipeline.h"

namespace mc::cpu {

void scan(Plan& plan) {
    for (i64 z = 0; z < plan.volume.nz; ++z) {
        Chunk* plane = plan.chunks.data() + z * plan.chunks_a_plane;
        const auto give_address = [](i64& count, i64& next) {
            const i64 address = next;
            next += count;
            count = address;
        };
        for (i64 c = 0; c < plan.chunks_a_plane; ++c) {
            give_address(plane[c].in_plane, plan.vertices);
            give_address(plane[c].triangles, plan.triangles);
        }
        for (i64 c = 0; c < plan.chunks_a_plane; ++c) give_address(plane[c].upright, plan.vertices);
    }
}

}  // namespace mc::cpu
