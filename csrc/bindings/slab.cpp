// SPDX-License-Identifier: MIT
// A slab of a volume that is handed over slab by slab. Trusts its caller,
// python/torchmcubes_bw/streaming/slab.py.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <string>

#include "../cpu/one_slab.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

using Range = std::array<i64, 2>;

std::unique_ptr<cpu::SlabPlan> prepare(std::uintptr_t data, const std::string& dtype, Sides shape,
                                       Sides strides, double level, std::uintptr_t mask, Sides mask_strides,
                                       bool skip_nan, bool closed, Point spacing, Range planes, Range slab,
                                       int threads) {
    const cpu::Request request =
        request_of(data, dtype, shape, strides, level, mask, mask_strides, skip_nan, closed, spacing);
    const cpu::Part part{planes[0], planes[1], slab[0], slab[1]};
    std::unique_ptr<cpu::SlabPlan> plan;
    without_gil([&] { plan = std::make_unique<cpu::SlabPlan>(cpu::prepare_slab(request, part, threads)); });
    return plan;
}

void emit(cpu::SlabPlan& slab, i64 first_vertex, std::uintptr_t verts, std::uintptr_t faces,
          bool wide_faces) {
    without_gil([&] {
        cpu::emit_slab_at(slab, first_vertex, reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces),
                          wide_faces);
    });
}

void emit_normals(cpu::SlabPlan& slab, std::uintptr_t normals) {
    without_gil([&] { cpu::emit_slab_normals(slab, reinterpret_cast<void*>(normals)); });
}

}  // namespace

void bind_slab(py::module_& m) {
    py::class_<cpu::SlabPlan>(m, "SlabPlan", "A counted slab of a volume, ready to be emitted.")
        .def_property_readonly("vertices", [](const cpu::SlabPlan& slab) { return slab.plan.vertices; })
        .def_property_readonly("triangles", [](const cpu::SlabPlan& slab) { return slab.plan.triangles; })
        .def_property_readonly("has_nan", [](const cpu::SlabPlan& slab) { return slab.plan.has_nan; })
        .def("emit", &emit, py::arg("first_vertex"), py::arg("verts"), py::arg("faces"),
             py::arg("wide_faces"))
        .def("emit_normals", &emit_normals, py::arg("normals"));
    m.def("prepare_slab", &prepare, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("level"), py::arg("mask"), py::arg("mask_strides"), py::arg("skip_nan"), py::arg("closed"),
          py::arg("spacing"), py::arg("planes"), py::arg("slab"), py::arg("threads"));
}
