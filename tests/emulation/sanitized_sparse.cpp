// SPDX-License-Identifier: MIT
#include "sanitized_sparse.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "../../csrc/cpu/pipeline.h"
#include "../../csrc/cpu/sparse/blocks.h"
#include "../../csrc/cpu/sparse/field.h"
#include "../../csrc/cpu/sparse/fill_signs.h"
#include "../../csrc/cuda/sparse_pipeline.h"

using namespace mc;

namespace {

using Bytes = std::unique_ptr<char[]>;
using Keys = std::unique_ptr<i64[]>;

struct Mesh {
    std::vector<char> verts, faces;
    bool in_trouble = false;

    Mesh() = default;
    static Mesh none() {
        Mesh mesh;
        mesh.in_trouble = true;
        return mesh;
    }
    Mesh(i64 vertices, i64 triangles, bool is_double)
        : verts(static_cast<std::size_t>(vertices * (is_double ? 24 : 12))),
          faces(static_cast<std::size_t>(triangles * 12)) {}
    bool operator==(const Mesh& other) const {
        return verts == other.verts && faces == other.faces && in_trouble == other.in_trouble;
    }
};

// Blocks whose samples are a function of their places, so that neighbours agree.
struct Blocks {
    i64 side;
    bool is_double;
    std::vector<i64> at;  // x, y, z
    Bytes values;

    i64 count() const { return static_cast<i64>(at.size() / 3); }
    i64 samples() const { return side + 1; }
    i64 block() const { return samples() * samples() * samples(); }

    template <class Real>
    void fill() {
        const i64 size = count() * block();
        values.reset(new char[static_cast<std::size_t>(size) * sizeof(Real)]);
        for (i64 k = 0; k < size; ++k) {
            const i64 b = k / block(), left = k % block();
            const i64 local[3] = {left % samples(), left / samples() % samples(),
                                  left / samples() / samples()};
            u64 hash = 0;
            for (int axis = 0; axis < 3; ++axis)
                hash = (hash ^
                        static_cast<u64>(at[static_cast<std::size_t>(3 * b + axis)] * side + local[axis])) *
                       0x9e3779b97f4a7c15ull;
            set(k, static_cast<Real>(static_cast<int>(hash >> 60) - 7));
        }
    }
    template <class Real>
    void set(i64 k, Real value) {
        std::memcpy(values.get() + static_cast<std::size_t>(k) * sizeof(Real), &value, sizeof(Real));
    }
    void set_any(i64 k, double value) { is_double ? set(k, value) : set(k, static_cast<float>(value)); }
};

// Some of the positions in a box, in any order.
Blocks some_blocks(const i64 (&box)[3], i64 side, bool is_double, i64 shift, std::mt19937& random) {
    std::vector<i64> places;
    for (i64 k = 0; k < box[0] * box[1] * box[2]; ++k)
        if (k == 0 || random() % 4) places.push_back(k);
    std::shuffle(places.begin(), places.end(), random);
    Blocks blocks{side, is_double, {}, nullptr};
    for (const i64 k : places)
        for (const i64 on_axis : {k % box[0], k / box[0] % box[1], k / box[0] / box[1]})
            blocks.at.push_back(on_axis + shift);
    is_double ? blocks.fill<double>() : blocks.fill<float>();
    return blocks;
}

Mesh on_cpu(const Blocks& blocks, int threads) {
    const i64 s = blocks.samples();
    const cpu::BlockRequest request{{blocks.at.data(), true, blocks.count(), 3, 1},
                                    {blocks.values.get(),
                                     blocks.is_double ? cpu::Dtype::kFloat64 : cpu::Dtype::kFloat32,
                                     {blocks.count(), s, s, s},
                                     {s * s * s, s * s, s, 1}},
                                    blocks.side,
                                    0.5};
    const std::unique_ptr<cpu::BlockPlan> plan = cpu::prepare_blocks(request, threads);
    if (plan->trouble.fault != cpu::BlockFault::kNone) return Mesh::none();
    Mesh mesh(plan->vertices, plan->triangles, blocks.is_double);
    plan->emit(mesh.verts.data(), mesh.faces.data(), false);
    return mesh;
}

Keys exactly(const std::vector<i64>& keys) {
    Keys copy(new i64[keys.size()]);
    std::copy(keys.begin(), keys.end(), copy.get());
    return copy;
}

i64 floored(i64 number) { return number >> 5; }

// What the GPU is told of blocks, as python/torchmcubes_bw/backends/cuda_sparse.py makes it, but slowly.
struct Told {
    cuda::SparseRequest request{};
    Keys keys, order, words;

