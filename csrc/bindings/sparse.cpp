// SPDX-License-Identifier: MIT
// Grids that are known in places. Trusts its caller, python/torchmcubes_bw/backends/sparse.py.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <string>

#include "../cpu/sparse/blocks.h"
#include "../cpu/sparse/field.h"
#include "../cpu/sparse/fill_signs.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

std::unique_ptr<cpu::BlockPlan> prepare(std::uintptr_t coords, bool wide, i64 stride, i64 stride_axis,
                                        std::uintptr_t values, const std::string& dtype,
                                        std::array<i64, 4> shape, std::array<i64, 4> strides, double level,
                                        int threads) {
    cpu::BlockRequest request{{reinterpret_cast<const void*>(coords), wide, shape[0], stride, stride_axis},
                              {reinterpret_cast<const void*>(values), dtype_named(dtype), {}, {}},
                              shape[3] - 1,
                              level};
    for (std::size_t axis = 0; axis < 4; ++axis) {
        request.values.sides[axis] = shape[axis];
        request.values.strides[axis] = strides[axis];
    }
    std::unique_ptr<cpu::BlockPlan> plan;
    without_gil([&] { plan = cpu::prepare_blocks(request, threads); });
    return plan;
}

void emit(cpu::BlockPlan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_faces) {
    without_gil(
        [&] { plan.emit(reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces), wide_faces); });
}

std::string fault_of(const cpu::BlockPlan& plan) {
    constexpr const char* kNames[] = {"", "twice", "apart", "nan", "far"};
    return kNames[static_cast<int>(plan.trouble.fault)];
}

std::unique_ptr<cpu::Field> make_field(Sides shape, i64 stride, double level, Point spacing, Point origin,
                                       bool is_double, bool whole, int threads) {
    cpu::FieldRequest request{shape[0], shape[1], shape[2], stride, level, {}, {}, is_double, whole};
    for (std::size_t axis = 0; axis < 3; ++axis) {
        request.spacing[axis] = spacing[axis];
        request.origin[axis] = origin[axis];
    }
    std::unique_ptr<cpu::Field> field;
    without_gil([&] { field = cpu::Field::make(request, threads); });
    return field;
}

cpu::PlaceKind kind_named(const std::string& name) {
    if (name == "index") return cpu::PlaceKind::kIndex;
    return name == "float32" ? cpu::PlaceKind::kFloat : cpu::PlaceKind::kDouble;
}

i64 places(cpu::Field& field, std::uintptr_t to, const std::string& kind, i64 capacity) {
    i64 count = 0;
    without_gil([&] { count = field.places(reinterpret_cast<void*>(to), kind_named(kind), capacity); });
    return count;
}

i64 take(cpu::Field& field, std::uintptr_t values, i64 count) {
    i64 nan = -1;
    without_gil([&] { nan = field.take(reinterpret_cast<const void*>(values), count); });
    return nan;
}

void follow(cpu::Field& field, int cells, double margin, double lipschitz) {
    without_gil([&] { field.follow({cells, margin, lipschitz}); });
}

void refine(cpu::Field& field, int cells, double margin, double lipschitz) {
    without_gil([&] { field.refine({cells, margin, lipschitz}); });
}

void emit_field(cpu::Field& field, std::uintptr_t verts, std::uintptr_t faces, bool wide_faces) {
    without_gil(
        [&] { field.emit(reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces), wide_faces); });
}

i64 fill_signs(std::uintptr_t samples, Sides shape, float level, float low, float high) {
    i64 left = 0;
    without_gil([&] {
        left = cpu::fill_signs(reinterpret_cast<float*>(samples), shape[0], shape[1], shape[2], level, low,
                               high);
    });
    return left;
}

void bind_field(py::module_& m) {
    py::class_<cpu::Field>(m, "Field", "A function on a grid, evaluated where its surface is.")
        .def(py::init(&make_field), py::arg("shape"), py::arg("stride"), py::arg("level"), py::arg("spacing"),
             py::arg("origin"), py::arg("is_double"), py::arg("whole"), py::arg("threads"))
        .def_property_readonly("pending", &cpu::Field::pending)
        .def_property_readonly("stride", &cpu::Field::stride)
        .def_property_readonly("evaluated", &cpu::Field::evaluated)
        .def_readonly("vertices", &cpu::Field::vertices)
        .def_readonly("triangles", &cpu::Field::triangles)
        .def("places", &places, py::arg("to"), py::arg("kind"), py::arg("capacity"))
        .def("take", &take, py::arg("values"), py::arg("count"))
        .def("follow", &follow, py::arg("cells"), py::arg("margin"), py::arg("lipschitz"))
        .def("refine", &refine, py::arg("cells"), py::arg("margin"), py::arg("lipschitz"))
        .def("prepare", [](cpu::Field& field) { without_gil([&] { field.prepare(); }); })
        .def("emit", &emit_field, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"));
    m.def("fill_signs", &fill_signs, py::arg("samples"), py::arg("shape"), py::arg("level"), py::arg("low"),
          py::arg("high"));
}

}  // namespace

void bind_sparse(py::module_& m) {
    bind_field(m);
    py::class_<cpu::BlockPlan>(m, "BlockPlan", "Blocks in raster order, counted, ready to be emitted.")
        .def_readonly("vertices", &cpu::BlockPlan::vertices)
        .def_readonly("triangles", &cpu::BlockPlan::triangles)
        .def_property_readonly("fault", &fault_of)
        .def_property_readonly("fault_at",
                               [](const cpu::BlockPlan& plan) {
                                   const i64* at = plan.trouble.at;
                                   return std::array<i64, 3>{at[0], at[1], at[2]};
                               })
        .def_property_readonly("fault_values",
                               [](const cpu::BlockPlan& plan) {
                                   return std::array<double, 2>{plan.trouble.values[0],
                                                                plan.trouble.values[1]};
                               })
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"));
    m.def("prepare_blocks", &prepare, py::arg("coords"), py::arg("wide"), py::arg("stride"),
          py::arg("stride_axis"), py::arg("values"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("level"), py::arg("threads"));
}
