// SPDX-License-Identifier: MIT
// The normal of a surface where it crosses an edge.
#pragma once

#include "../core/gradient.h"
#include "request.h"

namespace mc::cpu {

// A sample's place in the volume, by axis: x, y, z.
struct Place {
    i64 at[3];

    Place moved(int axis, i64 by) const {
        Place place = *this;
        place.at[axis] += by;
        return place;
    }
};

// Of the crossing on the edge from `lower` along an axis, which the request's level crosses.
using NormalOnEdge = Vector (*)(const Request& request, const Place& lower, int axis);
NormalOnEdge normal_on_edge(Dtype dtype);

}  // namespace mc::cpu
