# SPDX-License-Identifier: MIT
"""Values between samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from . import gradients, operators
from .arguments.points import points as checked_points
from .arguments.recording import Recorded
from .arguments.volume import volume
from .backends import choose


def grid_interp(vol: Tensor | np.ndarray[Any, Any], points: Tensor | np.ndarray[Any, Any]) -> Tensor:
    """Interpolate a stack of volumes at points, trilinearly.

    Shapes:
        `vol` is ``(C, Nz, Ny, Nx)``, `points` is ``(P, 3)``: positions ``(x, y, z)`` in voxels, as
        the vertices of `marching_cubes` are. Any number of channels and points, also none.

    Dtype:
        Computed in float64 for a float64 volume, in float32 for every other real dtype.

    Device:
        Both on one device. NumPy arrays give CPU tensors. Non-contiguous tensors are copied.

    Range:
        A point outside the grid takes the value at the nearest position on its border. A NaN
        coordinate gives NaN. Samples may be infinite or NaN: a point on a grid position of an axis
        does not depend on the samples further along it.

    Returns:
        ``(P, C)`` values, float32 or float64 as above, on the volume's device. Where `vol` or `points`
        requires grad, they carry the gradient (docs/gradients.md).

    Raises:
        TypeError: an argument is no dense tensor or array of a real dtype with data in it, or
            torch.jit.trace records.
        ValueError: `vol` has not four dimensions or an empty side; `points` is not ``(P, 3)`` or
            on another device; either has more than 2^48 elements.
        MemoryError, torch.OutOfMemoryError: the machine's or the GPU's memory is full.
        RuntimeError: the GPU failed, in the driver's words.

    >>> import torch
    >>> vol = torch.arange(8.0).reshape(1, 2, 2, 2)
    >>> grid_interp(vol, torch.tensor([[0.5, 0.0, 0.0], [1.0, 1.0, 9.0]]))
    tensor([[0.5000],
            [7.0000]])
    """
    if not operators.traced(vol):
        try:
            if gradients.wanted(vol, points):
                return gradients.grid_interp(vol, points)
            samples = volume(vol, "C, Nz, Ny, Nx")
            return choose.grid_interp(samples, checked_points(points, samples))
        except Recorded:
            if not operators.AVAILABLE:
                raise
    return operators.grid_interp(vol, points)
