// SPDX-License-Identifier: MIT
// A function on a grid, evaluated where its surface is: from a coarse grid to the finest, each sample once.
// The function is the caller's: it is asked for the places that are pending, in raster order, and answered.
#pragma once

#include <memory>
#include <vector>

#include "../plan.h"

namespace mc::cpu {

struct FieldRequest {
    i64 nz, ny, nx;  // samples a side of the finest grid, at least 2
    i64 stride;      // of the first grid, in samples: a power of two
    double level;
    double spacing[3], origin[3];  // x, y, z: where samples lie in the world
    bool is_double;                // values and vertices; else float
    bool whole;                    // every sample is evaluated, plane by plane
};

// How far around what is crossed the next grid is evaluated.
struct FieldReach {
    int cells;         // crossed cells are widened by so many
    double margin;     // a corner whose value lies so near to the level counts as crossed
    double lipschitz;  // the most that the value changes along a unit of the world; 0: not known
};

// What is handed over: places of pending samples, or their values.
enum class PlaceKind { kIndex, kFloat, kDouble };  // int32 (x, y, z); positions in the world

class Field {
public:
    static std::unique_ptr<Field> make(const FieldRequest& request, int threads);
    virtual ~Field() = default;

    // How many samples wait for their values.
    virtual i64 pending() const = 0;
    // The next of them, at most `capacity`, after those that were handed out before; how many there were.
    virtual i64 places(void* to, PlaceKind kind, i64 capacity) = 0;
    // Their values, in the same order; how many may be less. Returns the first that is NaN, or -1.
    virtual i64 take(const void* values, i64 count) = 0;
    // To be called when all have been taken: finds the samples to be evaluated next on this grid, out of
    // those that the surface's way demands. pending() tells how many.
    virtual void follow(const FieldReach& reach) = 0;
    // To be called when nothing is pending: goes to the grid of half the stride.
    virtual void refine(const FieldReach& reach) = 0;
    virtual i64 stride() const = 0;
    virtual i64 evaluated() const = 0;

    // Of the finest grid, when nothing is pending.
    virtual void prepare() = 0;
    virtual void emit(void* verts, void* faces, bool wide_faces) = 0;
    i64 vertices = 0, triangles = 0;
};

}  // namespace mc::cpu
