# SPDX-License-Identifier: MIT
"""The CPU backend of the dual mesh."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _core
from ..arguments.arrays import no_memory
from ..arguments.request import Request
from ..arguments.samples import address
from ..arguments.volume import has_changed
from .cpu import refuse_nan, told
from .results import INT32_MAX, Surface, empty


def dual(
    request: Request, quads: bool, rounds: int = 0, normals: bool = False, deform: Tensor | None = None
) -> Surface:
    """Extract what is asked: triangles or quads, after some rounds of relaxation, or of displaced samples."""
    vol = request.volume
    try:
        plan = _core.prepare_dual(*told(request), torch.get_num_threads())
        if plan.has_nan:
            refuse_nan(vol, request.mask)
            raise has_changed(vol)
        wide = plan.vertices > INT32_MAX
        verts, verts_at = empty(plan.vertices, 3, torch.float64 if vol.dtype == "float64" else torch.float32)
        rows, columns = (plan.quads, 4) if quads else (2 * plan.quads, 3)
        faces, faces_at = empty(rows, columns, torch.int64 if wide else torch.int32)
        plan.emit(verts_at, faces_at, wide, not quads, rounds)
        mesh = Surface(verts, faces)
        if normals:
            directions, directions_at = empty(plan.vertices, 3, verts.dtype)
            plan.emit_normals(directions_at)
            mesh = mesh._replace(normals=directions)
        displaced = as_read(deform, verts.dtype)
        if displaced is not None:
            plan.emit_displaced(address(displaced, "deform"), verts_at)
    except MemoryError:
        raise no_memory("vol", vol.shape) from None
    return mesh


def as_read(given: Tensor | None, real: torch.dtype) -> Tensor | None:
    """Return what is given for each sample as the core reads it."""
    return None if given is None else given.to(real).resolve_neg().contiguous()
