// SPDX-License-Identifier: MIT
// The surfaces of labels, for the compiled module. It trusts its caller,
// python/torchmcubes_bw/backends/labels.py.
#include "../cpu/labels.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

cpu::LabelVolume volume_of(std::uintptr_t data, const std::string& dtype, Sides shape, Sides strides) {
    cpu::LabelVolume volume{reinterpret_cast<const void*>(data), dtype_named(dtype), {}, {}};
    for (std::size_t axis = 0; axis < 3; ++axis) {
        volume.side[axis] = shape[axis];
        volume.stride[axis] = strides[axis];
    }
    return volume;
}

// Of each label of `only` its value and its box: first samples and one past the last ones, z, y, x.
std::vector<std::pair<u64, std::array<i64, 6>>> boxes(std::uintptr_t data, const std::string& dtype,
                                                      Sides shape, Sides strides, std::vector<u64> only,
                                                      int threads) {
    const cpu::LabelVolume volume = volume_of(data, dtype, shape, strides);
    std::vector<cpu::LabelBox> found;
    without_gil([&] {
        cpu::Team team(threads);
        found = cpu::find_labels(volume, {false, false, 0, std::move(only)}, team);
    });
    std::vector<std::pair<u64, std::array<i64, 6>>> told;
    for (const cpu::LabelBox& box : found)
        told.push_back(
            {box.value, {box.low[0], box.low[1], box.low[2], box.high[0], box.high[1], box.high[2]}});
    return told;
}

std::unique_ptr<cpu::LabelPlan> prepare(std::uintptr_t data, const std::string& dtype, Sides shape,
                                        Sides strides, std::optional<u64> background,
                                        std::optional<std::vector<u64>> only, bool closed, Point spacing,
                                        Point origin, bool dual, int rounds, int threads) {
    cpu::LabelRequest request{volume_of(data, dtype, shape, strides),
                              {!only, !only && background, background.value_or(0), {}},
                              closed,
                              {},
                              {},
                              dual,
                              rounds};
    for (std::size_t axis = 0; axis < 3; ++axis) {
        request.spacing[axis] = spacing[axis];
        request.origin[axis] = origin[axis];
    }
    if (only) request.choice.only = std::move(*only);
    std::unique_ptr<cpu::LabelPlan> plan;
    without_gil([&] { plan = std::make_unique<cpu::LabelPlan>(cpu::prepare_labels(request, threads)); });
    return plan;
}

void emit(cpu::LabelPlan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_faces) {
    without_gil([&] {
        cpu::emit_labels(plan, reinterpret_cast<float*>(verts), reinterpret_cast<void*>(faces), wide_faces);
    });
}

void emit_ids(const cpu::LabelPlan& plan, std::uintptr_t ids, std::uintptr_t vertices,
              std::uintptr_t triangles) {
    cpu::emit_label_ids(plan, reinterpret_cast<void*>(ids), reinterpret_cast<i64*>(vertices),
                        reinterpret_cast<i64*>(triangles));
}

}  // namespace

void bind_labels(py::module_& m) {
    py::class_<cpu::LabelPlan>(m, "LabelPlan", "The counted labels of a volume, ready to be emitted.")
        .def_property_readonly("labels", &cpu::LabelPlan::labels)
        .def_property_readonly("vertices", &cpu::LabelPlan::vertices)
        .def_property_readonly("triangles", &cpu::LabelPlan::triangles)
        .def_readonly("most_vertices", &cpu::LabelPlan::most_vertices)
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"))
        .def("emit_ids", &emit_ids, py::arg("ids"), py::arg("vertices"), py::arg("triangles"));
    m.def("prepare_labels", &prepare, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("background"), py::arg("only"), py::arg("closed"), py::arg("spacing"), py::arg("origin"),
          py::arg("dual"), py::arg("rounds"), py::arg("threads"));
    m.def("label_boxes", &boxes, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("only"), py::arg("threads"));
}
