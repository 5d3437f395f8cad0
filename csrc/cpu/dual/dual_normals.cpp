// SPDX-License-Identifier: MIT
// The normals of the dual mesh's vertices: the mean direction on each one's crossings.
#include "../float_mode.h"
#include "../normals.h"
#include "over_rows.h"

namespace mc::cpu {

namespace {

Vector mean_normal(const Request& request, NormalOnEdge on_edge, const Place& cell, int patch) {
    Vector sum{0, 0, 0}, first{0, 0, 0};
    for (int edge = 0; edge < kEdges; ++edge) {
        if (!(patch >> edge & 1)) continue;
        const int low = edge_lower_corner(edge);
        const Place lower{{cell.at[0] + (low & 1), cell.at[1] + (low >> 1 & 1), cell.at[2] + (low >> 2)}};
        const Vector n = on_edge(request, lower, edge_axis(edge));
        if (first.x == 0 && first.y == 0 && first.z == 0) first = n;
        sum = {sum.x + n.x, sum.y + n.y, sum.z + n.z};
    }
    const double length = square_root(sum.x * sum.x + sum.y * sum.y + sum.z * sum.z);
    // Opposite normals leave no direction but rounding's.
    return length > 1e-6 ? Vector{sum.x / length, sum.y / length, sum.z / length} : first;
}

template <class Coord>
void emit_as(const DualPlan& plan, Coord* normals) {
    const Request& request = plan.samples.request;
    const NormalOnEdge on_edge = normal_on_edge(request.volume.dtype);
    for_each_patch(plan, [&](i64 v, const Patch& patch) {
        const Place cell{
            {patch.x + request.first(0), patch.y + request.first(1), patch.z + request.first(2)}};
        const Vector n = mean_normal(request, on_edge, cell, patch.edges);
        normals[3 * v] = static_cast<Coord>(n.x);
        normals[3 * v + 1] = static_cast<Coord>(n.y);
        normals[3 * v + 2] = static_cast<Coord>(n.z);
    });
}

}  // namespace

void emit_dual_normals(const DualPlan& plan, void* normals) {
    if (plan.vertices == 0) return;
    const FloatMode exact;
    if (plan.samples.request.volume.dtype == Dtype::kFloat64)
        emit_as(plan, static_cast<double*>(normals));
    else
        emit_as(plan, static_cast<float*>(normals));
}

}  // namespace mc::cpu
