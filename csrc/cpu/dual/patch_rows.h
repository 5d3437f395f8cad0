// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "../simd/row_functions.h"
#include "dual_gradient.h"
#include "row_source.h"

namespace mc::cpu {

// A vertex: its cell's place in the row, the edges whose crossings it is the mean of, and what it gives to
// each of them on x, y and z.
struct PatchGift {
    double on[3];
    i32 x;
    u16 patch;
};

// The vertices of a row of cells, in their order.
class PatchRow {
public:
    explicit PatchRow(i64 nx) : first_(static_cast<std::size_t>(nx + 1)) {}

    i64 size() const { return size_; }

    // Adds what the vertices of a cell give to one of its edges, on the `kCount` axes from `axis` on. There
    // may be no such cell: it may lie before the row, too.
    template <int kCount>
    void add(i64 x, int edge, int axis, double* to) const {
        for (i64 k = first_[static_cast<std::size_t>(x + 1)]; k < size_; ++k) {
            const PatchGift& gift = gifts_[static_cast<std::size_t>(k)];
            if (gift.x != x) return;
            if (gift.patch >> edge & 1)
                for (int part = 0; part < kCount; ++part) to[part] += gift.on[axis + part];
        }
    }

    // Makes room for the row's vertices; they are to be written, and then numbered.
    PatchGift* resize(i64 size) {
        size_ = size;
        if (gifts_.size() < static_cast<std::size_t>(size)) gifts_.resize(static_cast<std::size_t>(size));
        return gifts_.data();
    }
    void number() {
        for (i64 k = size_; k-- > 0;)
            first_[static_cast<std::size_t>(gifts_[static_cast<std::size_t>(k)].x + 1)] = static_cast<u32>(k);
    }

private:
    i64 size_ = 0;
    std::vector<PatchGift> gifts_;
    std::vector<u32> first_;  // of cell x - 1, if that has any: else any number, whose vertex is another's
};

// How many edges a patch has.
struct PatchSizes {
    u8 of[1 << kEdges];

    constexpr PatchSizes() : of{} {
        for (int patch = 1; patch < 1 << kEdges; ++patch)
            of[patch] = static_cast<u8>(of[patch >> 1] + (patch & 1));
    }
};
inline constexpr PatchSizes kPatchSizes;

// The rows of cells around a run of rows of samples, of the current plane and the one before it, each listed
// when it is first asked for.
template <class Real>
class PatchRows {
public:
    PatchRows(const DualPlan& plan, const DualGradient& asked)
        : plan_(plan),
          asked_(asked),
          source_(*plan.planes),
          list_(row_functions().dual.list_patches),
          none_(plan.planes->nx),
          rows_(size(2 * (plan.chunk_rows + 1)), none_),
          held_(rows_.size()) {
        for (int n = 1; n <= kEdges; ++n) shares_[n] = 1.0 / n;
    }

    // For a run that begins with row `first` of samples, and for other planes than those that follow one
    // another.
    void reset(i64 first) {
        first_ = first - 1;
        std::fill(held_.begin(), held_.end(), i64(-1));
        for (i64& y : next_y_) y = -1;
    }

    const PatchRow& none() const { return none_; }

    // Row y of plane z of cells; beyond the grid there are none.
    const PatchRow& get(i64 z, i64 y) {
        if (z < 0 || y < 0 || z >= plan_.planes->nz - 1 || y >= plan_.cell_rows()) return none_;
        const std::size_t slot = size((z & 1) * (plan_.chunk_rows + 1) + y - first_);
        if (held_[slot] != z) {
            fill(rows_[slot], z, y, first_vertex(z, y));
            held_[slot] = z;
        }
        return rows_[slot];
    }

private:
    static std::size_t size(i64 items) { return static_cast<std::size_t>(items); }

    // Of a row, known where it follows the one before.
    i64 first_vertex(i64 z, i64 y) {
        const std::size_t side = size(z & 1);
        if (next_y_[side] != y || next_z_[side] != z) {
            const i64 column = y / plan_.chunk_rows;
            next_[side] = plan_.chunks[size(z * plan_.chunks_a_plane + column)].vertices;
            for (i64 before = column * plan_.chunk_rows; before < y; ++before)
                next_[side] += plan_.counts_of(z, before).vertices;
        }
        const i64 first = next_[side];
        next_[side] = first + plan_.counts_of(z, y).vertices;
        next_z_[side] = z, next_y_[side] = y + 1;
        return first;
    }

    void fill(PatchRow& row, i64 z, i64 y, i64 first) {
        const DualCounts& counts = plan_.counts_of(z, y);
        PatchGift* gift = row.resize(counts.vertices);
        if (!counts.vertices) return;
        if (x_.size() < counts.vertices) {
            x_.resize(counts.vertices);
            patches_.resize(counts.vertices);
        }
        list_(source_.get(z, y, &counts), x_.data(), patches_.data());
        const Real* from = static_cast<const Real*>(asked_.verts) + first * asked_.vertex_stride;
        for (std::size_t k = 0; k < counts.vertices; ++k, ++gift, from += asked_.vertex_stride) {
            const double share = shares_[kPatchSizes.of[patches_[k]]];
            for (int axis = 0; axis < 3; ++axis)
                gift->on[axis] = static_cast<double>(from[axis * asked_.axis_stride]) * share;
            gift->x = x_[k];
            gift->patch = patches_[k];
        }
        row.number();
    }

    const DualPlan& plan_;
    const DualGradient& asked_;
    RowSource source_;
    ListPatches list_;
    double shares_[kEdges + 1] = {};
    std::vector<i32> x_;
    std::vector<u16> patches_;
    PatchRow none_;
    std::vector<PatchRow> rows_;  // of planes of even and of odd z, the first one that before the run's
    std::vector<i64> held_;       // the plane that each of them is of
    i64 first_ = 0;
    i64 next_[2] = {}, next_z_[2] = {}, next_y_[2] = {-1, -1};  // the first vertex of row next_y
};

}  // namespace mc::cpu
