# SPDX-License-Identifier: MIT
"""The CPU backend of gradients: of a mesh's vertices, and of interpolated values."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import _core
from ..arguments.arrays import no_memory
from ..arguments.request import Request
from ..arguments.samples import Samples, address
from ..arguments.volume import has_changed
from .cpu import told
from .results import allocated


class Direction(NamedTuple):
    """How the samples and the level move."""

    volume: Tensor
    level: float


class Gradients(NamedTuple):
    """What was asked for; all of the vertices' type but the level's, which is a number."""

    volume: Tensor | None  # (Nz, Ny, Nx)
    level: float
    verts: Tensor | None  # (V, 3), where there is a direction


def vertices(
    request: Request, verts: Tensor, volume: bool, level: bool, direction: Direction | None = None
) -> Gradients:
    """Return the gradients of a loss by a request's volume and level, `verts` being that by its vertices.

    With a direction, return their derivatives in that direction, and by `verts`, instead.
    """
    vol, real, verts = request.volume, verts.dtype, verts.resolve_neg()
    try:
        plan = _core.prepare_gradient(*told(request), torch.get_num_threads())
        if plan.has_nan or plan.vertices != len(verts):
            raise has_changed(vol)
        of_volume = allocated(vol.shape, real) if volume else None
        moved, towards = None, None
        if direction is not None:
            towards = direction.volume.to(real).resolve_neg().contiguous()
            moved = allocated(verts.shape, real)
        of_level = _core.gradient(
            plan,
            address(verts, "the vertices' gradient"),
            verts.stride(),
            0 if of_volume is None else of_volume.data_ptr(),
            level,
            0 if towards is None else address(towards, "the direction"),
            0.0 if direction is None else direction.level,
            0 if moved is None else moved.data_ptr(),
        )
    except MemoryError:
        raise no_memory("vol", vol.shape) from None
    return Gradients(of_volume, of_level, moved)


def interpolated(
    vol: Samples, points: Samples, values: Tensor, of_vol: bool, of_points: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of a loss by samples and points, `values` being that by the values there."""
    values = values.resolve_neg()
    try:
        by_vol = allocated(vol.shape, values.dtype) if of_vol else None
        by_points = allocated(points.shape, values.dtype) if of_points else None
        _core.grid_interp_gradient(
            *vol.told,
            *points.told,
            address(values, "the values' gradient"),
            values.stride(),
            0 if by_vol is None else by_vol.data_ptr(),
            0 if by_points is None else by_points.data_ptr(),
            torch.get_num_threads(),
        )
    except MemoryError:
        raise no_memory("vol", vol.shape) from None
    return by_vol, by_points
