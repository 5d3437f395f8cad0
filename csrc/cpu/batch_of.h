// SPDX-License-Identifier: MIT
// Many volumes of one shape in one call, on one team of threads, whatever is made of each.
#pragma once

#include <atomic>
#include <utility>

#include "plan.h"

namespace mc::cpu {

struct BatchRequest {
    Request first;               // what is asked of the first volume; its level is not looked at
    i64 stride, mask_stride;     // from a volume to the next, in samples; from a mask to the next, in bytes
    std::vector<double> levels;  // one a volume

    std::size_t volumes() const { return levels.size(); }
    // What is asked of volume k.
    Request of(std::size_t k) const;
};

// The threads of a batch: one a volume, as long as every thread gets one. What is left of large volumes is
// shared out, since a thread alone with one would end late.
class BatchTeam {
public:
    BatchTeam(const BatchRequest& request, int threads);

    // Calls work(k, team) for every volume: with all threads for the shared ones, one after the other, and
    // with none but its own for each of the others. What is done with the team is given back in its place.
    template <class Work>
    void for_each(const Work& work) {
        for (std::size_t k = 0; k < shared_; ++k) work(k, team_);
        std::atomic<std::size_t> next{shared_};
        team_->for_each(threads_, [&](i64, i64) {
            std::unique_ptr<Team> alone = std::make_unique<Team>(1);
            for (std::size_t k; (k = next++) < volumes_;) work(k, alone);
        });
    }

private:
    std::size_t volumes_;
    int threads_;
    std::size_t shared_;  // the first volumes, which all threads work on together
    std::unique_ptr<Team> team_;
};

// A batch of which each volume has a plan as `Kind` makes them:
//     Kind::Plan  with the counts `has_nan`, and by the functions below the rest
//     Kind::prepare(request, team), Kind::samples(plan) (the plan of stage 1), Kind::counts(plan)
template <class Kind>
struct BatchOf {
    using VolumePlan = typename Kind::Plan;

    BatchRequest request;
    BatchTeam team;
    std::vector<std::unique_ptr<VolumePlan>>
        plans;                    // of each volume; none where it is made again to be emitted
    std::vector<Address> begins;  // of each volume's mesh, and one more: where all end
    i64 most_vertices = 0;        // of one volume
    bool has_nan = false;         // in one of them; then no counts are right

    i64 vertices() const { return begins.back().vertices; }
    i64 faces() const { return begins.back().triangles; }

    // Counts every volume. The samples and masks must stay alive and unchanged until the batch is emitted.
    BatchOf(const BatchRequest& asked, int threads, const Kind& kind)
        : request(asked),
          team(asked, threads),
          plans(asked.volumes()),
          begins(asked.volumes() + 1),
          kind_(kind) {
        std::atomic<bool> any_nan{false};
        team.for_each([&](std::size_t k, std::unique_ptr<Team>& threads_of) {
            auto counted = std::make_unique<VolumePlan>(kind_.prepare(request.of(k), std::move(threads_of)));
            Plan& samples = kind_.samples(*counted);
            threads_of = std::move(samples.team);
            begins[k] = kind_.counts(*counted);
            if (counted->has_nan) any_nan = true;
            // A packed copy of one volume is little, and of all of them as much as they.
            if (!samples.packed.data()) plans[k] = std::move(counted);
        });
        has_nan = any_nan;
        most_vertices = scan_meshes(begins);
    }

    // Calls work(where its mesh begins, plan) for every volume; its plan has the team meanwhile.
    template <class Work>
    void for_each(const Work& work) {
        team.for_each([&](std::size_t k, std::unique_ptr<Team>& threads_of) {
            if (const std::unique_ptr<VolumePlan>& kept = plans[k]) {
                kind_.samples(*kept).team = std::move(threads_of);
                work(begins[k], *kept);
                threads_of = std::move(kind_.samples(*kept).team);
            } else {
                VolumePlan again = kind_.prepare(request.of(k), std::move(threads_of));
                work(begins[k], again);
                threads_of = std::move(kind_.samples(again).team);
            }
        });
    }

    i64 vertex_bytes() const { return request.first.volume.dtype == Dtype::kFloat64 ? 24 : 12; }
    const Kind& kind() const { return kind_; }

private:
    Kind kind_;
};

// Asks for huge pages for the results of a whole batch.
inline void advise(void* data, i64 bytes) { advise_huge_pages(data, static_cast<std::size_t>(bytes)); }

// Writes where each volume's vertices and faces begin, and one number more: where all end.
void write_offsets(const std::vector<Address>& begins, i64* vertices, i64* faces);

}  // namespace mc::cpu
