// SPDX-License-Identifier: MIT
// Samples of every dtype: values between them, and what can be said of them all.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <vector>

#include "../cpu/grid_interp.h"
#include "../cpu/grid_interp_gradient.h"
#include "bindings.h"

namespace py = pybind11;
using namespace mc;

namespace {

cpu::Samples samples(std::uintptr_t data, const std::string& dtype, const Axes& shape, const Axes& strides) {
    return {reinterpret_cast<const void*>(data),
            dtype_named(dtype),
            {shape[0], shape[1], shape[2], shape[3]},
            {strides[0], strides[1], strides[2], strides[3]}};
}

void interpolate(std::uintptr_t volume, const std::string& dtype, const Axes& shape, const Axes& strides,
                 std::uintptr_t points, const std::string& points_dtype, std::array<i64, 2> points_shape,
                 std::array<i64, 2> points_strides, std::uintptr_t values, int threads) {
    const cpu::Samples given = samples(volume, dtype, shape, strides);
    const cpu::Samples at = samples(points, points_dtype, {1, 1, points_shape[0], points_shape[1]},
                                    {0, 0, points_strides[0], points_strides[1]});
    without_gil([&] { cpu::grid_interp(given, at, reinterpret_cast<void*>(values), threads); });
}

void interpolate_gradient(std::uintptr_t volume, const std::string& dtype, const Axes& shape,
                          const Axes& strides, std::uintptr_t points, const std::string& points_dtype,
                          std::array<i64, 2> points_shape, std::array<i64, 2> points_strides,
                          std::uintptr_t values, std::array<i64, 2> values_strides, std::uintptr_t of_volume,
                          std::uintptr_t of_points, int threads) {
    const cpu::Samples given = samples(volume, dtype, shape, strides);
    const cpu::Samples at = samples(points, points_dtype, {1, 1, points_shape[0], points_shape[1]},
                                    {0, 0, points_strides[0], points_strides[1]});
    const cpu::InterpolationGradient asked{reinterpret_cast<const void*>(values), values_strides[0],
                                           values_strides[1], reinterpret_cast<void*>(of_volume),
                                           reinterpret_cast<void*>(of_points)};
    without_gil([&] { cpu::grid_interp_gradient(given, at, asked, threads); });
}

// The axes of a volume, or of several.
cpu::Survey survey(std::uintptr_t data, const std::string& dtype, const std::vector<i64>& shape,
                   const std::vector<i64>& strides, int threads) {
    Axes sides{1, 1, 1, 1}, steps{};
    std::copy_backward(shape.begin(), shape.end(), sides.end());
    std::copy_backward(strides.begin(), strides.end(), steps.end());
    const cpu::Samples given = samples(data, dtype, sides, steps);
    cpu::Survey seen;
    without_gil([&] { seen = cpu::survey(given, threads); });
    return seen;
}

}  // namespace

cpu::Dtype dtype_named(const std::string& name) {
    for (int k = 0; k < cpu::kAllDtypes; ++k)
        if (!name.empty() && name == cpu::kDtypeNames[k]) return static_cast<cpu::Dtype>(k);
    throw py::value_error("dtype must be one the core reads, got " + name);
}

void bind_samples(py::module_& m) {
    m.def("grid_interp", &interpolate, py::arg("volume"), py::arg("dtype"), py::arg("shape"),
          py::arg("strides"), py::arg("points"), py::arg("points_dtype"), py::arg("points_shape"),
          py::arg("points_strides"), py::arg("values"), py::arg("threads"));
    m.def("grid_interp_gradient", &interpolate_gradient, py::arg("volume"), py::arg("dtype"),
          py::arg("shape"), py::arg("strides"), py::arg("points"), py::arg("points_dtype"),
          py::arg("points_shape"), py::arg("points_strides"), py::arg("values"), py::arg("values_strides"),
          py::arg("of_volume"), py::arg("of_points"), py::arg("threads"));
    py::class_<cpu::Survey>(m, "Survey", "What can be said of all samples.")
        .def_readonly("nans", &cpu::Survey::nans)
        .def_readonly("first_nan", &cpu::Survey::first_nan)
        .def_readonly("low", &cpu::Survey::low)
        .def_readonly("high", &cpu::Survey::high);
    m.def("survey", &survey, py::arg("data"), py::arg("dtype"), py::arg("shape"), py::arg("strides"),
          py::arg("threads"));
}
