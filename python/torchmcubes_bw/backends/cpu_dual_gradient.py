# SPDX-License-Identifier: MIT
"""The CPU backend of the dual mesh's gradients."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import _core
from ..arguments.arrays import no_memory
from ..arguments.request import Request
from ..arguments.samples import address
from ..arguments.volume import has_changed
from .cpu import told
from .cpu_dual import as_read
from .results import allocated


class Wanted(NamedTuple):
    """Whose gradients are wanted."""

    volume: bool
    level: bool
    deform: bool


class Towards(NamedTuple):
    """How samples, level and displacements move; None: not at all."""

    volume: Tensor | None
    level: float
    deform: Tensor | None

    def to(self, device: torch.device) -> Towards:
        """Return it on another device."""
        vol, deform = (None if part is None else part.to(device) for part in (self.volume, self.deform))
        return Towards(vol, self.level, deform)


class DualGradients(NamedTuple):
    """What was wanted; all of the vertices' type but the level's, which is a number."""

    volume: Tensor | None  # (Nz, Ny, Nx)
    level: float
    deform: Tensor | None  # (Nz, Ny, Nx, 3)
    verts: Tensor | None  # (V, 3), where there is a direction

    def to(self, device: torch.device) -> DualGradients:
        """Return it on another device."""
        vol, deform, verts = (
            None if part is None else part.to(device) for part in (self.volume, self.deform, self.verts)
        )
        return DualGradients(vol, self.level, deform, verts)


def gradients(
    request: Request, verts: Tensor, deform: Tensor | None, wanted: Wanted, towards: Towards | None
) -> DualGradients:
    """Return the gradients of a loss by volume, level and displacements, `verts` being that by its vertices.

    With a direction, return their derivatives in that direction, and by `verts`, instead.
    """
    vol, real, verts = request.volume, verts.dtype, verts.resolve_neg()
    try:
        plan = _core.prepare_dual(*told(request), torch.get_num_threads())
        if plan.has_nan or plan.vertices != len(verts):
            raise has_changed(vol)
        displaced = as_read(deform, real)
        by_volume = allocated(vol.shape, real) if wanted.volume else None
        by_deform = allocated((*vol.shape, 3), real) if wanted.deform else None
        moved, direction = None, None
        if towards is not None:
            moves = as_read(towards.volume, real), as_read(towards.deform, real)
            moved, direction = (
                allocated(verts.shape, real),
                (_at(moves[0]), towards.level, _at(moves[1])),
            )
        by_level = plan.gradient(
            address(verts, "the vertices' gradient"),
            verts.stride(),
            _at(displaced),
            _at(by_volume),
            wanted.level,
            _at(by_deform),
            direction,
        )
        if direction is not None and moved is not None:
            plan.emit_moved(_at(displaced), direction, moved.data_ptr())
    except MemoryError:
        raise no_memory("vol", vol.shape) from None
    return DualGradients(by_volume, by_level, by_deform, moved)


def _at(given: Tensor | None) -> int:
    return 0 if given is None else address(given, "what the samples are given")
