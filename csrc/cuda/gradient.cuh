// SPDX-License-Identifier: MIT
// Gradients of a mesh's vertices with respect to samples and level; the rule is core/edge_gradient.h's, as on
// the CPU (cpu/gradient.cpp). Each sample gathers from the at most six vertices around it, in the order of
// their ids. A warp takes segments, a lane makes the crossed edges around a word; then the warp lists the
// samples beside those, and takes from the list 32 at a time, a lane each.
#pragma once

#include "../core/edge_gradient.h"
#include "gradient_job.h"
#include "normals.cuh"

namespace mc::cuda {

constexpr int kGatherWords = 16;  // that a warp lists at a time
constexpr int kAddedAtOnce = 16;  // loads in flight of a thread that adds up

// What a warp keeps in shared memory. Of each word of a segment: the edges that its voxels own and the ids of
// the first vertices on those; and, at [1], the in-plane ones of the row before, the upright ones of the
// plane below.
struct GatherStaging {
    i64 in_plane[2][kSegmentWords], upright[2][kSegmentWords];
    i64 previous[kSegmentWords];  // the id on the x-edge that ends in the word's first sample; -1: none
    u32 x[2][kSegmentWords], y[2][kSegmentWords], z[2][kSegmentWords];
    u16 list[kGatherWords * kWordBits];
    double shares[kGatherWords][kWordBits + 1];  // of the level's gradient, by sample; the last one is never
                                                 // read: it keeps rows in banks of their own
};

// The used edges that a word some rows, planes and words away owns; none outside of the grid.
MC_HD CrossedEdges<u32> edges_at(const Job& job, u32 z, const WordPlace& place, int up, int rows, int words) {
    const u32 to_z = z + static_cast<u32>(up);
    WordPlace there = place;
    there.y += static_cast<u32>(rows);
    there.w += static_cast<u32>(words);
    if (to_z >= job.nz || there.y >= job.ny || there.w >= job.row_words.by)
        return {0, 0, 0};  // -1 is beyond all of them
    there.number = there.y * job.row_words.by + there.w;
    const CrossedEdges<u32> edges = crossed_edges(job, there, WordRows(job, job.bits, to_z, there));
    return job.cells ? used_at(job, to_z, there, 0, 0, 0, edges) : edges;
}

// Puts the edges around a lane's word into shared memory; returns which of its samples they touch. Ids are
// read where an edge needs them: of other words they may never have been written.
MC_HD u32 find_edges_around(const Job& job, u32 z, const WordPlace& place, GatherStaging& own) {
    const CrossedEdges<u32> edges = edges_at(job, z, place, 0, 0, 0);
    const CrossedEdges<u32> row = edges_at(job, z, place, 0, -1, 0);
    const CrossedEdges<u32> plane = edges_at(job, z, place, -1, 0, 0);
    const CrossedEdges<u32> word = edges_at(job, z, place, 0, 0, -1);
    const int me = lane();
    own.x[0][me] = edges.x, own.y[0][me] = edges.y, own.z[0][me] = edges.z;
    own.x[1][me] = row.x, own.y[1][me] = row.y, own.z[1][me] = plane.z;
    const PlaneIds<i64> ids(job, z);
    if (edges.x | edges.y | edges.z) {
        own.in_plane[0][me] = ids.in_plane(place.number);
        own.upright[0][me] = ids.upright(place.number);
    }
    if (row.y) own.in_plane[1][me] = ids.in_plane(place.number - job.row_words.by);
    if (plane.z) own.upright[1][me] = PlaneIds<i64>(job, z - 1).upright(place.number);
    const u32 carried = word.x >> 31;
    const int after = popcount(word.x) + popcount(word.y) - 1 - static_cast<int>(word.y >> 31);
    own.previous[me] = carried ? ids.in_plane(place.number - 1) + after : -1;
    return edges.x | edges.y | edges.z | row.y | plane.z | edges.x << 1 | carried;
}

// A sample's edges are six, in the order of their vertices' ids: those that end in it, on z, y and x, then
// its own on x, y and z.
struct SampleEdge {
    int number;

