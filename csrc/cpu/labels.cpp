// SPDX-License-Identifier: MIT
#include "labels.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "../core/placement.h"
#include "dual/plan.h"
#include "pipeline.h"
#include "placement.h"

namespace mc::cpu {

namespace {

constexpr i64 kThreadSamples = 1 << 18;  // fewer are no work for one thread more

// Vertices of a label: all lie half way, on coordinates that are ready, and no sample is read.
void emit_half_way(VertexBatch& batch) {
    const OneLabel& label = *batch.plan->request.label;
    const float *x = label.half_way[0] + 2 * batch.x, *y = label.half_way[1] + 2 * batch.y,
                *z = label.half_way[2] + 2 * batch.z;
    const auto emit_list = [x, y](const EdgeList& list, int ahead, float at_z, void* to) {
        float* at = static_cast<float*>(to);
        for (int k = 0; k < list.size; ++k, at += 3) {
            const int edge = list.edge[k], on_y = edge & ahead;
            at[0] = x[2 * column_of(edge) + (ahead ^ on_y)];
            at[1] = y[2 * row_of(edge) + on_y];
            at[2] = at_z;
        }
        return at;
    };
    batch.in_plane_to = emit_list(batch.in_plane, 1, z[0], batch.in_plane_to);
    batch.upright_to = emit_list(batch.upright, 0, z[1], batch.upright_to);
}

// Coordinates on one axis in half steps, from the layer before the volume to the one after it. What leads out
// of the volume ends on its border.
std::vector<float> half_way_on(i64 n, double spacing, double origin) {
    std::vector<float> at(static_cast<std::size_t>(2 * (n + 2)));
    for (i64 k = 0; k < 2 * (n + 2); ++k) {
        const double voxels = std::clamp(static_cast<double>(k) / 2 - 1, 0.0, static_cast<double>(n - 1));
        at[static_cast<std::size_t>(k)] = placed<float>(voxels, spacing, origin);
    }
    return at;
}

// A batch's labels by the size of their boxes, the largest first, as places in the batch; and how many of
// them all threads work on together, since one alone would end late.
struct Order {
    std::vector<std::size_t> places;
    std::size_t shared = 0;

