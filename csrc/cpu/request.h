// SPDX-License-Identifier: MIT
// What a call asks of the CPU backend: one struct, whatever it asks.
#pragma once

#include "dtypes.h"

namespace mc::cpu {

// A row's vertices and triangles are counted in 32 bits: at most 2 and 5 a sample.
constexpr i64 kMostRowSamples = i64(0xffffffff) / kMaxTriangles;

// A borrowed view of the caller's samples.
struct Volume {
    const void* data;  // sample (0, 0, 0)
    Dtype dtype;
    i64 nz, ny, nx;                    // samples a side, each >= 1, nx <= kMostRowSamples
    i64 stride_z, stride_y, stride_x;  // in samples; any sign, 0 allowed

    const char* row(i64 z, i64 y) const {
        return static_cast<const char*>(data) +
               (z * stride_z + y * stride_y) * kDtypeBytes[static_cast<int>(dtype)];
    }
};

// Which samples count, a byte each, 0 where one does not; of the volume's shape. No data: all do.
struct Mask {
    const u8* data = nullptr;
    i64 stride_z = 0, stride_y = 0, stride_x = 0;  // in bytes

    const u8* row(i64 z, i64 y) const { return data + z * stride_z + y * stride_y; }
};

// The surface of one label of many, whose samples are bits before the first stage. Inside is all else, so
// that the label's own corners are joined where a face is ambiguous; the faces are turned over, and their
// normals point out of the label.
struct OneLabel {
    u64* bits;  // of the samples that are not the label's, as stage 1 leaves them; only read
    const float*
        half_way[3];        // x, y, z: coordinates of the samples, 2k that of k, 2k + 1 between k and k + 1
    i64 first[3], last[3];  // x, y, z: which of the volume's samples the first one is, -1 in the layer around
                            // it; and the volume's last
};

struct Request {
    Volume volume;
    double level;                     // not NaN
    Mask mask{};                      // a cell with a corner that does not count yields nothing
    bool skip_nan = false;            // nor does one with a corner that is NaN; otherwise a NaN ends the call
    bool closed = false;              // one layer of outside samples lies around the volume
    double spacing[3] = {1, 1, 1};    // between samples on x, y and z: for the normals
    i64 slab_planes = 0;              // planes worked on at a time; 0: as many as keep the scratch small
    const OneLabel* label = nullptr;  // in the place of a level, a mask and samples: of the volume only its
                                      // sides count

    bool selects() const { return mask.data || skip_nan; }
    i64 border() const { return closed ? 1 : 0; }  // samples of that layer, on each side
    // Which of the volume's samples the grid's first one is, on x, y or z.
    i64 first(int axis) const { return label ? label->first[axis] : -border(); }
};

// The samples as bits: the volume's, and the layer around it where the border is closed.
struct Grid {
    i64 nz, ny, nx;

    explicit Grid(const Request& request)
        : nz(request.volume.nz + 2 * request.border()),
          ny(request.volume.ny + 2 * request.border()),
          nx(request.volume.nx + 2 * request.border()) {}

    i64 words() const { return (nx + 63) / 64; }  // 64-sample words a row
    bool has_cells() const { return nz > 1 && ny > 1 && nx > 1; }
};

}  // namespace mc::cpu
