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
}
