// SPDX-License-Identifier: MIT
// Stage 3: running sums. Counts become addresses: plane by plane, first the in-plane vertices, then
// those on z-edges; triangles in the order of their cells.
#include "pipeline.h"

namespace mc::cpu {

void scan(Slab& slab, Address& next) {
    const auto give_address = [](i64& count, i64& from) {
        const i64 address = from;
        from += count;
        count = address;
    };
    Address halo;
    for (i64 z = slab.begin; z < slab.counted(); ++z) {
        if (z == slab.end)
            halo = next;  // of the plane after its own the slab needs no more than the addresses
        Address& at = z == slab.end ? halo : next;
        Chunk* plane = slab.chunks.data() + (z - slab.begin) * slab.chunks_a_plane;
        for (i64 c = 0; c < slab.chunks_a_plane; ++c) {
            give_address(plane[c].in_plane, at.vertices);
            give_address(plane[c].triangles, at.triangles);
        }
        for (i64 c = 0; c < slab.chunks_a_plane; ++c) give_address(plane[c].upright, at.vertices);
    }
    slab.last_triangle = next.triangles;
}

}  // namespace mc::cpu
