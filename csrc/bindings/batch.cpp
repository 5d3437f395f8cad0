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

#include "../cpu/dual/dual_batch.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

cpu::BatchRequest batch_request(std::uintptr_t data, const std::string& dtype, const Axes& shape,
                                const Axes& strides, std::vector<double> levels, std::uintptr_t mask,
                                const Axes& mask_strides, bool skip_nan, bool closed, const Point& spacing) {
    return {request_of(data, dtype, within(shape), within(strides), 0, mask, within(mask_strides), skip_nan,
                       closed, spacing),
            strides[0], mask_strides[0], std::move(levels)};
}

std::unique_ptr<cpu::BatchPlan> prepare(std::uintptr_t data, const std::string& dtype, Axes shape,
                                        Axes strides, std::vector<double> levels, std::uintptr_t mask,
                                        Axes mask_strides, bool skip_nan, bool closed, Point spacing,
                                        int threads) {
    const cpu::BatchRequest request = batch_request(data, dtype, shape, strides, std::move(levels), mask,
                                                    mask_strides, skip_nan, closed, spacing);
    std::unique_ptr<cpu::BatchPlan> plan;
    without_gil([&] { plan = std::make_unique<cpu::BatchPlan>(request, threads, cpu::PrimalVolumes{}); });
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

std::unique_ptr<cpu::DualBatchPlan> prepare_dual(std::uintptr_t data, const std::string& dtype, Axes shape,
                                                 Axes strides, std::vector<double> levels,
                                                 std::uintptr_t mask, Axes mask_strides, bool skip_nan,
                                                 bool closed, Point spacing, bool triangles, int rounds,
                                                 int threads) {
    const cpu::BatchRequest request = batch_request(data, dtype, shape, strides, std::move(levels), mask,
                                                    mask_strides, skip_nan, closed, spacing);
    std::unique_ptr<cpu::DualBatchPlan> plan;
    without_gil([&] {
        plan = std::make_unique<cpu::DualBatchPlan>(request, threads, cpu::DualVolumes{triangles, rounds});
    });
    return plan;
}

void emit_dual(cpu::DualBatchPlan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_faces) {
    without_gil([&] {
        cpu::emit_dual_batch(plan, reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces),
                             wide_faces);
    });
}

void emit_dual_normals(cpu::DualBatchPlan& plan, std::uintptr_t normals) {
    without_gil([&] { cpu::emit_dual_batch_normals(plan, reinterpret_cast<void*>(normals)); });
}

// What both kinds of batches tell.
template <class Batch>
py::class_<Batch> bind_plan(py::module_& m, const char* name, const char* doc) {
    return py::class_<Batch>(m, name, doc)
        .def_property_readonly("vertices", &Batch::vertices)
        .def_property_readonly("faces", &Batch::faces)
        .def_readonly("most_vertices", &Batch::most_vertices)
        .def_readonly("has_nan", &Batch::has_nan)
        .def(
            "emit_offsets",
            [](const Batch& plan, std::uintptr_t vertices, std::uintptr_t faces) {
                cpu::write_offsets(plan.begins, reinterpret_cast<i64*>(vertices),
                                   reinterpret_cast<i64*>(faces));
            },
            py::arg("vertices"), py::arg("faces"));
}

}  // namespace

void bind_batch(py::module_& m) {
    bind_plan<cpu::BatchPlan>(m, "BatchPlan", "Counted volumes of one shape, ready to be emitted.")
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"))
        .def("emit_normals", &emit_normals, py::arg("normals"));
    bind_plan<cpu::DualBatchPlan>(m, "DualBatchPlan", "Volumes of one shape counted for their dual meshes.")
        .def("emit", &emit_dual, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"))
        .def("emit_normals", &emit_dual_normals, py::arg("normals"));
    m.def("prepare_batch", &prepare, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("levels"), py::arg("mask"), py::arg("mask_strides"), py::arg("skip_nan"), py::arg("closed"),
          py::arg("spacing"), py::arg("threads"));
    m.def("prepare_dual_batch", &prepare_dual, py::arg("data"), py::arg("dtype"), py::arg("shape"),
          py::arg("strides"), py::arg("levels"), py::arg("mask"), py::arg("mask_strides"),
          py::arg("skip_nan"), py::arg("closed"), py::arg("spacing"), py::arg("triangles"), py::arg("rounds"),
          py::arg("threads"));
}
