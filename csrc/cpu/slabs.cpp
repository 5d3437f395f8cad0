// SPDX-License-Identifier: MIT
#include "slabs.h"

#include <algorithm>
#include <cmath>

#include "samples.h"

namespace mc::cpu {

namespace {

constexpr i64 kChunkSamples = 1 << 16;  // rows of one plane that make a chunk
constexpr double kStartSamples = 7e4;   // what a thread works through in the time one takes to start
constexpr i64 kSlabBytes = 1 << 23;     // scratch that any grid may take

i64 chunk_rows(const Grid& grid) { return std::clamp<i64>(kChunkSamples / grid.nx, 1, grid.ny); }

i64 chunks_a_plane(const Grid& grid) { return (grid.ny + chunk_rows(grid) - 1) / chunk_rows(grid); }

// All planes in one slab, unless its scratch would be more than an eighth of a float32 volume and kSlabBytes:
// rows of few samples still take a word and their counts.
i64 planes_a_slab(const Request& request, const Grid& grid) {
    if (request.slab_planes > 0) return request.slab_planes;
    const double words = static_cast<double>(grid.words()) * (request.selects() ? 3 : 1);
    const double plane = static_cast<double>(grid.ny) * (8 * words + sizeof(RowCounts)) +
                         static_cast<double>(chunks_a_plane(grid)) * sizeof(Chunk);
    const double samples = static_cast<double>(grid.ny) * static_cast<double>(grid.nx);
    const double planes = static_cast<double>(grid.nz);
    if (plane * planes <= samples / 2 * planes + kSlabBytes) return grid.nz;
    return std::max<i64>(static_cast<i64>(kSlabBytes / plane), 1);
}

std::size_t size(i64 items) { return static_cast<std::size_t>(items); }

}  // namespace

// N threads take work / N + N starts, which is least where N = sqrt(work / start). More only cost.
int useful_threads(double samples, int wanted) {
    const double best = std::sqrt(samples / kStartSamples);
    return best < wanted ? std::max(static_cast<int>(best), 1) : wanted;
}

Plan make_plan(const Request& request, std::unique_ptr<Team> team) {
    const Grid grid(request);
    Plan plan{request, grid, std::move(team), planes_a_slab(request, grid), {}, {}};
    plan.request.volume = readable(request.volume, *plan.team, plan.packed);
    return plan;
}

Plan make_plan(const Request& request, int threads) {
    const Grid grid(request);
    const double samples =
        static_cast<double>(grid.nz) * static_cast<double>(grid.ny) * static_cast<double>(grid.nx);
    return make_plan(request, std::make_unique<Team>(useful_threads(samples, threads)));
}

Slab make_slab(const Plan& plan, i64 begin) {
    const Grid& grid = plan.grid;
    const i64 more = plan.request.selects() ? 1 : 0;
    Slab slab{};
    slab.begin = begin;
    slab.end = std::min(begin + plan.slab_planes, grid.nz);
    slab.first = std::max<i64>(begin - more, 0);
    slab.last = std::min(slab.end + 1 + more, grid.nz);
    slab.ny = grid.ny;
    slab.words = grid.words();
    slab.chunk_rows = chunk_rows(grid);
    slab.chunks_a_plane = chunks_a_plane(grid);
    if (const OneLabel* label = plan.request.label)
        slab.bits = Buffer<u64>::lent(label->bits + slab.first * slab.ny * slab.words);
    else
        slab.bits = Buffer<u64>(size((slab.last - slab.first) * slab.ny * slab.words));
    slab.rows = Buffer<RowCounts>(size((slab.counted() - begin) * slab.ny));
    slab.chunks.resize(size(slab.chunk_count()));
    return slab;
}

Mesh mesh_at(const Plan& plan, void* verts, void* faces, bool wide_faces) {
    const i64 vertex_bytes = plan.request.volume.dtype == Dtype::kFloat64 ? 24 : 12;
    const auto& emit_vertices = row_functions().emit_vertices;
    const int dtype = static_cast<int>(plan.request.volume.dtype);
    const Mesh mesh{static_cast<char*>(verts),
                    static_cast<char*>(faces),
                    vertex_bytes,
                    wide_faces ? 24 : 12,
                    wide_faces,
                    {emit_vertices[0][dtype], emit_vertices[1][dtype]}};
    advise_huge_pages(verts, size(plan.vertices * mesh.vertex_bytes));
    advise_huge_pages(faces, size(plan.triangles * mesh.face_bytes));
    return mesh;
}

}  // namespace mc::cpu
