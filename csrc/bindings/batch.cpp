// SPDX-License-Identifier: MIT
// Batches of volumes, for the compiled module. It trusts its caller,
// python/torchmcubes_bw/backends/batches.py.
#include "../cpu/batch.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

std::unique_ptr<cpu::BatchPlan> prepare(std::uintptr_t data, const std::string& dtype, Axes shape,
                                        Axes strides, std::vector<double> levels, std::uintptr_t mask,
                                        Axes mask_strides, bool skip_nan, bool closed, Point spacing,
                                        int threads) {
    const cpu::BatchRequest request{request_of(data, dtype, within(shape), within(strides), 0, mask,
                                               within(mask_strides), skip_nan, closed, spacing),
                                    strides[0], mask_strides[0], std::move(levels)};
    std::unique_ptr<cpu::BatchPlan> plan;
    without_gil([&] { plan = std::make_unique<cpu::BatchPlan>(cpu::prepare_batch(request, threads)); });
    return plan;
}

void emit(cpu::BatchPlan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_faces) {
    without_gil([&] {
        cpu::emit_batch(plan, reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces), wide_faces);
    });
}

void emit_normals(cpu::BatchPlan& plan, std::uintptr_t normals) {
    without_gil([&] { cpu::emit_batch_normals(plan, reinterpret_cast<void*>(normals)); });
}

void emit_offsets(const cpu::BatchPlan& plan, std::uintptr_t vertices, std::uintptr_t triangles) {
    cpu::emit_batch_offsets(plan, reinterpret_cast<i64*>(vertices), reinterpret_cast<i64*>(triangles));
}

}  // namespace

void bind_batch(py::module_& m) {
    py::class_<cpu::BatchPlan>(m, "BatchPlan", "Counted volumes of one shape, ready to be emitted.")
        .def_property_readonly("vertices", &cpu::BatchPlan::vertices)
        .def_property_readonly("triangles", &cpu::BatchPlan::triangles)
        .def_readonly("most_vertices", &cpu::BatchPlan::most_vertices)
        .def_readonly("has_nan", &cpu::BatchPlan::has_nan)
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"))
        .def("emit_normals", &emit_normals, py::arg("normals"))
        .def("emit_offsets", &emit_offsets, py::arg("vertices"), py::arg("triangles"));
    m.def("prepare_batch", &prepare, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("levels"), py::arg("mask"), py::arg("mask_strides"), py::arg("skip_nan"), py::arg("closed"),
          py::arg("spacing"), py::arg("threads"));
}
