# SPDX-License-Identifier: MIT
"""PyMCubes' call."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
import torch
from torch import Tensor

from ..arguments.foreign import grid
from ..arguments.level import level as checked_level
from ..arguments.request import request
from ..backends import choose
from .convention import index_order, next_above


def marching_cubes(
    volume: Tensor | np.ndarray[Any, Any], isovalue: SupportsFloat | Tensor
) -> tuple[Any, Any]:
    """Extract an isosurface as ``mcubes.marching_cubes`` does, from arrays, and from tensors on any device.

    Arguments:
        volume: ``(M, N, P)``. A cell with a NaN corner yields nothing.
        isovalue: The level; samples equal to it are inside.

    Returns:
        ``(vertices, triangles)``, the vertices ``(V, 3)`` float64 in index order. For an array two arrays,
        the triangles uint64; for a tensor two tensors on its device, the triangles int64.

    Raises:
        TypeError, ValueError, MemoryError, torch.OutOfMemoryError, RuntimeError: as
            `torchmcubes_bw.marching_cubes`.

    docs/compat.md tells how the mesh differs from PyMCubes'.

    >>> import numpy as np
    >>> solid = np.zeros((3, 3, 3))
    >>> solid[1, 1, 1] = 1
    >>> vertices, triangles = marching_cubes(solid, 0.25)
    >>> vertices[0], triangles.shape, triangles.dtype
    (array([0.25, 1.  , 1.  ]), (8, 3), dtype('uint64'))
    """
    vol = grid(volume, shortest=1)
    level = next_above(checked_level(isovalue, "isovalue"), vol)
    verts, faces, _ = choose.surface(request(vol, level, None, "skip"))
    verts = index_order(choose.placed(verts, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), torch.float64))
    if isinstance(volume, np.ndarray):
        return verts.numpy(), faces.numpy().astype(np.uint64)
    return verts, faces.long()
