# SPDX-License-Identifier: MIT
"""Several volumes in one call on the CPU: one team of threads for all of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import _core
from ..arguments.arrays import no_memory
from ..arguments.batch import Batch
from ..arguments.volume import has_changed
from .cpu import refuse_nan
from .results import INT32_MAX, empty

_NO_MASK = (0, (0, 0, 0, 0))


class Packed(NamedTuple):
    """All surfaces, one after the other, in voxels."""

    verts: Tensor
    faces: Tensor  # each volume's from its own first vertex on
    normals: Tensor | None
    vert_offsets: Tensor  # (B + 1,)
    face_offsets: Tensor  # (B + 1,)
    overflow: Tensor | None = None  # of results of a fixed size: that they do not hold the mesh

    def to(self, device: torch.device) -> Packed:
        """Return them on another device."""
        return Packed(*(None if part is None else part.to(device) for part in self))  # type: ignore[arg-type]


def surfaces(batch: Batch, normals: bool = False) -> Packed:
    """Extract what is asked."""
    vol, mask = batch.request.volume, batch.request.mask
    try:
        plan = _prepare(batch)
        if plan.has_nan and batch.room is None:
            refuse_nan(vol, mask)
            raise has_changed(vol)
        return _emitted(plan, batch, normals)
    except MemoryError:
        raise _no_memory(batch) from None


def _no_memory(batch: Batch) -> MemoryError:
    shape, room = batch.request.volume.shape, batch.room
    if room is None:
        return no_memory("vol", shape)
    got = f"shape {shape}, {room.verts} and {room.faces}"
    return MemoryError(f"vol, max_verts and max_faces need more memory than there is, got {got}")


def _prepare(batch: Batch) -> _core.BatchPlan:
    asked, how = batch.request, batch.method
    vol, mask = asked.volume, asked.mask
    told = (
        *vol.told,
        batch.levels,
        *((mask.address, mask.strides) if mask else _NO_MASK),
        asked.skip_nan,
        asked.closed,
        asked.spacing,
    )
    if how.dual:
        return _core.prepare_dual_batch(*told, not how.quads, how.rounds, torch.get_num_threads())
    return _core.prepare_batch(*told, torch.get_num_threads())


def _emitted(plan: _core.BatchPlan, batch: Batch, wants_normals: bool) -> Packed:
    """Write the results, of the mesh's size or, where it fits, of the size they are to have."""
    room, rows = batch.room, (plan.vertices, plan.faces)
    fits = room is None or not (plan.has_nan or rows[0] > room.verts or rows[1] > room.faces)
    held = rows if fits else (0, 0)
    size = rows if room is None else room
    wide = (plan.most_vertices if room is None else room.verts) > INT32_MAX
    coordinate = torch.float64 if batch.request.volume.dtype == "float64" else torch.float32
    verts, verts_at = empty(size[0], 3, coordinate)
    columns = 4 if batch.method.quads else 3
    faces, faces_at = empty(size[1], columns, torch.int64 if wide else torch.int32)
    normals, normals_at = empty(size[0], 3, coordinate) if wants_normals else (None, 0)
    if fits:
        plan.emit(verts_at, faces_at, wide)
        if normals is not None:
            plan.emit_normals(normals_at)
    for part, count in ((verts, held[0]), (faces, held[1]), (normals, held[0])):
        if part is not None and count < len(part):
            part.numpy()[count:] = 0  # torch would start threads for it
    offsets = _offsets(plan, len(batch.levels), plan.has_nan)
    overflow = None if room is None else torch.tensor(not fits, device="cpu")
    return Packed(verts, faces, normals, offsets[0], offsets[1], overflow)


def _offsets(plan: _core.BatchPlan, volumes: int, has_nan: bool) -> Tensor:
    """Return where each volume's vertices and faces begin, and where all end; -1 where a NaN spoilt them."""
    offsets, at = empty(2, volumes + 1, torch.int64)
    if has_nan:
        offsets.numpy()[:] = -1
    else:
        plan.emit_offsets(at, at + 8 * (volumes + 1))
    return offsets
