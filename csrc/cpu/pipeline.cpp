// SPDX-License-Identifier: MIT
#include "pipeline.h"

#include <algorithm>
#include <cmath>

namespace mc::cpu {

namespace {

constexpr i64 kChunkSamples = 1 << 16;  // rows of one plane that make a chunk
constexpr double kStartSamples = 7e4;   // what a thread works through in the time one takes to start

// N threads take work / N + N starts, which is least where N = sqrt(work / start). More only cost.
int useful_threads(i64 samples, int wanted) {
    const double best = std::sqrt(static_cast<double>(samples) / kStartSamples);
    return best < wanted ? std::max(static_cast<int>(best), 1) : wanted;
}

Plan make_plan(const Volume& volume, int threads) {
    const i64 samples = volume.rows() * volume.nx;
    Plan plan{};
    plan.volume = volume;
    plan.team = std::make_unique<Team>(useful_threads(samples, threads));
    plan.chunk_rows = std::clamp<i64>(kChunkSamples / volume.nx, 1, volume.ny);
    plan.chunks_a_plane = (volume.ny + plan.chunk_rows - 1) / plan.chunk_rows;
    plan.bits = Buffer<u64>(static_cast<std::size_t>(volume.rows() * volume.words()));
    plan.rows = Buffer<RowCounts>(static_cast<std::size_t>(volume.rows()));
    plan.chunks.resize(static_cast<std::size_t>(volume.nz * plan.chunks_a_plane));
    return plan;
}

}  // namespace

Plan prepare(const Volume& volume, int threads) {
    Plan plan = make_plan(volume, threads);
    // The samples are read once: from here on a sample is one bit.
    classify(plan);
    if (plan.has_nan) return plan;
    // bits: every sample's side of the level.
    count(plan);
    // rows, chunks: how many vertices and triangles each owns.
    scan(plan);
    // chunks: where each one's vertices and triangles begin; the totals are known.
    return plan;
}

}  // namespace mc::cpu
