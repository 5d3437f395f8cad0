// SPDX-License-Identifier: MIT
// Vertices carried from voxels to the world.
#pragma once

#include "../core/host_device.h"

namespace mc::cpu {

// Coordinates (count, 3), and where they go: in place where both are the same memory and type.
struct Placement {
    const void* from;
    bool from_double;
    void* to;
    bool to_double;
    i64 count;
    double spacing[3], origin[3];  // x, y, z
};
void place(const Placement& placement, int threads);

}  // namespace mc::cpu
