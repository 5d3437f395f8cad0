// SPDX-License-Identifier: MIT
#include "launch.h"

#include <limits>

namespace mc::cuda {

namespace {

constexpr std::size_t kAlign = 256;
constexpr i64 kWarpsABlock = kThreads / 32;

// Hands out pieces of one allocation. With a null base it only adds up.
class Layout {
public:
    explicit Layout(void* base) : base_(static_cast<char*>(base)) {}

    template <class T>
    void take(T*& pointer, i64 count) {
        pointer = base_ ? reinterpret_cast<T*>(base_ + used_) : nullptr;
        used_ += (static_cast<std::size_t>(count) * sizeof(T) + kAlign - 1) / kAlign * kAlign;
    }
    std::size_t used() const { return used_; }

private:
    char* base_;
    std::size_t used_ = 0;
};

Job sized(const Volume& v) {
    Job job{};
    job.samples = v.data;
    job.nz = v.nz, job.ny = v.ny, job.nx = v.nx;
    job.stride_z = v.stride_z, job.stride_y = v.stride_y, job.stride_x = v.stride_x;
    job.level64 = v.level;
    job.level32 = static_cast<float>(v.level);
    job.row_words = (v.nx + kWordBits - 1) / kWordBits;
    job.plane_segments = (v.ny * job.row_words + kSegmentWords - 1) / kSegmentWords;
    job.plane_tiles = (job.plane_segments + kTileSegments - 1) / kTileSegments;
    return job;
}

std::size_t place_arrays(Job& job, void* scratch) {
    const i64 tiles = job.nz * job.plane_tiles, segments = job.nz * job.plane_segments;
    const i64 words = segments * kSegmentWords;
    Layout layout(scratch);
    layout.take(job.bits, words);
    layout.take(job.ranks, words);
    layout.take(job.active, segments);
    layout.take(job.in_plane, segments);
    layout.take(job.upright, segments);
    layout.take(job.triangles, segments);
    layout.take(job.vertex_tiles, 2 * tiles);
    layout.take(job.triangle_tiles, tiles);
    layout.take(job.totals, 1);
    return layout.used();
}

}  // namespace

std::size_t scratch_bytes(const Volume& volume) {
    Job job = sized(volume);
    return place_arrays(job, nullptr);
}

Job lay_out(const Volume& volume, void* scratch) {
    Job job = sized(volume);
    place_arrays(job, scratch);
    return job;
}

i64 classify_blocks(const Job& job) {
    const i64 runs = job.nz * job.ny * ((job.row_words + 31) / 32);
    return (runs + kWarpsABlock - 1) / kWarpsABlock;
}

i64 emit_blocks(const Job& job) { return (job.nz * job.plane_segments + kWarpsABlock - 1) / kWarpsABlock; }

void launch_bytes(const Kernels& kernels, Stream stream, Function function, const void* parameter, i64 blocks,
                  int threads) {
    if (blocks > std::numeric_limits<int>::max())
        throw DriverError("the volume needs " + std::to_string(blocks) +
                          " blocks, more than a GPU's grid holds");
    void* parameters[] = {const_cast<void*>(parameter)};
    const Driver& driver = kernels.driver();
    driver.check(driver.launch(function, static_cast<unsigned>(blocks), 1, 1, static_cast<unsigned>(threads),
                               1, 1, 0, stream, parameters, nullptr),
                 "cuLaunchKernel");
}

}  // namespace mc::cuda
