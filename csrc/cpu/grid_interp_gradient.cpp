// SPDX-License-Identifier: MIT
#include "grid_interp_gradient.h"

#include <algorithm>
#include <vector>

#include "../core/trilinear_slope.h"
#include "float_mode.h"
#include "grid_interp.h"

namespace mc::cpu {

namespace {

constexpr i64 kThreadPoints = 1 << 12;  // below this a thread costs more to start than it saves

template <class Real>
class Interpolated {
public:
    Interpolated(const Channels<Real>& volume, const Real* points, const InterpolationGradient& asked)
        : volume_(volume), points_(points), asked_(asked), plane_(volume.ny * volume.nx) {}

    void point(i64 p) const {
        const auto value_of = [&](i64 c) { return value(p, c); };
        const Slope sum = gradient_of_point(points_ + 3 * p, volume_.samples, volume_.channels, volume_.nz,
                                            volume_.ny, volume_.nx, value_of);
        Real* to = static_cast<Real*>(asked_.points) + 3 * p;
        for (int axis = 0; axis < 3; ++axis) to[axis] = static_cast<Real>(sum.along[axis]);
    }

    // Which plane the point's samples begin in; -1 where it has none.
    i64 plane_of(i64 p) const { return known(p) ? locate(points_[3 * p + 2], volume_.nz).low : -1; }

    // Adds what points (numbers, ascending) give to channel c of a plane: of their first one, or of their
    // second.
    void add(const i64* begin, const i64* end, i64 c, bool second, double* plane) const {
        for (; begin < end; ++begin) {
            const Trilinear<Real> at = located(*begin);
            if (second && !at.step_z) continue;
            const double z = static_cast<double>(at.tz), y = static_cast<double>(at.ty),
                         x = static_cast<double>(at.tx);
            const double g = value(*begin, c) * (second ? z : 1 - z);
            double* to = plane + at.base % plane_;
            to[0] += g * (1 - y) * (1 - x);
            if (at.step_x) to[at.step_x] += g * (1 - y) * x;
            if (at.step_y) to[at.step_y] += g * y * (1 - x);
            if (at.step_x && at.step_y) to[at.step_y + at.step_x] += g * y * x;
        }
    }

    void write(i64 c, i64 z, const double* plane) const {
        Real* to = static_cast<Real*>(asked_.volume) + (c * volume_.nz + z) * plane_;
        for (i64 k = 0; k < plane_; ++k) to[k] = static_cast<Real>(plane[k]);
    }

private:
    Trilinear<Real> located(i64 p) const {
        return trilinear_at(points_ + 3 * p, volume_.nz, volume_.ny, volume_.nx);
    }
    bool known(i64 p) const {
        const Real* at = points_ + 3 * p;
        return at[0] == at[0] && at[1] == at[1] && at[2] == at[2];
    }
    double value(i64 p, i64 c) const {
        const Real* values = static_cast<const Real*>(asked_.values);
        return static_cast<double>(values[p * asked_.point_stride + c * asked_.channel_stride]);
    }

    const Channels<Real>& volume_;
    const Real* points_;
    const InterpolationGradient& asked_;
    i64 plane_;
};

// The points by the plane that their samples begin in, in their order: those of plane z are
// [first[z], first[z + 1]).
struct ByPlane {
    std::vector<i64> first, points;

    template <class Real>
    ByPlane(const Interpolated<Real>& all, i64 count, i64 planes)
        : first(static_cast<std::size_t>(planes + 2)), points(static_cast<std::size_t>(count)) {
        // Counted one plane too far, so that while they are dealt out `first` becomes what it says.
        const auto at = [](i64 k) { return static_cast<std::size_t>(k); };
        for (i64 p = 0; p < count; ++p)
            if (const i64 z = all.plane_of(p); z >= 0) ++first[at(z + 2)];
        for (i64 z = 2; z < planes + 2; ++z) first[at(z)] += first[at(z - 1)];
        for (i64 p = 0; p < count; ++p)
            if (const i64 z = all.plane_of(p); z >= 0) points[at(first[at(z + 1)]++)] = p;
    }
    const i64* begin(i64 z) const { return points.data() + first[static_cast<std::size_t>(z)]; }
};

template <class Real>
void gradient_as(const Samples& volume, const Samples& points, const InterpolationGradient& asked,
                 int threads) {
    const Contiguous<Real> samples(volume, threads), at(points, threads);
    const i64* side = volume.sides;
    const i64 count = points.sides[2], channels = side[0], nz = side[1];
    const Channels<Real> given{samples.data(), channels, nz, side[2], side[3]};
    const Interpolated<Real> all(given, at.data(), asked);
    Team team(threads_worth(count + volume.count() / 8, kThreadPoints, threads));
    if (asked.points)
        team.for_each(count, [&](i64 begin, i64 end) {
            for (i64 p = begin; p < end; ++p) all.point(p);
        });
    if (!asked.volume) return;
    const ByPlane by_plane(all, count, nz);
    team.for_each(channels * nz, [&](i64 begin, i64 end) {
        std::vector<double> plane(static_cast<std::size_t>(side[2] * side[3]));
        for (i64 k = begin; k < end; ++k) {
            const i64 c = k / nz, z = k % nz;
            std::fill(plane.begin(), plane.end(), 0.0);
            if (z > 0) all.add(by_plane.begin(z - 1), by_plane.begin(z), c, true, plane.data());
            all.add(by_plane.begin(z), by_plane.begin(z + 1), c, false, plane.data());
            all.write(c, z, plane.data());
        }
    });
}

}  // namespace

void grid_interp_gradient(const Samples& volume, const Samples& points, const InterpolationGradient& asked,
                          int threads) {
    const FloatMode exact;
    (volume.dtype == Dtype::kFloat64 ? gradient_as<double> : gradient_as<float>)(volume, points, asked,
                                                                                 threads);
}

}  // namespace mc::cpu
