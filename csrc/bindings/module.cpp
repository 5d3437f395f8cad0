// SPDX-License-Identifier: MIT
// The compiled module torchmcubes_bw._core: addresses in, the GIL released, nothing computed here.
// It trusts its caller, python/torchmcubes_bw/backends/cpu.py, which has checked shapes, types and devices.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "../core/case_table.h"
#include "../cpu/pipeline.h"
#include "../cpu/placement.h"
#include "../cpu/simd/row_functions.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

cpu::Request request_of(std::uintptr_t data, const std::string& dtype, Sides shape, Sides strides,
                        double level, std::uintptr_t mask, Sides mask_strides, bool skip_nan, bool closed,
                        Point spacing) {
    const cpu::Volume volume{reinterpret_cast<const void*>(data),
                             dtype_named(dtype),
                             shape[0],
                             shape[1],
                             shape[2],
                             strides[0],
                             strides[1],
                             strides[2]};
    const cpu::Mask selected{reinterpret_cast<const u8*>(mask), mask_strides[0], mask_strides[1],
                             mask_strides[2]};
    return {volume, level, selected, skip_nan, closed, {spacing[0], spacing[1], spacing[2]}};
}

namespace {

std::unique_ptr<cpu::Plan> prepare(std::uintptr_t data, const std::string& dtype, Sides shape, Sides strides,
                                   double level, std::uintptr_t mask, Sides mask_strides, bool skip_nan,
                                   bool closed, Point spacing, i64 slab_planes, int threads) {
    cpu::Request request =
        request_of(data, dtype, shape, strides, level, mask, mask_strides, skip_nan, closed, spacing);
    request.slab_planes = slab_planes;
    std::unique_ptr<cpu::Plan> plan;
    without_gil([&] { plan = std::make_unique<cpu::Plan>(cpu::prepare(request, threads)); });
    return plan;
}

void emit(const cpu::Plan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_faces) {
    without_gil(
        [&] { cpu::emit(plan, reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces), wide_faces); });
}

void emit_normals(const cpu::Plan& plan, std::uintptr_t normals) {
    without_gil([&] { cpu::emit_normals(plan, reinterpret_cast<void*>(normals)); });
}

void place(std::uintptr_t from, bool from_double, std::uintptr_t to, bool to_double, i64 count, Point spacing,
           Point origin, int threads) {
    const cpu::Placement placement{reinterpret_cast<const void*>(from),
                                   from_double,
                                   reinterpret_cast<void*>(to),
                                   to_double,
                                   count,
                                   {spacing[0], spacing[1], spacing[2]},
                                   {origin[0], origin[1], origin[2]}};
    without_gil([&] { cpu::place(placement, threads); });
}

// The case table as tests and documents read it: for each case its triangles, three edges each.
std::vector<std::vector<std::array<int, 3>>> case_table() {
    constexpr CaseTable table = derive_case_table();
    std::vector<std::vector<std::array<int, 3>>> cases(kCases);
    for (int k = 0; k < kCases; ++k)
        for (int t = 0; t < table.triangles[k]; ++t) {
            const u8* edge = table.edges[k] + 3 * t;
            cases[k].push_back({edge[0], edge[1], edge[2]});
        }
    return cases;
}

// The lower and the upper corner of each edge.
std::vector<std::array<int, 2>> edge_corners() {
    std::vector<std::array<int, 2>> corners;
    for (int e = 0; e < kEdges; ++e) corners.push_back({edge_lower_corner(e), edge_upper_corner(e)});
    return corners;
}

}  // namespace

PYBIND11_MODULE(_core, m) {
    m.doc() = "The CPU backend of torchmcubes_bw. Takes addresses; use torchmcubes_bw instead.";
    py::class_<cpu::Plan>(m, "Plan", "A counted volume, ready to be emitted.")
        .def_readonly("vertices", &cpu::Plan::vertices)
        .def_readonly("triangles", &cpu::Plan::triangles)
        .def_readonly("has_nan", &cpu::Plan::has_nan)
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"))
        .def("emit_normals", &emit_normals, py::arg("normals"));
    m.def("place", &place, py::arg("verts"), py::arg("is_double"), py::arg("to"), py::arg("to_double"),
          py::arg("count"), py::arg("spacing"), py::arg("origin"), py::arg("threads"));
    m.def("prepare", &prepare, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("level"), py::arg("mask"), py::arg("mask_strides"), py::arg("skip_nan"), py::arg("closed"),
          py::arg("spacing"), py::arg("slab_planes"), py::arg("threads"));
    bind_samples(m);
    bind_batch(m);
    bind_labels(m);
    bind_dual(m);
    bind_gradient(m);
    bind_slab(m);
    bind_sparse(m);
    m.def("simd_level", [] { return std::string(cpu::row_functions().name); });
    m.def("simd_levels", [] { return cpu::supported_levels(); });
    m.def("case_table", &case_table);
    m.def("edge_corners", &edge_corners);
#if defined(TORCHMCUBES_CUDA)
    bind_cuda(m);
    bind_cuda_gradient(m);
#endif
    m.attr("__version__") = TORCHMCUBES_VERSION;
}
