// SPDX-License-Identifier: MIT
#include "batch.h"

#include <atomic>
#include <utility>

#include "pipeline.h"
#include "slabs.h"

namespace mc::cpu {

namespace {

double samples_of(const Volume& v) {
    return static_cast<double>(v.nz) * static_cast<double>(v.ny) * static_cast<double>(v.nx);
}

// A thread a volume, as long as every thread gets one. What is left of large volumes is shared out, since a
// thread alone with one would end late.
std::size_t shared_volumes(const BatchRequest& request, int threads) {
    const bool are_large = useful_threads(samples_of(request.first.volume), threads) > 1;
    return are_large ? request.levels.size() % static_cast<std::size_t>(threads) : 0;
}

Request request_of(const BatchRequest& batch, std::size_t k) {
    Request request = batch.first;
    const i64 at = static_cast<i64>(k);
    Volume& volume = request.volume;
    volume.data = static_cast<const char*>(volume.data) +
                  at * batch.stride * kDtypeBytes[static_cast<int>(volume.dtype)];
    if (request.mask.data) request.mask.data += at * batch.mask_stride;
    request.level = batch.levels[k];
    return request;
}

// Calls work(k, team) for every volume: with all threads for the shared ones, one after the other, and with
// none but its own for each of the others.
template <class Work>
void for_each_volume(BatchPlan& plan, const Work& work) {
    for (std::size_t k = 0; k < plan.shared; ++k) work(k, plan.team);
    std::atomic<std::size_t> next{plan.shared};
    plan.team->for_each(plan.threads, [&](i64, i64) {
        std::unique_ptr<Team> alone = std::make_unique<Team>(1);
        for (std::size_t k; (k = next++) < plan.volumes();) work(k, alone);
    });
}

// The same with a counted plan of each, which has the team meanwhile.
template <class Work>
void for_each_plan(BatchPlan& plan, const Work& work) {
    for_each_volume(plan, [&](std::size_t k, std::unique_ptr<Team>& team) {
        if (const std::unique_ptr<Plan>& kept = plan.plans[k]) {
            kept->team = std::move(team);
            work(k, *kept);
            team = std::move(kept->team);
        } else {
            Plan again = prepare(request_of(plan.request, k), std::move(team));
            work(k, again);
            team = std::move(again.team);
        }
    });
}

i64 vertex_bytes(const BatchPlan& plan) {
    return plan.request.first.volume.dtype == Dtype::kFloat64 ? 24 : 12;
}

void advise(void* data, i64 bytes) { advise_huge_pages(data, static_cast<std::size_t>(bytes)); }

}  // namespace

BatchPlan prepare_batch(const BatchRequest& request, int threads) {
    const std::size_t volumes = request.levels.size();
    const double samples = samples_of(request.first.volume) * static_cast<double>(volumes);
    threads = useful_threads(samples, threads);
    BatchPlan plan{request, threads, std::make_unique<Team>(threads), shared_volumes(request, threads),
                   {},      {}};
    plan.plans.resize(volumes);
    plan.begins.resize(volumes + 1);
    std::atomic<bool> has_nan{false};
    for_each_volume(plan, [&](std::size_t k, std::unique_ptr<Team>& team) {
        auto counted = std::make_unique<Plan>(prepare(request_of(request, k), std::move(team)));
        team = std::move(counted->team);
        plan.begins[k] = {counted->vertices, counted->triangles};
        if (counted->has_nan) has_nan = true;
        // A packed copy of one volume is little, and of all of them as much as they.
        if (!counted->packed.data()) plan.plans[k] = std::move(counted);
    });
    plan.has_nan = has_nan;
    plan.most_vertices = scan_meshes(plan.begins);
    return plan;
}

void emit_batch(BatchPlan& plan, void* verts, void* faces, bool wide_faces) {
    const i64 vertex = vertex_bytes(plan), face = wide_faces ? 24 : 12;
    advise(verts, vertex * plan.vertices());
    advise(faces, face * plan.triangles());
    for_each_plan(plan, [&](std::size_t k, const Plan& volume) {
        const Address& begin = plan.begins[k];
        emit(volume, static_cast<char*>(verts) + vertex * begin.vertices,
             static_cast<char*>(faces) + face * begin.triangles, wide_faces);
    });
}

void emit_batch_normals(BatchPlan& plan, void* normals) {
    const i64 vertex = vertex_bytes(plan);
    advise(normals, vertex * plan.vertices());
    for_each_plan(plan, [&](std::size_t k, const Plan& volume) {
        emit_normals(volume, static_cast<char*>(normals) + vertex * plan.begins[k].vertices);
    });
}

void emit_batch_offsets(const BatchPlan& plan, i64* vertices, i64* triangles) {
    for (const Address& volume : plan.begins) {
        *vertices++ = volume.vertices;
        *triangles++ = volume.triangles;
    }
}

}  // namespace mc::cpu
