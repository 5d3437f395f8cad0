// SPDX-License-Identifier: MIT
// Samples as callers have them, of every real dtype and any strides: packed for the stages, and surveyed.
#pragma once

#include "buffer.h"
#include "request.h"
#include "team.h"

namespace mc::cpu {

// A borrowed view of up to four axes, the slowest first; unused axes come first and have side 1.
struct Samples {
    const void* data;
    Dtype dtype;
    i64 sides[4];    // each >= 0
    i64 strides[4];  // in samples; any sign, 0 allowed

    i64 count() const { return sides[0] * sides[1] * sides[2] * sides[3]; }
    bool is_contiguous() const;
};

// Packs them C contiguous: float32, float64 (of any dtype), int32 (of uint16) or kWhole (of wide integers).
// Values the type cannot hold are rounded to the nearest. A bool is 0, or 1 for any byte that is not 0.
Buffer<char> pack(const Samples& samples, Dtype to, Team& team);

constexpr i64 kPackingShare = 1 << 17;  // samples: below this a thread costs more to start than it saves

// The volume in a dtype that the stages read: as it lies, or packed into `packed`.
Volume readable(const Volume& volume, Team& team, Buffer<char>& packed);

// The samples as contiguous Reals: where they lie, if they are that; otherwise packed.
template <class Real>
class Contiguous {
public:
    Contiguous(const Samples& samples, int threads) : data_(samples.data) {
        constexpr Dtype kReal = sizeof(Real) == sizeof(float) ? Dtype::kFloat32 : Dtype::kFloat64;
        if (samples.dtype == kReal && samples.is_contiguous()) return;
        Team team(threads_worth(samples.count(), kPackingShare, threads));
        packed_ = pack(samples, kReal, team);
        data_ = packed_.data();
    }
    const Real* data() const { return static_cast<const Real*>(data_); }

private:
    const void* data_;
    Buffer<char> packed_;
};

// What can be said of all samples.
struct Survey {
    i64 nans = 0;
    i64 first_nan = -1;        // counted in C order; -1 without one
    double low = 0, high = 0;  // of those that are not NaN; low > high where there are none
};
Survey survey(const Samples& samples, int threads);

}  // namespace mc::cpu
