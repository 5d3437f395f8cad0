// SPDX-License-Identifier: MIT
// Cells and blocks of cells on a GPU. Trusts its caller, python/torchmcubes_bw/backends/cuda_sparse.py.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>

#include "../cuda/sparse_pipeline.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

const i64* keys_at(std::uintptr_t address) { return reinterpret_cast<const i64*>(address); }

std::unique_ptr<cuda::SparsePlan> prepare(const cuda::Kernels& kernels, std::uintptr_t stream,
                                          std::uintptr_t data, bool is_double, Axes strides, i64 side,
                                          double level, std::array<std::uintptr_t, 2> blocks, i64 count,
                                          Sides low, Sides high, std::uintptr_t words,
                                          std::array<i64, 3> keys, std::uintptr_t scratch) {
    cuda::SparseRequest request{reinterpret_cast<const void*>(data),
                                is_double,
                                {},
                                side,
                                level,
                                keys_at(blocks[0]),
                                keys_at(blocks[1]),
                                count,
                                {},
                                {},
                                keys_at(words),
                                keys[0],
                                keys[1],
                                keys[2]};
    for (std::size_t axis = 0; axis < 4; ++axis) request.strides[axis] = strides[axis];
    for (std::size_t axis = 0; axis < 3; ++axis)
        request.low[axis] = low[axis], request.high[axis] = high[axis];
    std::unique_ptr<cuda::SparsePlan> plan;
    without_gil([&] {
        plan = std::make_unique<cuda::SparsePlan>(cuda::prepare_sparse(
            kernels, reinterpret_cast<cuda::Stream>(stream), request, reinterpret_cast<void*>(scratch)));
    });
    return plan;
}

void emit(const cuda::SparsePlan& plan, std::uintptr_t verts, std::uintptr_t faces, bool wide_verts) {
    without_gil([&] {
        cuda::emit_sparse(plan, reinterpret_cast<void*>(verts), reinterpret_cast<i32*>(faces), wide_verts);
    });
}

}  // namespace

void bind_cuda_sparse(py::module_& m) {
    py::class_<cuda::SparsePlan>(m, "CudaSparsePlan", "Blocks on a GPU, counted, ready to be emitted.")
        .def_readonly("vertices", &cuda::SparsePlan::vertices)
        .def_readonly("triangles", &cuda::SparsePlan::triangles)
        .def_readonly("in_trouble", &cuda::SparsePlan::in_trouble)
        .def("emit", &emit, py::arg("verts"), py::arg("faces"), py::arg("wide_verts"));
    m.def("cuda_sparse_scratch_bytes", &cuda::sparse_scratch_bytes, py::arg("words"));
    m.def(
        "cuda_refuse_capture",
        [](const cuda::Kernels& kernels, std::uintptr_t stream) {
            cuda::refuse_capture_of(kernels, reinterpret_cast<cuda::Stream>(stream));
        },
        py::arg("kernels"), py::arg("stream"));
    m.def("cuda_prepare_sparse", &prepare, py::arg("kernels"), py::arg("stream"), py::arg("data"),
          py::arg("is_double"), py::arg("strides"), py::arg("side"), py::arg("level"), py::arg("blocks"),
          py::arg("count"), py::arg("low"), py::arg("high"), py::arg("words"), py::arg("keys"),
          py::arg("scratch"), py::keep_alive<0, 1>());
}
