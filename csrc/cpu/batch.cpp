// SPDX-License-Identifier: MIT
#include "batch.h"

#include "pipeline.h"
#include "slabs.h"

namespace mc::cpu {

namespace {

double samples_of(const Volume& v) {
    return static_cast<double>(v.nz) * static_cast<double>(v.ny) * static_cast<double>(v.nx);
}

int threads_for(const BatchRequest& request, int threads) {
    return useful_threads(samples_of(request.first.volume) * static_cast<double>(request.volumes()), threads);
}

std::size_t shared_volumes(const BatchRequest& request, int threads) {
    const bool are_large = useful_threads(samples_of(request.first.volume), threads) > 1;
    return are_large ? request.volumes() % static_cast<std::size_t>(threads) : 0;
}

}  // namespace

Request BatchRequest::of(std::size_t k) const {
    Request request = first;
    const i64 at = static_cast<i64>(k);
    Volume& volume = request.volume;
    volume.data =
        static_cast<const char*>(volume.data) + at * stride * kDtypeBytes[static_cast<int>(volume.dtype)];
    if (request.mask.data) request.mask.data += at * mask_stride;
    request.level = levels[k];
    return request;
}

BatchTeam::BatchTeam(const BatchRequest& request, int threads)
    : volumes_(request.volumes()),
      threads_(threads_for(request, threads)),
      shared_(shared_volumes(request, threads_)),
      team_(std::make_unique<Team>(threads_)) {}

Plan PrimalVolumes::prepare(const Request& request, std::unique_ptr<Team> team) const {
    return cpu::prepare(request, std::move(team));
}

void emit_batch(BatchPlan& plan, void* verts, void* faces, bool wide_faces) {
    const i64 vertex = plan.vertex_bytes(), face = wide_faces ? 24 : 12;
    advise(verts, vertex * plan.vertices());
    advise(faces, face * plan.faces());
    plan.for_each([&](const Address& begin, const Plan& volume) {
        emit(volume, static_cast<char*>(verts) + vertex * begin.vertices,
             static_cast<char*>(faces) + face * begin.triangles, wide_faces);
    });
}

void emit_batch_normals(BatchPlan& plan, void* normals) {
    const i64 vertex = plan.vertex_bytes();
    advise(normals, vertex * plan.vertices());
    plan.for_each([&](const Address& begin, const Plan& volume) {
        emit_normals(volume, static_cast<char*>(normals) + vertex * begin.vertices);
    });
}

void write_offsets(const std::vector<Address>& begins, i64* vertices, i64* faces) {
    for (const Address& volume : begins) {
        *vertices++ = volume.vertices;
        *faces++ = volume.triangles;
    }
}

}  // namespace mc::cpu
