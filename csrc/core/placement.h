// SPDX-License-Identifier: MIT
// From voxels to the world.
#pragma once

#include "host_device.h"

namespace mc {

// A coordinate in the world, computed in float64 whatever comes in and goes out: far from the origin float32
// would have no digits left for the voxel.
template <class To, class From>
MC_HD To placed(From at, double spacing, double origin) {
    return static_cast<To>(static_cast<double>(at) * spacing + origin);
}

}  // namespace mc