    MC_HD bool owned() const { return number > 2; }
    MC_HD int axis() const { return owned() ? number - 3 : 2 - number; }
};

// Which of them have a vertex, a bit each.
MC_HD u32 edges_of_sample(const GatherStaging& own, int word, int i) {
    const auto bit = [i](u32 bits) { return bits >> i & 1u; };
    const u32 x = own.x[0][word], from_x = i ? x >> (i - 1) & 1u : own.previous[word] >= 0 ? 1u : 0u;
    return bit(own.z[1][word]) | bit(own.y[1][word]) << 1 | from_x << 2 | bit(x) << 3 |
           bit(own.y[0][word]) << 4 | bit(own.z[0][word]) << 5;
}

// The same less those that lead out of the volume, whose vertices stand still.
MC_HD u32 edges_within(const Job& job, const SamplePlace& at, u32 edges) {
    const auto stays = [](i64 along, i64 side, u32 from, u32 to) {
        return (along > 0 ? from : 0u) | (along + 1 < side ? to : 0u);
    };
    const i64 x = at.at[0], y = at.at[1], z = at.at[2];
    if (x < 0 || x >= job.volume_nx || y < 0 || y >= job.volume_ny || z < 0 || z >= job.volume_nz) return 0;
    return edges & (stays(x, job.volume_nx, 4u, 8u) | stays(y, job.volume_ny, 2u, 16u) |
                    stays(z, job.volume_nz, 1u, 32u));
}

MC_HD i64 id_on_edge(const GatherStaging& own, int word, int i, const SampleEdge& edge) {
    const u32 below = bits_below<u32>(i);
    const int from = edge.number < 2 ? 1 : 0;  // the row before, or the plane below
    if (edge.axis() == 2) return own.upright[from][word] + popcount(own.z[from][word] & below);
    if (edge.number == 2 && i == 0) return own.previous[word];
    const u32 before = edge.number == 2 ? below >> 1 : below;
    const u32 before_x = edge.axis() == 1 ? before << 1 | 1u : before;
    return own.in_plane[from][word] + popcount(own.x[from][word] & before_x) +
           popcount(own.y[from][word] & before);
}

MC_HD bool is_computed_wide(const Job& job) { return job.dtype == kFloat64 || job.dtype == kInt32; }

MC_HD double double_at(const Job& job, i64 at) {
    return is_computed_wide(job) ? sample_at<Double>(job, at)
                                 : static_cast<double>(sample_at<Single>(job, at));
}

MC_HD double real_at(const GradientJob& job, const void* reals, i64 at) {
    return job.wide ? static_cast<const double*>(reals)[at]
                    : static_cast<double>(static_cast<const float*>(reals)[at]);
}

MC_HD void put_real(const GradientJob& job, void* reals, i64 at, double value) {
    if (job.wide)
        static_cast<double*>(reals)[at] = value;
    else
        static_cast<float*>(reals)[at] = static_cast<float>(value);
}

// One sample's sums, over its edges.
struct Gathered {
    const GradientJob& job;
    double level, sample, towards;  // of the sample itself: its value and how it moves
    i64 at, number;                 // where it is read, and its number in C order
    double by_sample = 0, by_level = 0;

    MC_HD Gathered(const GradientJob& job, const SamplePlace& here)
        : job(job), level(is_computed_wide(job) ? job.level64 : static_cast<double>(job.level32)) {
        at = here.offset(job.stride_x, job.stride_y, job.stride_z);
        number = here.offset(1, job.volume_nx, job.volume_nx * job.volume_ny);
        sample = double_at(job, at);
        towards = job.direction ? real_at(job, job.direction, number) : 0;
    }

