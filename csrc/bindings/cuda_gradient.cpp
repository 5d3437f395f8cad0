// SPDX-License-Identifier: MIT
// Gradients on a GPU. Trusts its caller, python/torchmcubes_bw/backends/cuda_gradient.py.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "../cuda/gradient_pipeline.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

void gradient(const cuda::Plan& plan, std::uintptr_t verts, std::array<i64, 2> strides, bool wide,
              std::uintptr_t volume, std::uintptr_t sums, std::uintptr_t direction, double level_direction,
              std::uintptr_t moved) {
    const cuda::Gradient asked{reinterpret_cast<const void*>(verts),
                               strides[0],
                               strides[1],
                               wide,
                               reinterpret_cast<void*>(volume),
                               reinterpret_cast<double*>(sums),
                               reinterpret_cast<const void*>(direction),
                               level_direction,
                               reinterpret_cast<void*>(moved)};
    without_gil([&] { cuda::gradient(plan, asked); });
}

void gradient_by_points(const cuda::Kernels& kernels, std::uintptr_t stream, std::uintptr_t samples,
                        const Axes& shape, std::uintptr_t points, i64 count, std::uintptr_t values,
                        std::array<i64, 2> strides, bool wide, std::uintptr_t by_points) {
    cuda::PointsJob job{};
    job.samples = reinterpret_cast<const void*>(samples);
    job.points = reinterpret_cast<const void*>(points);
    job.channels = shape[0], job.nz = shape[1], job.ny = shape[2], job.nx = shape[3];
    job.count = count;
    job.by_values = reinterpret_cast<const void*>(values);
    job.point_stride = strides[0], job.channel_stride = strides[1];
    job.by_points = reinterpret_cast<void*>(by_points);
    job.wide = wide ? 1 : 0;
    without_gil([&] { cuda::gradient_by_points(kernels, reinterpret_cast<cuda::Stream>(stream), job); });
}

}  // namespace

void bind_cuda_gradient(py::module_& m) {
    m.def(
        "cuda_gradient_sums",
        [](Sides shape, bool closed) {
            const cuda::Volume volume{nullptr, 0, shape[0], shape[1], shape[2], 0, 0, 0, 0};
            return cuda::gradient_sums({volume, {}, false, closed});
        },
        py::arg("shape"), py::arg("closed"));
    m.def("cuda_gradient", &gradient, py::arg("plan"), py::arg("verts"), py::arg("strides"), py::arg("wide"),
          py::arg("volume"), py::arg("sums"), py::arg("direction"), py::arg("level_direction"),
          py::arg("moved"));
    m.def("cuda_gradient_by_points", &gradient_by_points, py::arg("kernels"), py::arg("stream"),
          py::arg("volume"), py::arg("shape"), py::arg("points"), py::arg("count"), py::arg("values"),
          py::arg("strides"), py::arg("wide"), py::arg("by_points"));
}
