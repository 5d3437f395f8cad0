// SPDX-License-Identifier: MIT
// The CUDA half of the compiled module. It trusts its caller, python/torchmcubes_bw/backends/cuda.py.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <string>

#include "../cuda/dual_pipeline.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

cuda::Volume volume(std::uintptr_t data, int dtype, Sides shape, Sides strides, double level) {
    return {reinterpret_cast<const void*>(data),
            dtype,
            shape[0],
            shape[1],
            shape[2],
            strides[0],
            strides[1],
            strides[2],
            level};
}

int dtype_index(const std::string& name) {
    for (int k = 0; k < static_cast<int>(cuda::kDtypes); ++k)
        if (name == cuda::kDtypeNames[k]) return k;
    throw py::value_error("dtype must be one the kernels read, got " + name);
}

std::unique_ptr<cuda::Kernels> load(int device, const std::string& image) {
    std::unique_ptr<cuda::Kernels> kernels;
    without_gil([&] { kernels = std::make_unique<cuda::Kernels>(device, image); });
    return kernels;
}

cuda::Request request(std::uintptr_t data, const std::string& dtype, Sides shape, Sides strides, double level,
                      std::uintptr_t mask, Sides mask_strides, bool skip_nan, bool closed) {
    return {volume(data, dtype_index(dtype), shape, strides, level),
            {reinterpret_cast<const u8*>(mask), mask_strides[0], mask_strides[1], mask_strides[2]},
            skip_nan,
            closed};
}

std::unique_ptr<cuda::Plan> prepare(const cuda::Kernels& kernels, std::uintptr_t stream, std::uintptr_t data,
                                    const std::string& dtype, Sides shape, Sides strides, double level,
                                    std::uintptr_t mask, Sides mask_strides, bool skip_nan, bool closed,
                                    std::uintptr_t scratch) {
    const cuda::Request given =
        request(data, dtype, shape, strides, level, mask, mask_strides, skip_nan, closed);
    std::unique_ptr<cuda::Plan> plan;
    without_gil([&] {
        plan = std::make_unique<cuda::Plan>(cuda::prepare(kernels, reinterpret_cast<cuda::Stream>(stream),
                                                          given, reinterpret_cast<void*>(scratch)));
    });
    return plan;
}

std::unique_ptr<cuda::Plan> prepare_batch(const cuda::Kernels& kernels, std::uintptr_t stream,
                                          std::uintptr_t data, const std::string& dtype, Axes shape,
                                          Axes strides, double level, std::uintptr_t levels,
                                          std::uintptr_t mask, Axes mask_strides, bool skip_nan, bool closed,
                                          std::uintptr_t offsets, std::uintptr_t totals,
                                          std::array<i64, 2> most, std::uintptr_t scratch) {
    cuda::Request given{
        volume(data, dtype_index(dtype), within(shape), within(strides), level),
        {reinterpret_cast<const u8*>(mask), mask_strides[1], mask_strides[2], mask_strides[3]},
        skip_nan,
        closed};
    given.volumes = shape[0], given.stride = strides[0], given.mask_stride = mask_strides[0];
    given.levels = reinterpret_cast<const double*>(levels);
    given.offsets = reinterpret_cast<i64*>(offsets);
    given.totals = reinterpret_cast<cuda::Totals*>(totals);
    given.max_vertices = most[0], given.max_triangles = most[1];
    std::unique_ptr<cuda::Plan> plan;
    without_gil([&] {
        plan = std::make_unique<cuda::Plan>(cuda::prepare(kernels, reinterpret_cast<cuda::Stream>(stream),
                                                          given, reinterpret_cast<void*>(scratch)));
    });
    return plan;
}

i64 scratch_bytes(Axes shape, bool selects, bool closed) {
    cuda::Request given{volume(0, 0, within(shape), {}, 0), {}, selects, closed};
    given.volumes = shape[0];
    return static_cast<i64>(cuda::scratch_bytes(given));
}

void emit(const cuda::Plan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_faces) {
    without_gil([&] {
        cuda::emit(plan, reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces), wide_faces);
    });
}

void emit_normals(const cuda::Plan& plan, std::uintptr_t normals, std::array<double, 3> spacing) {
    const double apart[3] = {spacing[0], spacing[1], spacing[2]};
    without_gil([&] { cuda::emit_normals(plan, reinterpret_cast<void*>(normals), apart); });
}

std::unique_ptr<cuda::DualPlan> prepare_dual(const cuda::Kernels& kernels, std::uintptr_t stream,
                                             std::uintptr_t data, const std::string& dtype, Sides shape,
                                             Sides strides, double level, std::uintptr_t mask,
                                             Sides mask_strides, bool skip_nan, bool closed, Point spacing,
                                             std::uintptr_t offsets, std::uintptr_t totals,
                                             std::array<i64, 2> most, std::uintptr_t scratch) {
    cuda::Request given = request(data, dtype, shape, strides, level, mask, mask_strides, skip_nan, closed);
    given.offsets = reinterpret_cast<i64*>(offsets);
    given.totals = reinterpret_cast<cuda::Totals*>(totals);
    given.max_vertices = most[0], given.max_triangles = most[1];
    const double apart[3] = {spacing[0], spacing[1], spacing[2]};
    std::unique_ptr<cuda::DualPlan> plan;
    without_gil([&] {
        plan = std::make_unique<cuda::DualPlan>(cuda::prepare_dual(
            kernels, reinterpret_cast<cuda::Stream>(stream), given, apart, reinterpret_cast<void*>(scratch)));
    });
    return plan;
}