    Order(const LabelPlan& plan, const LabelBatch& batch) {
        const auto size_of = [&](std::size_t k) {
            return plan.boxes[static_cast<std::size_t>(batch.labels[k])].samples();
        };
        double left = 0;
        for (std::size_t k = 0; k < batch.labels.size(); ++k) {
            places.push_back(k);
            left += static_cast<double>(size_of(k));
        }
        std::stable_sort(places.begin(), places.end(),
                         [&](std::size_t a, std::size_t b) { return size_of(a) > size_of(b); });
        for (; plan.threads > 1 && shared < places.size(); ++shared) {
            const double size = static_cast<double>(size_of(places[shared]));
            if (size < kThreadSamples || 2 * plan.threads * size < left) break;
            left -= size;
        }
    }
};

// Gives every label that occurs, as a request of the pipeline, to work(label, request, threads).
template <class Work>
void for_each_label(const LabelPlan& plan, const LabelBatch& batch, LabelBits& bits, Team& team,
                    const Work& work) {
    const auto give = [&](std::size_t place, int threads) {
        const i64 k = batch.labels[place];
        const LabelRequest& asked = plan.request;
        const LabelGrid grid(plan.boxes[static_cast<std::size_t>(k)], asked.volume, asked.closed);
        OneLabel label{bits.of(place), {}, {}, {}};
        Request request{{nullptr, Dtype::kUInt8, grid.side[0], grid.side[1], grid.side[2], 0, 0, 0}, 0};
        for (int axis = 0; axis < 3; ++axis) {
            label.first[axis] = grid.first[2 - axis];
            label.last[axis] = asked.volume.side[2 - axis] - 1;
            label.half_way[axis] = plan.half_way[axis].data() + 2 * (label.first[axis] + 1);
            request.spacing[axis] = asked.spacing[axis];
        }
        request.label = &label;
        work(k, request, threads);
    };
    const Order order(plan, batch);
    for (std::size_t k = 0; k < order.shared; ++k) give(order.places[k], plan.threads);
    std::atomic<std::size_t> next{order.shared};
    team.for_each(plan.threads, [&](i64, i64) {
        for (std::size_t k; (k = next++) < order.places.size();) give(order.places[k], 1);
    });
}

LabelBits bits_of(const LabelPlan& plan, const LabelBatch& batch, Team& team) {
    return {batch, plan.boxes, plan.index, plan.request.volume, plan.request.closed, team};
}

Address counts_of(const LabelRequest& asked, const Request& label, int threads) {
    if (!asked.dual) {
        const Plan counted = prepare(label, threads);
        return {counted.vertices, counted.triangles};
    }
    const DualPlan counted = prepare_dual(label, threads);
    return {counted.vertices, 2 * counted.quads};
}

void emit_label(const LabelRequest& asked, const Request& label, int threads, float* verts, char* faces,
                bool wide_faces) {
    if (!asked.dual)
        return emit_mesh(prepare(label, threads), {reinterpret_cast<char*>(verts),
                                                   faces,
                                                   12,
                                                   wide_faces ? 24 : 12,
                                                   wide_faces,
                                                   {emit_half_way, emit_half_way}});
    const DualPlan plan = prepare_dual(label, threads);
    emit_dual(plan, verts, faces, wide_faces, true, asked.rounds);
    Placement world{verts, false, verts, false, plan.vertices, {}, {}};
    for (int axis = 0; axis < 3; ++axis)
        world.spacing[axis] = asked.spacing[axis], world.origin[axis] = asked.origin[axis];
    place(world, threads);
}

template <class Integer>
void write_ids(const LabelPlan& plan, void* ids) {
    Integer* to = static_cast<Integer*>(ids);
    for (const LabelBox& box : plan.boxes) *to++ = static_cast<Integer>(box.value);
}

}  // namespace

LabelPlan prepare_labels(const LabelRequest& request, int threads) {
    const LabelVolume& volume = request.volume;
    threads = threads_worth(volume.samples(), kThreadSamples, threads);
    LabelPlan plan{request, threads, {}, {}};
    for (int axis = 0; axis < 3; ++axis)
        plan.half_way[axis] = half_way_on(volume.side[2 - axis], request.spacing[axis], request.origin[axis]);
    Team team(threads);
    plan.boxes = find_labels(volume, request.choice, team);
    for (const LabelBox& box : plan.boxes) plan.index.add(box.value);
    plan.begins.resize(plan.boxes.size() + 1);
    plan.batches = cut_into_batches(plan.boxes, volume, request.closed);
    for (const LabelBatch& batch : plan.batches) {
        plan.bits = bits_of(plan, batch, team);
        for_each_label(plan, batch, plan.bits, team, [&plan](i64 k, const Request& label, int at_once) {
            plan.begins[static_cast<std::size_t>(k)] = counts_of(plan.request, label, at_once);
        });
    }
    plan.most_vertices = scan_meshes(plan.begins);
    return plan;
}

void emit_labels(LabelPlan& plan, float* verts, void* faces, bool wide_faces) {
    const i64 face_bytes = wide_faces ? 24 : 12;
    advise_huge_pages(verts, static_cast<std::size_t>(12 * plan.vertices()));
    advise_huge_pages(faces, static_cast<std::size_t>(face_bytes * plan.triangles()));
    Team team(plan.threads);
    for (const LabelBatch& batch : plan.batches) {
        if (plan.batches.size() > 1) plan.bits = bits_of(plan, batch, team);
        for_each_label(plan, batch, plan.bits, team, [&](i64 k, const Request& label, int at_once) {
            const Address& begin = plan.begins[static_cast<std::size_t>(k)];
            emit_label(plan.request, label, at_once, verts + 3 * begin.vertices,
                       static_cast<char*>(faces) + face_bytes * begin.triangles, wide_faces);
        });
    }
}

void emit_label_ids(const LabelPlan& plan, void* ids, i64* vertices, i64* triangles) {
    switch (kDtypeBytes[static_cast<int>(plan.request.volume.dtype)]) {
        case 1:
            write_ids<u8>(plan, ids);
            break;
        case 2:
            write_ids<u16>(plan, ids);
            break;
        case 4:
            write_ids<u32>(plan, ids);
            break;
        default:
            write_ids<u64>(plan, ids);
    }
    for (const Address& label : plan.begins) {
        *vertices++ = label.vertices;
        *triangles++ = label.triangles;
    }
}

}  // namespace mc::cpu
