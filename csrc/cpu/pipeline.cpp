// SPDX-License-Identifier: MIT
#include "pipeline.h"

#include <algorithm>

namespace mc::cpu {

namespace {

constexpr i64 kChunkSamples = 1 << 16;   // rows of one plane that make a chunk
constexpr i64 kThreadSamples = 1 << 18;  // below this a thread costs more to start than it saves

Plan make_plan(const Volume& volume, int threads) {
    const i64 samples = volume.rows() * volume.nx;
    Plan plan{};
    plan.volume = volume;
    plan.team =
        std::make_unique<Team>(static_cast<int>(std::clamp<i64>(samples / kThreadSamples, 1, threads)));
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
