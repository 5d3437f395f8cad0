// SPDX-License-Identifier: MIT
// The sides of samples that were never evaluated, found from those around them.
#pragma once

#include "../../core/host_device.h"

namespace mc::cpu {

// A volume (nz, ny, nx) of float, C contiguous, NaN where nothing is known. Each such sample gets `low` where
// a way through unknown samples, from face to face, leads to known ones that are all below the level, `high`
// where to known ones that are all not, and stays NaN where to both or to none. Returns how many stay.
i64 fill_signs(float* samples, i64 nz, i64 ny, i64 nx, float level, float low, float high);

}  // namespace mc::cpu