    explicit Told(const Blocks& blocks) {
        const i64 s = blocks.samples();
        request.data = blocks.values.get(), request.is_double = blocks.is_double;
        request.strides[0] = s * s * s, request.strides[1] = s * s, request.strides[2] = s;
        request.strides[3] = 1;
        request.side = blocks.side, request.level = 0.5, request.blocks = blocks.count();
        for (int axis = 0; axis < 3; ++axis) {
            request.low[axis] = request.high[axis] = blocks.at[static_cast<std::size_t>(axis)];
            for (i64 b = 0; b < blocks.count(); ++b) {
                request.low[axis] = std::min(request.low[axis], on(blocks, b, axis));
                request.high[axis] = std::max(request.high[axis], on(blocks, b, axis));
            }
        }
        sort_blocks(blocks);
        list_words(blocks);
    }

private:
    static i64 on(const Blocks& blocks, i64 b, int axis) {
        return blocks.at[static_cast<std::size_t>(3 * b + axis)];
    }
    i64 range(int axis) const { return request.high[axis] - request.low[axis] + 1; }

    void sort_blocks(const Blocks& blocks) {
        std::vector<std::pair<i64, i64>> pairs;
        for (i64 b = 0; b < blocks.count(); ++b) {
            i64 key = 0;
            for (int axis = 2; axis >= 0; --axis)
                key = key * range(axis) + on(blocks, b, axis) - request.low[axis];
            pairs.emplace_back(key, b);
        }
        std::sort(pairs.begin(), pairs.end());
        std::vector<i64> first, second;
        for (const auto& pair : pairs) first.push_back(pair.first), second.push_back(pair.second);
        keys = exactly(first), order = exactly(second);
        request.block_keys = keys.get(), request.order = order.get();
    }

