// SPDX-License-Identifier: MIT
// The normals of a mesh's vertices: written by stage 4 in the vertices' places, from the samples around each.
#include "normals.h"

#include "pipeline.h"
#include "slabs.h"

namespace mc::cpu {

namespace {

template <class T>
class Gradients {
public:
    explicit Gradients(const Request& request) : request_(request), volume_(request.volume) {}

    double value(const Place& p) const { return read(sample(p)); }

    // Nearly all samples have all their neighbours: those are read without asking for each.
    Vector at(const Place& p) const {
        if (is_inner(p)) {
            const T* here = sample(p);
            const Vector central{(read(here + volume_.stride_x) - read(here - volume_.stride_x)) / 2,
                                 (read(here + volume_.stride_y) - read(here - volume_.stride_y)) / 2,
                                 (read(here + volume_.stride_z) - read(here - volume_.stride_z)) / 2};
            if (central.x == central.x && central.y == central.y && central.z == central.z) return central;
        }
        return {slope_at(p, 0), slope_at(p, 1), slope_at(p, 2)};
    }

    bool within(const Place& p, int axis) const {
        const i64 sides[3] = {volume_.nx, volume_.ny, volume_.nz};
        return p.at[axis] >= 0 && p.at[axis] < sides[axis];
    }

private:
    static double read(const T* sample) { return static_cast<double>(SampleType<T>::read(*sample)); }

    const T* sample(const Place& p) const {
        return reinterpret_cast<const T*>(volume_.row(p.at[2], p.at[1])) + p.at[0] * volume_.stride_x;
    }

    bool is_inner(const Place& p) const {
        const auto inner = [](i64 at, i64 n) { return at > 0 && at + 1 < n; };
        return inner(p.at[0], volume_.nx) && inner(p.at[1], volume_.ny) && inner(p.at[2], volume_.nz) &&
               !request_.mask.data;
    }

    double slope_at(const Place& p, int axis) const {
        const Place lower = p.moved(axis, -1), upper = p.moved(axis, 1);
        double low = 0, high = 0;
        const bool has_lower = look(lower, axis, low), has_upper = look(upper, axis, high);
        return slope(has_lower, low, value(p), has_upper, high);
    }

    // A sample that does not count is as one beyond the border.
    bool look(const Place& p, int axis, double& found) const {
        if (!within(p, axis)) return false;
        const Mask& mask = request_.mask;
        if (mask.data && !mask.row(p.at[2], p.at[1])[p.at[0] * mask.stride_x]) return false;
        found = value(p);
        return found == found;
    }

    const Request& request_;
    const Volume& volume_;
};

Vector along(int axis, double by) {
    return {axis == 0 ? by : 0.0, axis == 1 ? by : 0.0, axis == 2 ? by : 0.0};
}

// Of the vertex on the edge from `lower` along an axis.
template <class T>
Vector normal_on_edge(const Gradients<T>& gradients, const Place& lower, int axis, double level,
                      const Vector& spacing) {
    const Place upper = lower.moved(axis, 1);
    if (!gradients.within(lower, axis)) return along(axis, -1);  // the cap of a closed border
    if (!gradients.within(upper, axis)) return along(axis, 1);
    using Real = typename SampleType<T>::Real;
    const Real a = static_cast<Real>(gradients.value(lower)), b = static_cast<Real>(gradients.value(upper));
    const double t = static_cast<double>(edge_fraction(a, b, static_cast<Real>(level)));
    return vertex_normal(gradients.at(lower), gradients.at(upper), t, spacing, along(axis, b > a ? 1 : -1));
}

template <class T, class Edges, class AxisOf>
void* emit_list(const VertexBatch& batch, const Edges& list, const AxisOf& axis_of, void* to) {
    using Coord = typename SampleType<T>::Coord;
    const Request& request = batch.plan->request;
    const double (&spacing)[3] = request.spacing;
    const Gradients<T> gradients(request);
    Coord* out = static_cast<Coord*>(to);
    for (int k = 0; k < list.size; ++k, out += 3) {
        const int edge = list.edge[k];
        const Place lower{{batch.x + column_of(edge), batch.y + row_of(edge), batch.z}};
        const Vector n = normal_on_edge(gradients, lower, axis_of(edge), request.level,
                                        {spacing[0], spacing[1], spacing[2]});
        out[0] = static_cast<Coord>(n.x);
        out[1] = static_cast<Coord>(n.y);
        out[2] = static_cast<Coord>(n.z);
    }
    return out;
}

template <class T>
void emit_batch(VertexBatch& batch) {
    batch.in_plane_to =
        emit_list<T>(batch, batch.in_plane, [](int edge) { return edge & 1; }, batch.in_plane_to);
    batch.upright_to = emit_list<T>(batch, batch.upright, [](int) { return 2; }, batch.upright_to);
}

template <class T>
Vector normal_as(const Request& request, const Place& lower, int axis) {
    const double (&spacing)[3] = request.spacing;
    return normal_on_edge(Gradients<T>(request), lower, axis, request.level,
                          {spacing[0], spacing[1], spacing[2]});
}

constexpr NormalOnEdge kNormalAs[kDtypes] = {
    normal_as<float>, normal_as<double>, normal_as<f16>, normal_as<bf16>,  normal_as<u8>,
    normal_as<i8>,    normal_as<i16>,    normal_as<i32>, normal_as<truth>, normal_as<whole>};

constexpr EmitVertices kEmitBatch[kDtypes] = {
    emit_batch<float>, emit_batch<double>, emit_batch<f16>, emit_batch<bf16>,  emit_batch<u8>,
    emit_batch<i8>,    emit_batch<i16>,    emit_batch<i32>, emit_batch<truth>, emit_batch<whole>};

}  // namespace

NormalOnEdge normal_on_edge(Dtype dtype) { return kNormalAs[static_cast<int>(dtype)]; }

Mesh normals_at(const Plan& plan, void* normals) {
    const Dtype dtype = plan.request.volume.dtype;
    const EmitVertices emit_batch = kEmitBatch[static_cast<int>(dtype)];
    return {static_cast<char*>(normals), nullptr, dtype == Dtype::kFloat64 ? 24 : 12, 0, false,
            {emit_batch, emit_batch}};
}

void emit_normals(const Plan& plan, void* normals) { emit_mesh(plan, normals_at(plan, normals)); }

}  // namespace mc::cpu
