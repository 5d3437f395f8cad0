# SPDX-License-Identifier: MIT
"""NumPy arrays as tensors over the same memory, wherever torch takes that."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .masked import refuse_masked

# What torch before 2.3 takes of a NumPy array in the place of a dtype that it lacks, no value changed but
# those of uint64 rounded.
_BEFORE_TORCH_2_3 = {"uint16": "int32", "uint32": "int64", "uint64": "float64"}


def from_numpy(array: np.ndarray[Any, Any], name: str) -> Tensor:
    """Return an array as a tensor; only what torch does not take as it lies is copied."""
    if array.dtype.kind not in "bfiu":
        raise TypeError(f"{name} must have a real dtype, got {array.dtype}")
    refuse_masked(array, name, f": pass {name}.filled(...)")
    try:
        array = _as_torch_takes_it(array)
        return torch.from_numpy(array) if array.flags.writeable else _from_read_only(array)
    except MemoryError:
        raise no_memory(name, array.shape) from None


def no_memory(name: str, shape: tuple[int, ...]) -> MemoryError:
    """Return the error for an argument that needs more memory on the way than the machine has."""
    return MemoryError(f"{name} needs more memory than there is, got shape {shape}")


def _as_torch_takes_it(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if array.dtype == np.longdouble and array.dtype != np.float64:
        array = array.astype(np.float64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    sized = np.dtype(array.dtype.str)
    if sized.num != array.dtype.num:  # of two types of one size, as C has them, torch knows one
        array = array.view(sized)
    if not hasattr(torch, sized.name):
        array = array.astype(_BEFORE_TORCH_2_3[sized.name])
    # torch takes no strides that are negative or part of an element (a packed record's field).
    if not array.flags.aligned or any(step < 0 or step % array.itemsize for step in array.strides):
        array = array.copy()
    return array


def _from_read_only(array: np.ndarray[Any, Any]) -> Tensor:
    """Share an array that must not be written to, as we only read; `torch.from_numpy` would warn of it."""
    try:
        shared: Tensor = torch.from_dlpack(array)  # type: ignore[attr-defined]
        return shared
    except (AttributeError, BufferError, TypeError):  # an older torch or NumPy
        return torch.from_numpy(array.copy())


def negated(view: Tensor, name: str) -> Tensor:
    """Return what a view that negates its memory stands for, in memory of its own.

    On the CPU by NumPy: torch's own way can start threads, which a fork does not survive.
    """
    memory = torch._neg_view(view)
    try:
        if not view.is_cpu:
            return view.resolve_neg()
        if view.dtype == torch.bfloat16:  # which NumPy lacks; its first bit is its sign
            flipped = memory.view(torch.int16).numpy() ^ np.int16(-(2**15))
            return torch.from_numpy(flipped).view(torch.bfloat16)
        return torch.from_numpy(np.negative(memory.numpy()))
    except MemoryError:
        raise no_memory(name, tuple(view.shape)) from None
