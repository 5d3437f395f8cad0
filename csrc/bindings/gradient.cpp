// SPDX-License-Identifier: MIT
// Gradients of a mesh's vertices. Trusts its caller, python/torchmcubes_bw/backends/cpu_gradient.py.
#include "../cpu/gradient.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>

#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

std::unique_ptr<cpu::Plan> prepare(std::uintptr_t data, const std::string& dtype, Sides shape, Sides strides,
                                   double level, std::uintptr_t mask, Sides mask_strides, bool skip_nan,
                                   bool closed, Point spacing, int threads) {
    const cpu::Request request =
        request_of(data, dtype, shape, strides, level, mask, mask_strides, skip_nan, closed, spacing);
    std::unique_ptr<cpu::Plan> plan;
    without_gil([&] { plan = std::make_unique<cpu::Plan>(cpu::prepare_gradient(request, threads)); });
    return plan;
}

// Returns the level's, where asked for.
double gradient(const cpu::Plan& plan, std::uintptr_t verts, std::array<i64, 2> strides,
                std::uintptr_t volume, bool level, std::uintptr_t direction, double level_direction,
                std::uintptr_t moved) {
    double of_level = 0;
    const cpu::Gradient asked{reinterpret_cast<const void*>(verts),
                              strides[0],
                              strides[1],
                              reinterpret_cast<void*>(volume),
                              level ? &of_level : nullptr,
                              reinterpret_cast<const void*>(direction),
                              level_direction,
                              reinterpret_cast<void*>(moved)};
    without_gil([&] { cpu::gradient(plan, asked); });
    return of_level;
}

}  // namespace

void bind_gradient(py::module_& m) {
    m.def("prepare_gradient", &prepare, py::arg("data"), py::arg("dtype"), py::arg("shape"),
          py::arg("strides"), py::arg("level"), py::arg("mask"), py::arg("mask_strides"), py::arg("skip_nan"),
          py::arg("closed"), py::arg("spacing"), py::arg("threads"));
    m.def("gradient", &gradient, py::arg("plan"), py::arg("verts"), py::arg("strides"), py::arg("volume"),
          py::arg("level"), py::arg("direction"), py::arg("level_direction"), py::arg("moved"));
}
