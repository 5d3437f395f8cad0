// SPDX-License-Identifier: MIT
// The quad around a voxel's edge: which cells its corners lie in.
#pragma once

#include "cube.h"

namespace mc {

// The four cells around a voxel's edge, right-handed around it, and which of each one's edges it is.
struct QuadCorner {
    u8 back[3], edge;  // cells back from the voxel, in x, y and z
};
struct QuadCorners {
    QuadCorner corner[3][4];

    constexpr QuadCorners() : corner{} {
        for (int axis = 0; axis < 3; ++axis)
            for (int k = 0; k < 4; ++k) {
                QuadCorner& c = corner[axis][k];
                c.back[(axis + 1) % 3] = k == 0 || k == 3;
                c.back[(axis + 2) % 3] = k < 2;
                const int low = c.back[0] + 2 * c.back[1] + 4 * c.back[2];
                c.edge = static_cast<u8>(edge_between(low, low + (1 << axis)));
            }
    }
};

}  // namespace mc
