// SPDX-License-Identifier: MIT
// The dual mesh of a volume. Trusts its caller, python/torchmcubes_bw/backends/cpu_dual.py.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <string>

#include "../cpu/dual/plan.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

std::unique_ptr<cpu::DualPlan> prepare(std::uintptr_t data, const std::string& dtype, Sides shape,
                                       Sides strides, double level, std::uintptr_t mask, Sides mask_strides,
                                       bool skip_nan, bool closed, Point spacing, int threads) {
    const cpu::Request request =
        request_of(data, dtype, shape, strides, level, mask, mask_strides, skip_nan, closed, spacing);
    std::unique_ptr<cpu::DualPlan> plan;
    without_gil([&] { plan = std::make_unique<cpu::DualPlan>(cpu::prepare_dual(request, threads)); });
    return plan;
}

void emit(const cpu::DualPlan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_faces,
          bool triangles, int rounds) {
    without_gil([&] {
        cpu::emit_dual(plan, reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces), wide_faces,
                       triangles, rounds);
    });
}

void emit_patches(const cpu::DualPlan& plan, std::uintptr_t cells, std::uintptr_t patches) {
    without_gil(
        [&] { cpu::emit_patches(plan, reinterpret_cast<i64*>(cells), reinterpret_cast<u16*>(patches)); });
}

void emit_normals(const cpu::DualPlan& plan, std::uintptr_t normals) {
    without_gil([&] { cpu::emit_dual_normals(plan, reinterpret_cast<void*>(normals)); });
}

}  // namespace

void bind_dual(py::module_& m) {
    py::class_<cpu::DualPlan>(m, "DualPlan", "A volume counted for its dual mesh, ready to be emitted.")
        .def_readonly("vertices", &cpu::DualPlan::vertices)
        .def_readonly("quads", &cpu::DualPlan::quads)
        .def_readonly("has_nan", &cpu::DualPlan::has_nan)
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"), py::arg("triangles"),
             py::arg("rounds"))
        .def("emit_patches", &emit_patches, py::arg("cells"), py::arg("patches"))
        .def("emit_normals", &emit_normals, py::arg("normals"));
    m.def("prepare_dual", &prepare, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("level"), py::arg("mask"), py::arg("mask_strides"), py::arg("skip_nan"), py::arg("closed"),
          py::arg("spacing"), py::arg("threads"));
}
