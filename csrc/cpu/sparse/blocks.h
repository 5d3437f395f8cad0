// SPDX-License-Identifier: MIT
// Marching cubes over the blocks of a grid that is known in places: prepare, allocate exactly, emit. A block
// of one cell is a cell.
#pragma once

#include <memory>
#include <vector>

#include "../plan.h"
#include "../samples.h"

namespace mc::cpu {

// Positions (count, 3), x, y, z, in blocks: int32, or int64 where wide. Strides in items.
struct BlockCoords {
    const void* data;
    bool wide;
    i64 count, stride, stride_axis;

    // One type of number, read as at(block, axis).
    template <class T>
    struct Of {
        using Number = T;
        const T* data;
        i64 stride, stride_axis;

        T operator()(i64 block, int axis) const { return data[block * stride + axis * stride_axis]; }
    };
    template <class Use>
    auto as_they_lie(const Use& use) const {
        if (wide) return use(Of<i64>{static_cast<const i64*>(data), stride, stride_axis});
        return use(Of<i32>{static_cast<const i32*>(data), stride, stride_axis});
    }
};

struct BlockRequest {
    BlockCoords coords;
    Samples values;  // (count, side + 1, side + 1, side + 1), z, y, x
    i64 side;        // cells a side
    double level;
};

// Why there is no mesh.
enum class BlockFault { kNone, kTwice, kApart, kNan, kTooFar };

struct BlockTrouble {
    BlockFault fault = BlockFault::kNone;
    i64 at[3] = {0, 0, 0};      // x, y, z: of the block that is there twice; else of the sample
    double values[2] = {0, 0};  // the two that a shared sample was given
};

// The blocks in raster order, and what is known after stage 3. Memory: 24 bytes a block while they are
// sorted, 12 from then on, and the planes at work.
class BlockPlan;
std::unique_ptr<BlockPlan> prepare_blocks(const BlockRequest& request, int threads);

class BlockPlan {
public:
    virtual ~BlockPlan() = default;
    virtual void emit(void* verts, void* faces, bool wide_faces) = 0;  // verts: double for float64 values

    BlockTrouble trouble;
    i64 vertices = 0, triangles = 0;
};

}  // namespace mc::cpu
