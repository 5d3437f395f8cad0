// SPDX-License-Identifier: MIT
#pragma once

#include "../../core/displaced_edge.h"
#include "../gather.h"
#include "dual_gradient.h"

namespace mc::cpu {

// Reads the edges of a volume whose samples are displaced, and of a direction what moves them. What is not
// given is 0.
template <class Real>
class DisplacedEdges {
public:
    DisplacedEdges(const Request& request, const void* deform, const DualDirection* towards)
        : read_(request.volume.dtype),
          stride_(request.volume.stride_x),
          level_(level_in_double(request)),
          deform_(static_cast<const Real*>(deform)) {
        if (!towards) return;
        moves_ = static_cast<const Real*>(towards->volume);
        turns_ = static_cast<const Real*>(towards->deform);
        level_moves_ = towards->level;
    }

    DisplacedEdge edge(int axis, const RowSample& from, const RowSample& to) const {
        DisplacedEdge found{axis, sample(from), sample(to), level_, {}, {}};
        read(deform_, from, found.from);
        read(deform_, to, found.to);
        return found;
    }

    DisplacedDirection direction(const RowSample& from, const RowSample& to) const {
        DisplacedDirection found{{}, {}, {}};
        found.samples.level = level_moves_;
        if (moves_) {
            found.samples.a = static_cast<double>(moves_[from.number()]);
            found.samples.b = static_cast<double>(moves_[to.number()]);
        }
        read(turns_, from, found.from);
        read(turns_, to, found.to);
        return found;
    }

private:
    double sample(const RowSample& at) const { return read_(at.row.samples, at.x * stride_); }
    static void read(const Real* given, const RowSample& at, double (&to)[3]) {
        for (int k = 0; given && k < 3; ++k) to[k] = static_cast<double>(given[3 * at.number() + k]);
    }

    AnySample read_;
    i64 stride_;
    double level_;
    const Real *deform_, *moves_ = nullptr, *turns_ = nullptr;
    double level_moves_ = 0;
};

}  // namespace mc::cpu
