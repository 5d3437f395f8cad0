// SPDX-License-Identifier: MIT
// What the gradients of both meshes share: samples of any dtype as doubles, row by row, and the order in
// which the level's gradient is summed.
#pragma once

#include <algorithm>
#include <vector>

#include "../core/edge_gradient.h"
#include "levels.h"

namespace mc::cpu {

template <class T>
double read_sample(const void* row, i64 at) {
    return static_cast<double>(SampleType<T>::read(static_cast<const T*>(row)[at]));
}

using ReadSample = double (*)(const void*, i64);
inline constexpr ReadSample kReadSample[kDtypes] = {
    read_sample<float>, read_sample<double>, read_sample<f16>, read_sample<bf16>,  read_sample<u8>,
    read_sample<i8>,    read_sample<i16>,    read_sample<i32>, read_sample<truth>, read_sample<whole>};

// Reads the samples that gradients usually go to; `AnySample` reads all others.
template <class T>
struct OneSample {
    explicit OneSample(Dtype) {}
    double operator()(const void* row, i64 at) const { return read_sample<T>(row, at); }
};
struct AnySample {
    ReadSample read;
    explicit AnySample(Dtype dtype) : read(kReadSample[static_cast<int>(dtype)]) {}
    double operator()(const void* row, i64 at) const { return read(row, at); }
};

// The level in the type that samples are compared in.
inline double level_in_double(const Request& request) {
    const Level level = level_for(request);
    const Dtype dtype = request.volume.dtype;
    const bool wide = dtype == Dtype::kFloat64 || dtype == Dtype::kInt32 || dtype == Dtype::kWhole;
    return wide ? level.f64 : static_cast<double>(level.f32);
}

// A row of the volume; no samples where it lies outside.
struct SampleRow {
    const void* samples;
    i64 first;  // the number of its first sample
};

// A sample of it.
struct RowSample {
    const SampleRow& row;
    i64 x;

    i64 number() const { return row.first + x; }
};

// The rows around one, and which of them lie within the volume: edges to those of the layer around it hold
// still.
struct RowsAround {
    SampleRow here, up_y, up_z, down_z;
    bool leads_y, leads_z, from_y, from_z;

    RowsAround(const Volume& volume, i64 z, i64 y)
        : here(row(volume, z, y)),
          up_y(row(volume, z, y + 1)),
          up_z(row(volume, z + 1, y)),
          down_z(row(volume, z - 1, y)),
          leads_y(y + 1 < volume.ny),
          leads_z(z + 1 < volume.nz),
          from_y(y > 0),
          from_z(z > 0) {}

private:
    static SampleRow row(const Volume& volume, i64 z, i64 y) {
        const bool within = z >= 0 && z < volume.nz && y >= 0 && y < volume.ny;
        return {within ? volume.row(z, y) : nullptr, (z * volume.ny + y) * volume.nx};
    }
};

// Adds 64 samples' shares of the level's gradient to a row's: 32 and 32.
inline double add_shares(double sum, double (&lanes)[64]) {
    for (int half = 0; half < 64; half += kLevelLanes) {
        double* lane = lanes + half;
        for (int apart = kLevelLanes / 2; apart; apart /= 2)
            for (int k = 0; k < apart; ++k) lane[k] += lane[k + apart];
        sum += lane[0];
    }
    return sum;
}

// The sum of the sums of `rows` rows a plane.
inline double sum_of_rows(const std::vector<double>& row_sums, i64 rows) {
    double sum = 0;
    for (auto at = row_sums.begin(); at != row_sums.end();) {
        double plane = 0;
        for (i64 y = 0; y < rows; ++y) plane += *at++;
        sum += plane;
    }
    return sum;
}

}  // namespace mc::cpu
