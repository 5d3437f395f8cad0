// SPDX-License-Identifier: MIT
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <chrono>
#include <exception>
#include <string>
#include <thread>

#include "../cpu/request.h"

using Sides = std::array<mc::i64, 3>;  // z, y, x
using Point = std::array<double, 3>;   // x, y, z
using Axes = std::array<mc::i64, 4>;   // volume, z, y, x

inline Sides within(const Axes& axes) { return {axes[1], axes[2], axes[3]}; }

inline bool interpreter_is_ending() {
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}

// Lets other Python threads run during `work`, which must not touch Python. Where the interpreter has begun
// to end meanwhile, the thread waits for the process's end, as all do from Python 3.14 on: an older Python
// unwinds the stack of a thread that asks for the GIL then, and a module that carries an unwinder of its own,
// as zig links one, crashes at that. Should the end begin while it asks, it is unwound: so it does not ask in
// a destructor, as pybind11's gil_scoped_release does, where that would be std::terminate. A thread that
// comes here in the end is the one that ends the interpreter, and goes on.
template <class Call>
void without_gil(const Call& work) {
    std::exception_ptr failure;
    const bool in_the_end = interpreter_is_ending();
    PyThreadState* const state = PyEval_SaveThread();
    try {
        work();
    } catch (...) {
        failure = std::current_exception();
    }
    while (!in_the_end && interpreter_is_ending()) std::this_thread::sleep_for(std::chrono::hours(1));
    PyEval_RestoreThread(state);
    if (failure) std::rethrow_exception(failure);
}

// The dtype of a name; throws ValueError for one that nobody has.
mc::cpu::Dtype dtype_named(const std::string& name);

// What a call asks, put together from what Python hands on.
mc::cpu::Request request_of(std::uintptr_t data, const std::string& dtype, Sides shape, Sides strides,
                            double level, std::uintptr_t mask, Sides mask_strides, bool skip_nan, bool closed,
                            Point spacing);

// Adds what takes samples of any dtype and is no surface.
void bind_samples(pybind11::module_& m);

// Adds the dual mesh.
void bind_dual(pybind11::module_& m);

// Adds batches of volumes.
void bind_batch(pybind11::module_& m);

// Adds the gradients of a mesh's vertices.
void bind_gradient(pybind11::module_& m);

// Adds the surfaces of labels.
void bind_labels(pybind11::module_& m);

// Adds slabs of a volume that is handed over slab by slab.
void bind_slab(pybind11::module_& m);

// Adds the surfaces of grids that are known in places.
void bind_sparse(pybind11::module_& m);

// Adds the CUDA backend's names to the compiled module.
void bind_cuda(pybind11::module_& m);

// Adds its gradients.
void bind_cuda_gradient(pybind11::module_& m);

// Adds cells and blocks of cells on a GPU.
void bind_cuda_sparse(pybind11::module_& m);
