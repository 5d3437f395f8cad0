// SPDX-License-Identifier: MIT
// The normals of a mesh's vertices, written in the vertices' places, from the samples around each; the rule
// is core/gradient.h's, as on the CPU (cpu/normals.cpp).
#pragma once

#include "../core/gradient.h"
#include "stage4_emit.cuh"

namespace mc::cuda {

// A sample's place in the volume, by axis: x, y, z.
struct SamplePlace {
    i64 at[3];

    MC_HD SamplePlace moved(int axis, i64 by) const {
        return {{at[0] + (axis == 0 ? by : 0), at[1] + (axis == 1 ? by : 0), at[2] + (axis == 2 ? by : 0)}};
    }
    MC_HD i64 along(int axis) const { return axis == 0 ? at[0] : axis == 1 ? at[1] : at[2]; }
    MC_HD i64 offset(i64 stride_x, i64 stride_y, i64 stride_z) const {
        return at[0] * stride_x + at[1] * stride_y + at[2] * stride_z;
    }
};

template <class T>
struct Gradients {
    const Job& job;

    MC_HD typename EmitType<T>::Real value(const SamplePlace& p) const {
        return sample_at<T>(job, p.offset(job.stride_x, job.stride_y, job.stride_z));
    }

    MC_HD bool within(const SamplePlace& p, int axis) const {
        const i64 side = axis == 0 ? job.volume_nx : axis == 1 ? job.volume_ny : job.volume_nz;
        return p.along(axis) >= 0 && p.along(axis) < side;
    }

    // The gradient at a sample whose value is `here`. Its loops stay loops: a sample is read in as many ways
    // as there are types, and that code is there once.
    MC_HD Vector at(const SamplePlace& p, double here) const {
        Vector gradient{0, 0, 0};
        MC_SHORT_LOOP
        for (int axis = 0; axis < 3; ++axis) {
            const double along_axis = slope_at(p, axis, here);
            if (axis == 0) gradient.x = along_axis;
            if (axis == 1) gradient.y = along_axis;
            if (axis == 2) gradient.z = along_axis;
        }
        return gradient;
    }

private:
    MC_HD double slope_at(const SamplePlace& p, int axis, double here) const {
        double low = 0, high = 0;
        bool has_lower = false, has_upper = false;
        MC_SHORT_LOOP
        for (int step = -1; step < 2; step += 2) {
            double found = 0;
            const bool counts = look(p.moved(axis, step), axis, found);
            if (step < 0)
                has_lower = counts, low = found;
            else
                has_upper = counts, high = found;
        }
        return slope(has_lower, low, here, has_upper, high);
    }

    // A sample that does not count is as one beyond the border.
    MC_HD bool look(const SamplePlace& p, int axis, double& found) const {
        if (!within(p, axis)) return false;
        if (job.mask && !job.mask[p.offset(job.mask_stride_x, job.mask_stride_y, job.mask_stride_z)])
            return false;
        found = static_cast<double>(value(p));
        return found == found;
    }
};

MC_HD Vector along(int axis, double by) {
    return {axis == 0 ? by : 0.0, axis == 1 ? by : 0.0, axis == 2 ? by : 0.0};
}

// Of the vertex on the edge from `lower` along an axis.
template <class T>
MC_HD Vector normal_on_edge(const Job& job, const SamplePlace& lower, int axis) {
    using Real = typename EmitType<T>::Real;
    const Gradients<T> gradients{job};
    const SamplePlace upper = lower.moved(axis, 1);
    if (!gradients.within(lower, axis)) return along(axis, -1);  // the cap of a closed border
    if (!gradients.within(upper, axis)) return along(axis, 1);
    const Real a = gradients.value(lower), b = gradients.value(upper);
    const double t = static_cast<double>(edge_fraction(a, b, level_as<Real>(job)));
    Vector at_lower{}, at_upper{};
    MC_SHORT_LOOP
    for (int end = 0; end < 2; ++end) {
        const Vector here = gradients.at(lower.moved(axis, end), static_cast<double>(end ? b : a));
        if (end)
            at_upper = here;
        else
            at_lower = here;
    }
    const Vector spacing{job.spacing_x, job.spacing_y, job.spacing_z};
    return vertex_normal(at_lower, at_upper, t, spacing, along(axis, b > a ? 1 : -1));
}

template <class T, class Coord>
MC_HD void make_normal(const Job& job, u32 z, const WordPlace& place, const Listed& item, Coord* to) {
    const i64 border = job.border, x = static_cast<i64>(place.w) * kWordBits + item.voxel();
    const SamplePlace lower{{x - border, place.y - border, z - border}};
    const bool whole = kSame<T, Single> && job.dtype == kInt32;
    const Vector n =
        whole ? normal_on_edge<i32>(job, lower, item.axis()) : normal_on_edge<T>(job, lower, item.axis());
    to[0] = static_cast<Coord>(n.x);
    to[1] = static_cast<Coord>(n.y);
    to[2] = static_cast<Coord>(n.z);
}

// The types and the selection of cells are asked at run time: normals are two kernels.
template <class T>
MC_HD void normals(const Job& job) {
    using Coord = typename EmitType<T>::Coord;
    __shared__ VertexStaging<Coord> staging[kEmitThreads / 32];
    VertexStaging<Coord>& own = staging[warp_of_block()];
    for_active_segments(job, [&](const WarpSegment& segment, u32 active) {
        const WordPlace place(job, segment.of_plane * kSegmentWords + static_cast<u32>(lane()));
        CrossedEdges<u32> edges{};
        if (active >> lane() & 1u) {
            edges = crossed_edges(job, place, WordRows(job, job.bits, segment.z, place));
            if (job.cells) edges = used_at(job, segment.z, place, 0, 0, 0, edges);
        }
        const SegmentIds ids(job, segment);
        store_vertices(job, segment, ids, edges, own, static_cast<Coord*>(job.normals),
                       [&](const WordPlace& word, const Listed& item, Coord* to) {
                           make_normal<T>(job, segment.z, word, item, to);
                       });
    });
}

}  // namespace mc::cuda
