# SPDX-License-Identifier: MIT
"""The CPU backend of the dual mesh."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import _core
from ..arguments.arrays import no_memory
from ..arguments.request import Request
from ..arguments.volume import has_changed
from .cpu import refuse_nan, told
from .results import INT32_MAX, empty


class DualMesh(NamedTuple):
    """A dual mesh, and where asked what its vertices are the means of; see `dual_gradient.positions`."""

    verts: Tensor
    faces: Tensor
    cells: Tensor | None = None
    patches: Tensor | None = None
    normals: Tensor | None = None

    def to(self, device: torch.device) -> DualMesh:
        """Return it on another device."""
        return DualMesh(*(None if part is None else part.to(device) for part in self))  # type: ignore[arg-type]


def dual(
    request: Request, quads: bool, rounds: int = 0, patches: bool = False, normals: bool = False
) -> DualMesh:
    """Extract what is asked: triangles or quads, after some rounds of relaxation."""
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
        mesh = DualMesh(verts, faces)
        if normals:
            directions, directions_at = empty(plan.vertices, 3, verts.dtype)
            plan.emit_normals(directions_at)
            mesh = mesh._replace(normals=directions)
        if not patches:
            return mesh
        cells, cells_at = empty(plan.vertices, 3, torch.int64)
        edges, edges_at = empty(plan.vertices, 1, torch.int16)
        plan.emit_patches(cells_at, edges_at)
    except MemoryError:
        raise no_memory("vol", vol.shape) from None
    return mesh._replace(cells=cells, patches=edges[:, 0])
