// SPDX-License-Identifier: MIT
// Stage 1 of a request: which samples are inside and which count, of the grid that has an outside layer
// around the volume where the border is closed; then, which cells count.
#pragma once

#include "stage1_classify.cuh"

namespace mc::cuda {

// The samples of a grid's word that are the volume's: which lanes', and where that of lane 0 would be.
struct WordSamples {
    int begin, end;
    i64 at, mask_at;

    MC_HD WordSamples(const Job& job, const VolumePlane& plane, const WordPlace& place) {
        const i64 border = job.border, z = plane.z - border, y = place.y - border;
        const i64 x = static_cast<i64>(place.w) * kWordBits - border, left = job.volume_nx - x;
        const bool has_row = z >= 0 && z < job.volume_nz && y >= 0 && y < job.volume_ny;
        begin = x < 0 ? 1 : 0;
        end = !has_row ? 0 : left < kWordBits ? static_cast<int>(left) : kWordBits;
        at = plane.volume * job.stride_volume + z * job.stride_z + y * job.stride_y + x * job.stride_x;
        mask_at = plane.volume * job.mask_stride_volume + z * job.mask_stride_z + y * job.mask_stride_y +
                  x * job.mask_stride_x;
    }
};

// Any strides and sides, by ballots as `classify`, but a word at a time: many small warps wait together. The
// bits of the samples that count lie where stage 2 puts its ranks, until then.
template <class T>
MC_HD void select(const Job& job) {
    using Real = typename EmitType<T>::Real;
    const WarpSegment segment(job.plane_classify_blocks, kThreads / 32);
    if (segment.of_plane >= job.plane_segments) return;
    const VolumePlane plane(job, segment.z);
    const Real level = level_of<Real>(job, plane.volume);
    const WordPlace own(job, segment.of_plane * kSegmentWords + static_cast<u32>(lane()));
    const WordSamples word(job, plane, own);
    u32 inside = 0, valid = 0;
    bool nan = false;
    MC_SHORT_LOOP
    for (int k = 0; k < kSegmentWords; ++k) {
        const i64 from = __shfl_sync(kWholeWarp, word.at, k);
        const i64 mask_from = __shfl_sync(kWholeWarp, word.mask_at, k);
        const int begin = __shfl_sync(kWholeWarp, word.begin, k), end = __shfl_sync(kWholeWarp, word.end, k);
        Real sample = level;
        bool counts = true;
        if (lane() >= begin && lane() < end) {
            sample = sample_at<T>(job, from + lane() * job.stride_x);
            if (job.mask) counts = job.mask[mask_from + lane() * job.mask_stride_x] != 0;
        }
        const bool is_number = sample == sample;
        const u32 inside_word = __ballot_sync(kWholeWarp, sample < level);
        const u32 valid_word = __ballot_sync(kWholeWarp, counts && is_number);
        if (lane() == k) inside = inside_word, valid = valid_word;
        nan |= counts && !is_number;
    }
    plane_of(job, job.bits, segment.z)[own.number] = inside;
    plane_of(job, job.ranks, segment.z)[own.number] = valid;
    report_nan(job, nan && !job.skip_nan);
}

// A cell counts where all its corners do, in one volume. A lane a word.
MC_HD void find_cells(const Job& job) {
    const WarpSegment segment(job.plane_classify_blocks, kThreads / 32);
    if (segment.of_plane >= job.plane_segments) return;
    const WordPlace place(job, segment.of_plane * kSegmentWords + static_cast<u32>(lane()));
    u32 cells = 0;
    if (VolumePlane(job, segment.z).z + 1 < job.volume_planes.by && place.y + 1 < job.ny)
        cells = with_neighbour(job, place.w);
    if (cells && job.selects) {
        const CellRows<u32> valid = WordRows(job, job.ranks, segment.z, place).cells();
        for (int yz = 0; yz < 4; ++yz) cells &= valid.row[yz].at & valid.row[yz].after;
    }
    plane_of(job, job.cells, segment.z)[place.number] = cells;
}

}  // namespace mc::cuda