    // The edge's vertex is `id`.
    MC_HD void add(const SampleEdge& edge, i64 id) {
        const int axis = edge.axis();
        const i64 step = axis == 0 ? job.stride_x : axis == 1 ? job.stride_y : job.stride_z;
        const double other = double_at(job, edge.owned() ? at + step : at - step);
        const double a = edge.owned() ? sample : other, b = edge.owned() ? other : sample;
        const double g = real_at(job, job.vertex_gradient, id * job.vertex_stride + axis * job.axis_stride);
        const EdgeGradient found = job.direction ? along(edge, id, a, b, g) : edge_gradient(a, b, level, g);
        by_sample += edge.owned() ? found.lower : found.upper;
        if (edge.owned()) by_level += found.level;
    }

private:
    MC_HD EdgeGradient along(const SampleEdge& edge, i64 id, double a, double b, double g) {
        const int axis = edge.axis();
        const i64 step = axis == 0 ? 1 : axis == 1 ? job.volume_nx : job.volume_nx * job.volume_ny;
        const double other = real_at(job, job.direction, edge.owned() ? number + step : number - step);
        const EdgeDirection to{edge.owned() ? towards : other, edge.owned() ? other : towards,
                               job.level_direction};
        const SecondGradient second = second_gradient(a, b, level, g, to);
        if (edge.owned()) put_real(job, job.moved, 3 * id + axis, second.along);
        return second.by;
    }
};

MC_HD void gather_sample(const GradientJob& job, u32 z, const WordPlace& place, const Listed& item,
                         GatherStaging& own) {
    const int word = item.lane(), i = item.voxel();
    const i64 border = job.border, x = static_cast<i64>(place.w) * kWordBits + i;
    const SamplePlace here{{x - border, place.y - border, z - border}};
    u32 edges = edges_of_sample(own, word, i);
    if (border) edges = edges_within(job, here, edges);
    if (!edges) return;
    Gathered sums(job, here);
    MC_SHORT_LOOP
    for (; edges; edges &= edges - 1) {
        const SampleEdge edge{lowest_bit(edges)};
        sums.add(edge, id_on_edge(own, word, i, edge));
    }
    if (job.by_volume) put_real(job, job.by_volume, sums.number, sums.by_sample);
    if (job.word_sums) own.shares[word % kGatherWords][i] = sums.by_level;
}

// The sum of every kApart-th of a word's shares, in the order of core/edge_gradient.h.
template <int kApart>
MC_HD double sum_of_shares(const double* first) {
    if constexpr (kApart == kLevelLanes)
        return *first;
    else
        return sum_of_shares<2 * kApart>(first) + sum_of_shares<2 * kApart>(first + kApart);
}

MC_HD void clear_shares(GatherStaging& own) {
    double* const all = own.shares[0];
    for (int k = lane(); k < kGatherWords * (kWordBits + 1); k += 32) all[k] = 0;
}

// Writes what each of kGatherWords words, the marked ones, adds to the level's gradient: two lanes a word.
MC_HD void write_word_sums(const GatherStaging& own, u32 marked, double* sums) {
    static_assert(2 * kGatherWords == 32, "a warp has two lanes a word");
    const int word = lane() % kGatherWords;
    const double half = sum_of_shares<2>(own.shares[word] + lane() / kGatherWords);
    const double sum = half + __shfl_xor_sync(kWholeWarp, half, kGatherWords);
    if (lane() < kGatherWords && marked >> word & 1u) sums[word] = sum;
}

// Words of a segment, kGatherWords from `first` on; `beside` are the samples of this lane's that touch edges,
// `words` those words that have any.
MC_HD void gather_words(const GradientJob& job, const WarpSegment& segment, int first, u32 beside, u32 words,
                        GatherStaging& own) {
    const u32 mine = lane() / kGatherWords == first / kGatherWords ? beside : 0;
    const u32 count = static_cast<u32>(popcount(mine)), sum = inclusive_sum(count);
    const u32 word = segment.of_plane * kSegmentWords;
    Marks marks{mine, sum - count};
    if (job.word_sums) clear_shares(own);
    const auto list = [&](u32 begin, u32 end) { marks.list(own.list, begin, end, 0); };
    in_batches(__shfl_sync(kWholeWarp, sum, 31), own.list, list, [&](Listed item, u32, u32 batch) {
        const WordPlace place(job, word + static_cast<u32>(item.lane()));
        if (static_cast<u32>(lane()) < batch) gather_sample(job, segment.z, place, item, own);
    });
    __syncwarp();
    if (job.word_sums) {
        const i64 at = static_cast<i64>(segment.z) * job.ny * job.row_words.by + word + first;
        write_word_sums(own, words >> first, job.word_sums + at);
    }
    __syncwarp();  // before shared memory is written again
}

MC_HD void gather_segment(const GradientJob& job, const WarpSegment& segment, GatherStaging& own) {
    const WordPlace place(job, segment.of_plane * kSegmentWords + static_cast<u32>(lane()));
    const u32 beside = find_edges_around(job, segment.z, place, own);
    const u32 words = __ballot_sync(kWholeWarp, beside != 0);
    MC_SHORT_LOOP
    for (int first = 0; first < kSegmentWords; first += kGatherWords)
        if (words >> first & low_bits<u32>(kGatherWords))
            gather_words(job, segment, first, beside, words, own);
}

// Do the segment, or those before it in x, y or z, own anything? Else no edge touches its samples.
MC_HD bool is_beside_any(const Job& job, const WarpSegment& segment) {
    const u32 planes = job.plane_segments.by, row = job.row_words.by,
              first = segment.of_plane * kSegmentWords;
    const u32* const here = job.active + static_cast<i64>(segment.z) * planes;
    u32 any = here[segment.of_plane];
    if (segment.of_plane) any |= here[segment.of_plane - 1];
    if (segment.z) any |= (here - planes)[segment.of_plane];
    if (first + kSegmentWords > row) {
        const u32 last = (first + kSegmentWords - 1 - row) / kSegmentWords;
        any |= here[last] | here[first > row ? (first - row) / kSegmentWords : 0];
    }
    return any != 0;
}

// Blocks of kEmitThreads, a warp a run of segments as in stage 4. Samples that no edge touches are not
// written.
MC_HD void gather(const GradientJob& job) {
    __shared__ GatherStaging staging[kEmitThreads / 32];
    const u32 warp = blockIdx.x * (kEmitThreads / 32) + threadIdx.x / 32, first = warp * job.emit_run;
    const u32 of_lane = first + static_cast<u32>(lane());
    const bool there = static_cast<u32>(lane()) < job.emit_run && of_lane < job.segments;
    const bool beside = there && is_beside_any(job, WarpSegment(job, of_lane));
    MC_SHORT_LOOP
    for (u32 left = __ballot_sync(kWholeWarp, beside); left; left &= left - 1) {
        const u32 segment = first + static_cast<u32>(lowest_bit(left));
        gather_segment(job, WarpSegment(job, segment), staging[warp_of_block()]);
    }
}

// A thread a group.
MC_HD void add_up(const SumJob& job) {
    const i64 group = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (group >= job.groups) return;
    const double* const items = job.items + group * job.size;
    double sum = 0;
    for (i64 first = 0; first < job.size; first += kAddedAtOnce) {
        double item[kAddedAtOnce];
        for (int k = 0; k < kAddedAtOnce; ++k) item[k] = first + k < job.size ? items[first + k] : 0;
        for (int k = 0; k < kAddedAtOnce; ++k) sum += item[k];
    }
    job.sums[group] = sum;
}

}  // namespace mc::cuda
