// SPDX-License-Identifier: MIT
// The dual mesh of a volume. Trusts its caller, python/torchmcubes_bw/backends/cpu_dual.py.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "../cpu/dual/dual_gradient.h"
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

void emit_displaced(const cpu::DualPlan& plan, std::uintptr_t deform, std::uintptr_t verts) {
    without_gil([&] {
        cpu::emit_displaced(plan, reinterpret_cast<const void*>(deform), reinterpret_cast<void*>(verts));
    });
}

void emit_normals(const cpu::DualPlan& plan, std::uintptr_t normals) {
    without_gil([&] { cpu::emit_dual_normals(plan, reinterpret_cast<void*>(normals)); });
}

// A direction: of the volume, of the level, of the displacements.
using Towards = std::tuple<std::uintptr_t, double, std::uintptr_t>;

cpu::DualDirection direction(const Towards& towards) {
    return {reinterpret_cast<const void*>(std::get<0>(towards)), std::get<1>(towards),
            reinterpret_cast<const void*>(std::get<2>(towards))};
}

// Returns the level's, where asked for.
double gradient(const cpu::DualPlan& plan, std::uintptr_t verts, std::array<i64, 2> strides,
                std::uintptr_t deform, std::uintptr_t volume, bool level, std::uintptr_t by_deform,
                const std::optional<Towards>& towards) {
    double of_level = 0;
    const cpu::DualDirection to = direction(towards.value_or(Towards{}));
    const cpu::DualGradient asked{reinterpret_cast<const void*>(verts),
                                  strides[0],
                                  strides[1],
                                  reinterpret_cast<const void*>(deform),
                                  reinterpret_cast<void*>(volume),
                                  level ? &of_level : nullptr,
                                  reinterpret_cast<void*>(by_deform),
                                  towards ? &to : nullptr};
    without_gil([&] { cpu::dual_gradient(plan, asked); });
    return of_level;
}

void emit_moved(const cpu::DualPlan& plan, std::uintptr_t deform, const Towards& towards,
                std::uintptr_t moved) {
    without_gil([&] {
        cpu::emit_moved(plan, reinterpret_cast<const void*>(deform), direction(towards),
                        reinterpret_cast<void*>(moved));
    });
}

}  // namespace

void bind_dual(py::module_& m) {
    py::class_<cpu::DualPlan>(m, "DualPlan", "A volume counted for its dual mesh, ready to be emitted.")
        .def_readonly("vertices", &cpu::DualPlan::vertices)
        .def_readonly("quads", &cpu::DualPlan::quads)
        .def_readonly("has_nan", &cpu::DualPlan::has_nan)
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"), py::arg("triangles"),
             py::arg("rounds"))
        .def("emit_normals", &emit_normals, py::arg("normals"))
        .def("emit_displaced", &emit_displaced, py::arg("deform"), py::arg("verts"))
        .def("gradient", &gradient, py::arg("verts"), py::arg("strides"), py::arg("deform"),
             py::arg("volume"), py::arg("level"), py::arg("by_deform"), py::arg("towards"))
        .def("emit_moved", &emit_moved, py::arg("deform"), py::arg("towards"), py::arg("moved"));
    m.def("prepare_dual", &prepare, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("level"), py::arg("mask"), py::arg("mask_strides"), py::arg("skip_nan"), py::arg("closed"),
          py::arg("spacing"), py::arg("threads"));
}