void emit_dual(const cuda::DualPlan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_verts,
               bool wide_faces, bool triangles) {
    without_gil([&] {
        cuda::emit_dual(plan, {reinterpret_cast<void*>(verts), reinterpret_cast<void*>(faces), wide_verts,
                               wide_faces, triangles});
    });
}

void interpolate(const cuda::Kernels& kernels, std::uintptr_t stream, std::uintptr_t samples,
                 std::array<i64, 4> shape, std::uintptr_t points, i64 count, std::uintptr_t values,
                 bool is_double) {
    const cuda::InterpolateJob job{reinterpret_cast<const void*>(samples),
                                   reinterpret_cast<const void*>(points),
                                   reinterpret_cast<void*>(values),
                                   shape[0],
                                   shape[1],
                                   shape[2],
                                   shape[3],
                                   count};
    without_gil([&] { cuda::grid_interp(kernels, reinterpret_cast<cuda::Stream>(stream), job, is_double); });
}

}  // namespace

void bind_cuda(py::module_& m) {
    py::register_exception<cuda::OutOfMemory>(m, "CudaOutOfMemory", PyExc_RuntimeError);
    py::register_exception<cuda::ImageRefused>(m, "CudaImageRefused", PyExc_RuntimeError);
    py::class_<cuda::Kernels>(m, "CudaKernels", "A module of kernels, loaded on one device.")
        .def(py::init(&load), py::arg("device"), py::arg("image"));
    py::class_<cuda::Plan>(m, "CudaPlan", "A counted volume on a GPU, ready to be emitted.")
        .def_readonly("vertices", &cuda::Plan::vertices)
        .def_readonly("triangles", &cuda::Plan::triangles)
        .def_readonly("has_nan", &cuda::Plan::has_nan)
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_faces"))
        .def("emit_normals", &emit_normals, py::arg("normals"), py::arg("spacing"));
    py::class_<cuda::DualPlan>(m, "CudaDualPlan", "A volume on a GPU counted for its dual mesh.")
        .def_property_readonly("vertices", [](const cuda::DualPlan& plan) { return plan.grid.vertices; })
        .def_property_readonly("quads", [](const cuda::DualPlan& plan) { return plan.grid.triangles; })
        .def_property_readonly("has_nan", [](const cuda::DualPlan& plan) { return plan.grid.has_nan; })
        .def("emit", &emit_dual, py::arg("verts"), py::arg("faces"), py::arg("wide_verts"),
             py::arg("wide_faces"), py::arg("triangles"));
    m.def(
        "cuda_dual_scratch_bytes",
        [](Sides shape, bool selects, bool closed) {
            return cuda::dual_scratch_bytes({volume(0, 0, shape, {}, 0), {}, selects, closed});
        },
        py::arg("shape"), py::arg("selects") = false, py::arg("closed") = false);
    m.def("cuda_prepare_dual", &prepare_dual, py::arg("kernels"), py::arg("stream"), py::arg("data"),
          py::arg("dtype"), py::arg("shape"), py::arg("strides"), py::arg("level"), py::arg("mask"),
          py::arg("mask_strides"), py::arg("skip_nan"), py::arg("closed"), py::arg("spacing"),
          py::arg("offsets"), py::arg("totals"), py::arg("most"), py::arg("scratch"), py::keep_alive<0, 1>());
    m.def(
        "cuda_scratch_bytes",
        [](Sides shape, bool selects, bool closed) {
            return cuda::scratch_bytes({volume(0, 0, shape, {}, 0), {}, selects, closed});
        },
        py::arg("shape"), py::arg("selects") = false, py::arg("closed") = false);
    m.def("cuda_prepare", &prepare, py::arg("kernels"), py::arg("stream"), py::arg("data"), py::arg("dtype"),
          py::arg("shape"), py::arg("strides"), py::arg("level"), py::arg("mask"), py::arg("mask_strides"),
          py::arg("skip_nan"), py::arg("closed"), py::arg("scratch"), py::keep_alive<0, 1>());
    m.def("cuda_batch_scratch_bytes", &scratch_bytes, py::arg("shape"), py::arg("selects"),
          py::arg("closed"));
    m.def("cuda_prepare_batch", &prepare_batch, py::arg("kernels"), py::arg("stream"), py::arg("data"),
          py::arg("dtype"), py::arg("shape"), py::arg("strides"), py::arg("level"), py::arg("levels"),
          py::arg("mask"), py::arg("mask_strides"), py::arg("skip_nan"), py::arg("closed"),
          py::arg("offsets"), py::arg("totals"), py::arg("most"), py::arg("scratch"), py::keep_alive<0, 1>());
    m.def("cuda_grid_interp", &interpolate, py::arg("kernels"), py::arg("stream"), py::arg("volume"),
          py::arg("shape"), py::arg("points"), py::arg("count"), py::arg("values"), py::arg("is_double"));
    bind_cuda_sparse(m);
    m.def("cuda_driver_error", [] {
        try {
            cuda::driver();
            return std::string();
        } catch (const cuda::DriverError& error) {
            return std::string(error.what());
        }
    });
}
