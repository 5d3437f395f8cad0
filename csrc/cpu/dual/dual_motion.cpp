// SPDX-License-Identifier: MIT
// How the dual mesh's vertices move with samples, level and displacements.
#include "../float_mode.h"
#include "displaced_edges.h"
#include "over_rows.h"

namespace mc::cpu {

namespace {

// A vertex whose cell is counted from the volume's first, which lies a border further.
Patch in_volume(const Request& request, const Patch& listed) {
    const i64 border = request.border();
    return {listed.x - border, listed.y - border, listed.z - border, listed.edges};
}

// The samples at the ends of an edge of a cell. One of them may lie in the layer around the volume.
class EdgeEnds {
public:
    EdgeEnds(const Volume& volume, const Patch& patch, int edge)
        : low_(row(volume, patch, edge_lower_corner(edge))),
          high_(row(volume, patch, edge_upper_corner(edge))),
          x_{patch.x + (edge_lower_corner(edge) & 1), patch.x + (edge_upper_corner(edge) & 1)},
          nx_(volume.nx) {}

    bool within() const { return low_.samples && high_.samples && x_[0] >= 0 && x_[1] < nx_; }
    RowSample from() const { return {low_, x_[0]}; }
    RowSample to() const { return {high_, x_[1]}; }

private:
    static SampleRow row(const Volume& volume, const Patch& patch, int corner) {
        const i64 y = patch.y + (corner >> 1 & 1), z = patch.z + (corner >> 2);
        const bool within = z >= 0 && z < volume.nz && y >= 0 && y < volume.ny;
        return {within ? volume.row(z, y) : nullptr, (z * volume.ny + y) * volume.nx};
    }

    SampleRow low_, high_;
    i64 x_[2], nx_;
};

template <class Real>
void move(const DualPlan& plan, const void* deform, const DualDirection& towards, Real* moved) {
    const Request& request = plan.samples.request;
    const DisplacedEdges<Real> edges(request, deform, &towards);
    for_each_patch(plan, [&](i64 v, const Patch& listed) {
        const Patch patch = in_volume(request, listed);
        double sum[3] = {0, 0, 0};
        for (int left = patch.edges; left; left &= left - 1) {
            const int edge = lowest_bit(static_cast<u32>(left));
            const EdgeEnds ends(request.volume, patch, edge);
            if (!ends.within()) continue;  // it stands on the border
            const DisplacedEdge on = edges.edge(edge_axis(edge), ends.from(), ends.to());
            const DisplacedDirection to = edges.direction(ends.from(), ends.to());
            for (int axis = 0; axis < 3; ++axis) sum[axis] += crossing_moves(on, to, axis);
        }
        const double share = 1.0 / popcount(static_cast<u32>(patch.edges));
        for (int axis = 0; axis < 3; ++axis) moved[3 * v + axis] = static_cast<Real>(sum[axis] * share);
    });
}

// In the vertices' own type, an edge after the other.
template <class Real>
void displace(const DualPlan& plan, const void* deform, Real* verts) {
    const Request& request = plan.samples.request;
    const DisplacedEdges<Real> edges(request, deform, nullptr);
    for_each_patch(plan, [&](i64 v, const Patch& listed) {
        const Patch patch = in_volume(request, listed);
        Real sum[3] = {0, 0, 0};
        for (int left = patch.edges; left; left &= left - 1) {
            const int edge = lowest_bit(static_cast<u32>(left)), low = edge_lower_corner(edge);
            const EdgeEnds ends(request.volume, patch, edge);
            const DisplacedEdge on = edges.edge(edge_axis(edge), ends.from(), ends.to());
            const Real t =
                edge_fraction(static_cast<Real>(on.a), static_cast<Real>(on.b), static_cast<Real>(on.level));
            const i64 corner[3] = {patch.x + (low & 1), patch.y + (low >> 1 & 1), patch.z + (low >> 2)};
            for (int axis = 0; axis < 3; ++axis) {
                const Real along = axis == on.axis ? t : Real(0);
                const Real from = static_cast<Real>(on.from[axis]) * (Real(1) - t);
                const Real to = static_cast<Real>(on.to[axis]) * t;
                sum[axis] += static_cast<Real>(corner[axis]) + along + from + to;
            }
        }
        const Real count = static_cast<Real>(popcount(static_cast<u32>(patch.edges)));
        for (int axis = 0; axis < 3; ++axis) verts[3 * v + axis] = sum[axis] / count;
    });
}

bool is_double(const DualPlan& plan) { return plan.samples.request.volume.dtype == Dtype::kFloat64; }

}  // namespace

void emit_moved(const DualPlan& plan, const void* deform, const DualDirection& towards, void* moved) {
    if (plan.vertices == 0) return;
    const FloatMode exact;
    if (is_double(plan)) return move(plan, deform, towards, static_cast<double*>(moved));
    move(plan, deform, towards, static_cast<float*>(moved));
}

void emit_displaced(const DualPlan& plan, const void* deform, void* verts) {
    if (plan.vertices == 0) return;
    const FloatMode exact;
    if (is_double(plan)) return displace(plan, deform, static_cast<double*>(verts));
    displace(plan, deform, static_cast<float*>(verts));
}

}  // namespace mc::cpu
