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
#include "../cpu/grid_interp.h"
#include "../cpu/pipeline.h"
#include "../cpu/simd/row_functions.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

using Sides = std::array<i64, 3>;  // z, y, x

cpu::Dtype dtype_named(const std::string& name) {
    for (int k = 0; k < cpu::kDtypes; ++k)
        if (name == cpu::kDtypeNames[k]) return static_cast<cpu::Dtype>(k);
    throw py::value_error("dtype must be one the kernels read, got " + name);
}

std::unique_ptr<cpu::Plan> prepare(std::uintptr_t data, const std::string& dtype, Sides shape, Sides strides,
                                   double level, std::uintptr_t mask, Sides mask_strides, bool skip_nan,
                                   bool closed, i64 slab_planes, int threads) {
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
    const cpu::Request request{volume, level, selected, skip_nan, closed, slab_planes};
    const py::gil_scoped_release unlocked;
    return std::make_unique<cpu::Plan>(cpu::prepare(request, threads));
}

void emit(const cpu::Plan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_faces) {
    const py::gil_scoped_release unlocked;
    cpu::emit(plan, reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces), wide_faces);
}

template <class Real>
void interpolate(std::uintptr_t volume, std::array<i64, 4> shape, std::uintptr_t points, i64 count,
                 std::uintptr_t values, int threads) {
    const py::gil_scoped_release unlocked;
    cpu::grid_interp<Real>({reinterpret_cast<const Real*>(volume), shape[0], shape[1], shape[2], shape[3]},
                           reinterpret_cast<const Real*>(points), count, reinterpret_cast<Real*>(values),
                           threads);
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
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"));
    m.def("prepare", &prepare, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("level"), py::arg("mask"), py::arg("mask_strides"), py::arg("skip_nan"), py::arg("closed"),
          py::arg("slab_planes"), py::arg("threads"));
    m.def("grid_interp_float32", &interpolate<float>, py::arg("volume"), py::arg("shape"), py::arg("points"),
          py::arg("count"), py::arg("values"), py::arg("threads"));
    m.def("grid_interp_float64", &interpolate<double>, py::arg("volume"), py::arg("shape"), py::arg("points"),
          py::arg("count"), py::arg("values"), py::arg("threads"));
    m.def("simd_level", [] { return std::string(cpu::row_functions().name); });
    m.def("simd_levels", [] { return cpu::supported_levels(); });
    m.def("case_table", &case_table);
    m.def("edge_corners", &edge_corners);
#if defined(TORCHMCUBES_CUDA)
    bind_cuda(m);
#endif
    m.attr("__version__") = TORCHMCUBES_VERSION;
}
