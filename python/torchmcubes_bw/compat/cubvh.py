# SPDX-License-Identifier: MIT
"""cubvh's call of marching cubes over cells, without its compiler and its GPU."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
import torch
from torch import Tensor

from ..sparse import marching_cubes_cells
from .convention import tensor

# cubvh numbers corners around the lower face, then around the upper; of each of ours its number there.
_CORNERS = (0, 1, 3, 2, 4, 5, 7, 6)


def sparse_marching_cubes(
    coords: Tensor | np.ndarray[Any, Any],
    corners: Tensor | np.ndarray[Any, Any],
    iso: SupportsFloat | Tensor,
    ensure_consistency: bool = False,
) -> tuple[Tensor, Tensor]:
    """Extract the isosurface of cells as ``cubvh.sparse_marching_cubes`` does, on any device.

    Arguments:
        coords: ``(N, 3)`` integers, the lowest corner of each cell.
        corners: ``(N, 8)``; corners 0 to 3 go around the lower face, ``(0, 0, 0)``, ``(1, 0, 0)``,
            ``(1, 1, 0)``, ``(0, 1, 0)``, and 4 to 7 likewise around the upper one.
        iso: The level.
        ensure_consistency: True gives a corner that cells share the mean of their values; then these may
            differ, which is an error else.

    Returns:
        ``(verts, faces)`` as `torchmcubes_bw.marching_cubes_cells`: float32 and int32, faces turned to higher
        values, in our order.

    Raises:
        TypeError, ValueError, MemoryError: as `torchmcubes_bw.marching_cubes_cells`.

    >>> import torch
    >>> corners = torch.tensor([[-1.0, 1, 1, 1, 1, 1, 1, 1]])
    >>> sparse_marching_cubes(torch.zeros(1, 3, dtype=torch.int32), corners, 0.0)[1]
    tensor([[0, 1, 2]], dtype=torch.int32)
    """
    at, values = tensor(coords), tensor(corners)
    if values.dim() == 2 and values.shape[1] == 8:
        values = values[:, list(_CORNERS)]
        if ensure_consistency:
            values = _agreed(at, values)
    return marching_cubes_cells(at, values, iso)


def _agreed(coords: Tensor, corners: Tensor) -> Tensor:
    """Give each corner the mean of the values that cells have there."""
    steps = [[k & 1, k >> 1 & 1, k >> 2] for k in range(8)]
    places = (coords.long()[:, None] + torch.tensor(steps, device=coords.device)).reshape(-1, 3)
    _, place = torch.unique(places, dim=0, return_inverse=True)
    sums = corners.new_zeros(int(place.max()) + 1 if len(place) else 0, dtype=torch.float64)
    sums.index_add_(0, place, corners.reshape(-1).double())
    mean = sums / torch.bincount(place, minlength=len(sums))
    return mean[place].to(corners.dtype).reshape(corners.shape)
