// SPDX-License-Identifier: MIT
// The types that samples come in.
#pragma once

#include "../core/edge_vertex.h"

namespace mc::cpu {

// The order is that of the tables below and of every other one indexed by a dtype.
enum class Dtype {
    // The stages read these.
    kFloat32,
    kFloat64,
    kFloat16,
    kBFloat16,
    kUInt8,
    kInt8,
    kInt16,
    kInt32,
    kBool,
    kWhole,  // wide integers as float64; nobody's samples come so
    // These are packed into one of those before the first stage.
    kInt64,
    kUInt16,
    kUInt32,
    kUInt64,
    kFloat8E4M3Fn,
    kFloat8E4M3FnUz,
    kFloat8E5M2,
    kFloat8E5M2FnUz,
    kFloat8E8M0FnU,
};
constexpr int kDtypes = 10;     // that the stages read
constexpr int kAllDtypes = 19;  // that callers have

// torch's names.
constexpr const char* kDtypeNames[kAllDtypes] = {"float32",       "float64",
                                                 "float16",       "bfloat16",
                                                 "uint8",         "int8",
                                                 "int16",         "int32",
                                                 "bool",          "",
                                                 "int64",         "uint16",
                                                 "uint32",        "uint64",
                                                 "float8_e4m3fn", "float8_e4m3fnuz",
                                                 "float8_e5m2",   "float8_e5m2fnuz",
                                                 "float8_e8m0fnu"};
constexpr int kDtypeBytes[kAllDtypes] = {4, 8, 2, 2, 1, 1, 2, 4, 1, 8, 8, 2, 4, 8, 1, 1, 1, 1, 1};

// What the stages read in its place; itself where they read it.
constexpr Dtype read_as(Dtype dtype) {
    switch (dtype) {
        case Dtype::kInt64:
        case Dtype::kUInt32:
        case Dtype::kUInt64:
            return Dtype::kWhole;
        case Dtype::kUInt16:
            return Dtype::kInt32;
        default:
            return static_cast<int>(dtype) < kDtypes ? dtype : Dtype::kFloat32;
    }
}

}  // namespace mc::cpu
