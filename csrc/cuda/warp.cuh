// SPDX-License-Identifier: MIT
// Where a thread stands, and what a warp does together.
#pragma once

#include "../core/word.h"
#include "job.h"

#if defined(MC_EMULATED_GPU)
#include MC_EMULATED_GPU
#endif

namespace mc::cuda {

constexpr u32 kWholeWarp = 0xffffffffu;

MC_HD int lane() { return static_cast<int>(threadIdx.x % 32); }
MC_HD int warp_of_block() { return static_cast<int>(threadIdx.x / 32); }

MC_HD u32 quotient(u32 number, const Divisor& d) {
    return (__umulhi(number, d.multiplier) + number) >> d.shift;
}

// The sum over the lanes up to and with this one.
template <class Number>
MC_HD Number inclusive_sum(Number value) {
    for (int step = 1; step < 32; step *= 2) {
        const Number below = __shfl_up_sync(kWholeWarp, value, step);
        if (lane() >= step) value += below;
    }
    return value;
}

// The sum over all lanes.
template <class Number>
MC_HD Number warp_sum(Number value) {
    for (int step = 1; step < 32; step *= 2) value += __shfl_xor_sync(kWholeWarp, value, step);
    return value;
}

// A plane and the segment of it that a warp takes, where every plane has blocks of its own.
struct WarpSegment {
    u32 z, of_plane;

    MC_HD WarpSegment(const Divisor& plane_blocks, u32 warps_a_block) {
        z = quotient(blockIdx.x, plane_blocks);
        of_plane = (blockIdx.x - z * plane_blocks.by) * warps_a_block + threadIdx.x / 32;
    }

    // By its number among those of all planes.
    MC_HD WarpSegment(const Job& job, u32 segment) {
        z = quotient(segment, job.plane_segments);
        of_plane = segment - z * job.plane_segments.by;
    }

    MC_HD u32 number(const Job& job) const { return z * job.plane_segments.by + of_plane; }
};

// Which volume of the batch a plane of the grid is of, and which plane of that it is.
struct VolumePlane {
    u32 volume, z;

    MC_HD VolumePlane(const Job& job, u32 of_grid) : volume(quotient(of_grid, job.volume_planes)), z(0) {
        z = of_grid - volume * job.volume_planes.by;
    }
};

// Where a word stands in its plane.
struct WordPlace {
    u32 number, y, w;

    MC_HD WordPlace(const Job& job, u32 word) : number(word), y(quotient(word, job.row_words)), w(0) {
        w = word - y * job.row_words.by;
    }
};

// The words of plane z.
MC_HD u32* plane_of(const Job& job, u32* words, u32 z) {
    return words + static_cast<i64>(z) * job.plane_words;
}

// The bits of a word whose samples have a neighbour in x.
MC_HD u32 with_neighbour(const Job& job, u32 w) { return w + 1 < job.row_words.by ? ~0u : job.row_end; }

// A plane's bits around a word of cells: row y + 2z of each cell. Past the border the last row stands in for
// the missing one: nothing is crossed between equal rows.
struct WordRows {
    u32 at[4], next[4];  // the word, and the one after it in its row, 0 past the end

    MC_HD WordRows(const Job& job, u32* bits, u32 z, const WordPlace& place) : at{}, next{} {
        const u32* const here = plane_of(job, bits, z) + place.number;
        const u32* const above = z + 1 < job.nz ? here + job.plane_words : here;
        const u32 step = place.y + 1 < job.ny ? job.row_words.by : 0;
        at[0] = here[0], at[1] = here[step], at[2] = above[0], at[3] = above[step];
        if (place.w + 1 == job.row_words.by) return;
        next[0] = here[1], next[1] = here[step + 1], next[2] = above[1], next[3] = above[step + 1];
    }

    MC_HD CellRows<u32> cells() const {
        CellRows<u32> rows;
        for (int yz = 0; yz < 4; ++yz) rows.row[yz] = row_bits<u32>(at[yz], next[yz]);
        return rows;
    }
};

}  // namespace mc::cuda
