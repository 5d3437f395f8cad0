# SPDX-License-Identifier: MIT
"""Where the dual mesh's vertices lie, as a formula that torch differentiates.

A vertex is the mean of its patch's crossings, and a crossing lies a fraction (level - a) / (b - a) of the way
from one sample to the next. Which crossings those are the extraction tells (`patches`); what is computed here
again is the place alone.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _lower_corner(edge: int) -> list[int]:
    """Return the lower corner (x, y, z) of a cell's edge; csrc/core/cube.h draws them."""
    corner = [edge & 1, edge >> 1 & 1]
    corner.insert(edge // 4, 0)
    return corner


def positions(
    vol: Tensor, level: Tensor, cells: Tensor, patches: Tensor, deform: Tensor | None = None
) -> Tensor:
    """Return the vertices ``(V, 3)`` as a function of the samples, the level and the samples' displacements.

    `cells` is ``(V, 3)``, each vertex's lower corner (x, y, z); a corner outside the volume stands for the
    layer of outside samples around it. `patches` has a bit for each edge of the cell that belongs to the
    vertex. `deform` is ``(Nz, Ny, Nx, 3)``.
    """
    total = torch.zeros(cells.shape, dtype=vol.dtype, device=vol.device)
    for edge in range(12):
        vertex = (patches >> edge & 1).nonzero().squeeze(1)
        lower = cells[vertex] + torch.tensor(_lower_corner(edge), device=cells.device)
        total = total.index_add(0, vertex, _crossings(vol, level, lower, edge // 4, deform))
    count = sum((patches >> edge & 1) for edge in range(12))
    return total / torch.as_tensor(count).to(vol.dtype)[:, None]


def _crossings(vol: Tensor, level: Tensor, lower: Tensor, axis: int, deform: Tensor | None) -> Tensor:
    step = torch.tensor([int(k == axis) for k in range(3)], device=lower.device)
    upper = lower + step
    last = torch.tensor(vol.shape[::-1], device=lower.device) - 1
    (xa, ya, za), (xb, yb, zb) = lower.clamp(min=0).T, torch.minimum(upper, last).T
    a, b = vol[za, ya, xa], vol[zb, yb, xb]
    beside = (lower[:, axis] < 0) | (upper[:, axis] > last[axis])  # met at the volume's own sample
    fraction = ((level - a) / torch.where(beside, 1, b - a)).clamp(0, 1)
    fraction = torch.where(beside, (lower[:, axis] < 0).to(vol.dtype), fraction)[:, None]
    places = lower.to(vol.dtype) + fraction * step.to(vol.dtype)
    if deform is not None:
        places = places + deform[za, ya, xa] * (1 - fraction) + deform[zb, yb, xb] * fraction
    return places