    // Each word as often as blocks touch it.
    void list_words(const Blocks& blocks) {
        const i64 first = floored(request.low[0] * blocks.side);
        request.row_keys = floored((request.high[0] + 1) * blocks.side) - first + 2;
        request.plane_rows = range(1) * blocks.side + 2;
        std::vector<i64> listed;
        for (i64 b = 0; b < blocks.count(); ++b)
            for (i64 row = 0; row < blocks.samples() * blocks.samples(); ++row) {
                const i64 x = on(blocks, b, 0) * blocks.side;
                const i64 y = (on(blocks, b, 1) - request.low[1]) * blocks.side + row % blocks.samples();
                const i64 z = (on(blocks, b, 2) - request.low[2]) * blocks.side + row / blocks.samples();
                for (i64 w = floored(x); w <= floored(x + blocks.side); ++w)
                    listed.push_back((z * request.plane_rows + y) * request.row_keys + w - first);
            }
        std::sort(listed.begin(), listed.end());
        words = exactly(listed);
        request.words = words.get(), request.count = static_cast<i64>(listed.size());
    }
};

Mesh on_gpu(const cuda::Kernels& kernels, const Blocks& blocks) {
    const Told told(blocks);
    const std::size_t size = cuda::sparse_scratch_bytes(told.request.count);
    const Bytes scratch(new char[size]());
    const cuda::SparsePlan plan = cuda::prepare_sparse(kernels, nullptr, told.request, scratch.get());
    if (plan.in_trouble) return Mesh::none();
    Mesh mesh(plan.vertices, plan.triangles, blocks.is_double);
    const std::unique_ptr<i32[]> faces(new i32[static_cast<std::size_t>(3 * plan.triangles)]);
    cuda::emit_sparse(plan, mesh.verts.data(), faces.get(), blocks.is_double);
    std::memcpy(mesh.faces.data(), faces.get(), mesh.faces.size());
    return mesh;
}

bool are_equal(const cuda::Kernels& kernels, const Blocks& blocks, bool in_trouble) {
    const Mesh want = on_cpu(blocks, 1);
    const bool same =
        want.in_trouble == in_trouble && on_cpu(blocks, 3) == want && on_gpu(kernels, blocks) == want;
    if (!same) std::fprintf(stderr, "%lld blocks of %lld cells a side differ\n", blocks.count(), blocks.side);
    return same;
}

// The same blocks with one thing wrong with them.
bool trouble_is_seen(const cuda::Kernels& kernels, const Blocks& good) {
    const auto with = [&](const auto& spoil) {
        Blocks bad{good.side, good.is_double, good.at, nullptr};
        bad.is_double ? bad.fill<double>() : bad.fill<float>();
        spoil(bad);
        return are_equal(kernels, bad, true);
    };
    const auto twice = [](Blocks& bad) {
        std::copy_n(bad.at.begin(), 3, bad.at.end() - 3);
        bad.is_double ? bad.fill<double>() : bad.fill<float>();
    };
    const auto nan = [](Blocks& bad) {
        bad.set_any(bad.count() * bad.block() - 1, std::numeric_limits<double>::quiet_NaN());
    };
    const auto apart = [](Blocks& bad) {  // all corners of a block: one of them is shared
        for (i64 k = 0; k < bad.block(); ++k) bad.set_any(bad.count() / 2 * bad.block() + k, 99);
    };
    return with(twice) && with(nan) && with(apart);
}

// A ball and a torus.
float function_at(double x, double y, double z) {
    const double ball = std::sqrt(x * x + y * y + z * z) - 9.3, ring = std::sqrt(x * x + y * y) - 12;
    return static_cast<float>(std::min(ball, std::sqrt(ring * ring + z * z) - 2.2));
}

struct Grid {
    i64 nz, ny, nx;
    float at(i64 x, i64 y, i64 z) const {
        return function_at(static_cast<double>(x - nx / 2), static_cast<double>(y - ny / 2),
                           static_cast<double>(z - nz / 2));
    }
};

// Answers all that is asked for, in small portions.
void answer(cpu::Field& field, const Grid& grid) {
    constexpr i64 kMost = 100;
    while (field.pending()) {
        const i64 most = std::min(kMost, field.pending());
        const std::unique_ptr<i32[]> places(new i32[static_cast<std::size_t>(3 * most)]);
        const i64 count = field.places(places.get(), cpu::PlaceKind::kIndex, most);
        const std::unique_ptr<float[]> values(new float[static_cast<std::size_t>(count)]);
        for (i64 k = 0; k < count; ++k) {
            const i32* at = places.get() + 3 * k;
            values[static_cast<std::size_t>(k)] = grid.at(at[0], at[1], at[2]);
        }
        field.take(values.get(), count);
    }
}

Mesh of_field(const Grid& grid, i64 stride, int threads) {
    const cpu::FieldRequest request{grid.nz,   grid.ny,   grid.nx, stride,     0.0,
                                    {1, 1, 1}, {0, 0, 0}, false,   stride == 1};
    const std::unique_ptr<cpu::Field> field = cpu::Field::make(request, threads);
    answer(*field, grid);
    while (stride > 1) {
        field->follow({1, 0.1, 0.5});
        if (field->pending()) {
            answer(*field, grid);
            continue;
        }
        if (field->stride() == 1) break;
        field->refine({1, 0.1, 0.5});
        answer(*field, grid);
    }
    field->prepare();
    Mesh mesh(field->vertices, field->triangles, false);
    field->emit(mesh.verts.data(), mesh.faces.data(), false);
    return mesh;
}

std::vector<float> dense(const Grid& grid) {
    std::vector<float> samples;
    for (i64 z = 0; z < grid.nz; ++z)
        for (i64 y = 0; y < grid.ny; ++y)
            for (i64 x = 0; x < grid.nx; ++x) samples.push_back(grid.at(x, y, z));
    return samples;
}

Mesh of_dense(const Grid& grid, const std::vector<float>& samples) {
    const cpu::Volume volume{samples.data(), cpu::Dtype::kFloat32, grid.nz, grid.ny,
                             grid.nx,        grid.ny * grid.nx,    grid.nx, 1};
    const cpu::Plan plan = cpu::prepare({volume, 0.0}, 2);
    Mesh mesh(plan.vertices, plan.triangles, false);
    cpu::emit(plan, mesh.verts.data(), mesh.faces.data(), false);
    return mesh;
}

// Forgets all samples but those near the surface: what is filled in has their sign.
bool signs_are_filled(const Grid& grid, const std::vector<float>& samples) {
    std::vector<float> band(samples);
    for (float& sample : band)
        if (std::fabs(sample) > 1.8f) sample = std::numeric_limits<float>::quiet_NaN();
    if (cpu::fill_signs(band.data(), grid.nz, grid.ny, grid.nx, 0.0f, -9.0f, 9.0f) != 0) return false;
    for (std::size_t k = 0; k < samples.size(); ++k)
        if ((band[k] < 0) != (samples[k] < 0)) return false;
    return true;
}

}  // namespace

bool equal_blocks(const cuda::Kernels& kernels, std::mt19937& random) {
    const struct {
        i64 box[3], side;
    } kinds[] = {{{40, 3, 2}, 1}, {{2, 2, 2}, 1}, {{9, 2, 2}, 2}, {{4, 1, 2}, 8}, {{2, 1, 1}, 33}};
    bool is_double = false;
    for (const auto& kind : kinds) {
        const Blocks blocks = some_blocks(kind.box, kind.side, is_double, is_double ? -3 : 1 << 20, random);
        if (!are_equal(kernels, blocks, false)) return false;
        if (kind.side == 2 && !trouble_is_seen(kernels, blocks)) return false;
        is_double = !is_double;
    }
    return true;
}

bool fields_are_complete() {
    const Grid grid{33, 41, 70};
    const std::vector<float> samples = dense(grid);
    const Mesh want = of_dense(grid, samples);
    for (const i64 stride : {1, 8})
        if (!(of_field(grid, stride, 3) == want)) {
            std::fprintf(stderr, "the field differs from the dense grid, stride %lld\n", stride);
            return false;
        }
    if (!signs_are_filled(grid, samples)) {
        std::fputs("signs are not filled in\n", stderr);
        return false;
    }
    return true;
}
