# SPDX-License-Identifier: MIT
"""Dual meshes of several volumes on a GPU, one by one, and of one volume in results of a fixed size."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _core
from ..arguments.batch import Batch, Room
from ..arguments.request import Request
from ..arguments.samples import checked
from ..arguments.volume import has_changed
from .batches import Packed
from .converted import as_kernels_read
from .cuda import emit_dual, memory_errors, prepare_dual, refuse_nan
from .cuda_batches import OVERFLOW, TOTALS
from .results import INT32_MAX


def surfaces(kernels: _core.CudaKernels, stream: int, batch: Batch) -> Packed:
    """Extract what is asked, on the kernels' device; of a fixed size one volume only."""
    vol = batch.request.volume
    samples = as_kernels_read(vol)
    with memory_errors():
        if batch.room is not None:
            return _of_a_size(kernels, stream, batch, samples[0], batch.room)
        meshes = []
        for k in range(len(samples)):
            plan, _kept = prepare_dual(kernels, stream, _of(batch, k), samples[k])
            if plan.has_nan:
                refuse_nan(vol, samples, batch.request.mask)
                raise has_changed(vol)
            meshes.append(emit_dual(plan, vol, batch.method.quads))
        offsets = [_offsets([len(mesh[part]) for mesh in meshes], samples.device) for part in (0, 1)]
        verts, faces = (torch.cat([mesh[part] for mesh in meshes]) for part in (0, 1))
    return Packed(verts, faces, None, *offsets)


def _of(batch: Batch, k: int) -> Request:
    """Return what is asked of one of the volumes; its own samples are handed over beside it."""
    mask = None if batch.request.mask is None else checked(batch.request.mask.owner[k], "mask")
    return batch.request._replace(level=batch.levels[k], mask=mask)


def _offsets(counts: list[int], device: torch.device) -> Tensor:
    begins = [0]
    for count in counts:
        begins.append(begins[-1] + count)
    return torch.tensor(begins, device=device)


def _of_a_size(kernels: _core.CudaKernels, stream: int, batch: Batch, samples: Tensor, room: Room) -> Packed:
    """Extract into results of a fixed size; nothing is read back, so a CUDA graph can hold all of it."""
    vol, quads = batch.request.volume, batch.method.quads
    record = torch.zeros(TOTALS + 4, dtype=torch.int64, device=vol.device)
    most = (room.verts, room.faces if quads else room.faces // 2)
    at = record.data_ptr()
    plan, _kept = prepare_dual(kernels, stream, _of(batch, 0), samples, at + 8 * TOTALS, at, most)
    double, wide = vol.dtype == "float64", room.verts > INT32_MAX
    coordinate, index = torch.float64 if double else torch.float32, torch.int64 if wide else torch.int32
    verts = torch.zeros((room.verts, 3), dtype=coordinate, device=vol.device)
    faces = torch.zeros((room.faces, 4 if quads else 3), dtype=index, device=vol.device)
    plan.emit(verts.data_ptr(), faces.data_ptr(), double, wide, not quads)
    overflow = record.view(torch.bool)[OVERFLOW]
    vert_offsets, quad_offsets = record[TOTALS:].view(2, 2)
    # Of a NaN that counts they are -1.
    face_offsets = quad_offsets if quads else quad_offsets + quad_offsets.clamp(min=0)
    return Packed(verts, faces, None, vert_offsets, face_offsets, overflow)
