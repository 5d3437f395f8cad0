// SPDX-License-Identifier: MIT
#include "gradient_pipeline.h"

#include "launch.h"

namespace mc::cuda {

namespace {

// Sums and how many there are of each kind, in the order in which they lie in memory.
struct Sums {
    i64 planes, rows, words;

    explicit Sums(const Job& job) : planes(job.nz), rows(planes * job.ny), words(rows * job.row_words.by) {}
    double* of_planes(double* all) const { return all + 1; }
    double* of_rows(double* all) const { return of_planes(all) + planes; }
    double* of_words(double* all) const { return of_rows(all) + rows; }
};

void queue_sums(const Plan& plan, double* all) {
    const Kernels& kernels = *plan.kernels;
    const Sums sums(plan.job);
    const auto add_up = [&](const double* items, i64 count, double* to, i64 groups) {
        const SumJob job{items, to, groups, count / groups};
        launch(kernels, plan.stream, kernels.gradient_sums, job, (groups + kThreads - 1) / kThreads,
               kThreads);
    };
    add_up(sums.of_words(all), sums.words, sums.of_rows(all), sums.rows);
    add_up(sums.of_rows(all), sums.rows, sums.of_planes(all), sums.planes);
    add_up(sums.of_planes(all), sums.planes, all, 1);
}

}  // namespace

i64 gradient_sums(const Request& request) {
    const Sums sums(lay_out(request, nullptr));
    return 1 + sums.planes + sums.rows + sums.words;
}

void gradient(const Plan& plan, const Gradient& asked) {
    if (plan.vertices == 0) return;
    const Kernels& kernels = *plan.kernels;
    const ContextGuard current(kernels.driver(), kernels.context());
    GradientJob job{};
    static_cast<Job&>(job) = plan.job;
    job.vertex_gradient = asked.verts;
    job.vertex_stride = asked.vertex_stride, job.axis_stride = asked.axis_stride;
    job.by_volume = asked.volume;
    job.word_sums = asked.sums ? Sums(job).of_words(asked.sums) : nullptr;
    job.direction = asked.direction;
    job.level_direction = asked.level_direction;
    job.moved = asked.moved;
    job.wide = asked.wide ? 1 : 0;
    launch(kernels, plan.stream, kernels.gradient, job, emit_blocks(job), kEmitThreads);
    // word_sums: what each word adds to the level's gradient.
    if (asked.sums) queue_sums(plan, asked.sums);
}

void gradient_by_points(const Kernels& kernels, Stream stream, const PointsJob& job) {
    if (job.count == 0) return;
    const ContextGuard current(kernels.driver(), kernels.context());
    const i64 blocks = (job.count + kThreads - 1) / kThreads;
    launch(kernels, stream, kernels.gradient_points, job, blocks, kThreads);
}

}  // namespace mc::cuda
