# SPDX-License-Identifier: MIT
"""Several volumes in one chain of the GPU's kernels, and results of a fixed size, which nobody waits for."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _core
from ..arguments.batch import Batch, Room
from ..arguments.volume import has_changed
from .batches import Packed
from .converted import NATIVE, as_kernels_read, narrowed
from .cuda import memory_errors, refuse_nan
from .results import INT32_MAX

_NO_MASK = (0, (0, 0, 0, 0))
TOTALS = 3  # int64 that `mc::cuda::Totals` takes
OVERFLOW = 20  # the byte of it that tells of an overflow


def surfaces(kernels: _core.CudaKernels, stream: int, batch: Batch) -> Packed:
    """Extract what is asked, on the kernels' device."""
    vol = batch.request.volume
    samples = as_kernels_read(vol)
    with memory_errors():
        if batch.room is not None:
            return _of_a_size(kernels, stream, batch, samples, batch.room)
        offsets = torch.empty((2, len(samples) + 1), dtype=torch.int64, device=vol.device)
        plan, _kept = _prepare(kernels, stream, batch, samples, offsets.data_ptr(), 0)
        if plan.has_nan:
            refuse_nan(vol, samples, batch.request.mask)
            raise has_changed(vol)
        # Faces are wide where one volume needs it: all of them together tell only that none does.
        wide = plan.vertices > INT32_MAX and int(offsets[0].diff().max()) > INT32_MAX
        verts = torch.empty((plan.vertices, 3), dtype=_coordinate(samples), device=vol.device)
        faces = torch.empty((plan.triangles, 3), dtype=_index(wide), device=vol.device)
        plan.emit(verts.data_ptr(), faces.data_ptr(), wide)
    return Packed(narrowed(verts, vol), faces, None, offsets[0], offsets[1])


def _of_a_size(kernels: _core.CudaKernels, stream: int, batch: Batch, samples: Tensor, room: Room) -> Packed:
    """Extract into results of a fixed size; nothing is read back, so a CUDA graph can hold all of it."""
    vol, count = batch.request.volume, len(samples) + 1
    record = torch.zeros(TOTALS + 2 * count, dtype=torch.int64, device=vol.device)
    offsets_at = record.data_ptr() + 8 * TOTALS
    plan, _kept = _prepare(kernels, stream, batch, samples, offsets_at, record.data_ptr())
    wide = room.verts > INT32_MAX
    verts = torch.zeros((room.verts, 3), dtype=_coordinate(samples), device=vol.device)
    faces = torch.zeros((room.faces, 3), dtype=_index(wide), device=vol.device)
    plan.emit(verts.data_ptr(), faces.data_ptr(), wide)
    overflow = record.view(torch.bool)[OVERFLOW]
    vert_offsets, face_offsets = record[TOTALS:].view(2, count)
    return Packed(narrowed(verts, vol), faces, None, vert_offsets, face_offsets, overflow)


def _prepare(
    kernels: _core.CudaKernels, stream: int, batch: Batch, samples: Tensor, offsets_at: int, totals_at: int
) -> tuple[_core.CudaPlan, tuple[Tensor, Tensor | None]]:
    """Count; return the plan, and the memory that must stay until it is emitted."""
    asked, shape = batch.request, samples.shape
    skip_nan = asked.skip_nan and samples.is_floating_point()
    size = _core.cuda_batch_scratch_bytes(shape, asked.mask is not None or skip_nan, asked.closed)
    scratch = torch.empty(size, dtype=torch.uint8, device=samples.device)
    levels = None if batch.same_level else levels_on(batch.levels, samples.device)
    plan = _core.cuda_prepare_batch(
        kernels,
        stream,
        samples.data_ptr(),
        NATIVE[samples.dtype],
        shape,
        samples.stride(),
        asked.level,
        0 if levels is None else levels.data_ptr(),
        *((asked.mask.address, asked.mask.strides) if asked.mask else _NO_MASK),
        skip_nan,
        asked.closed,
        offsets_at,
        totals_at,
        batch.room or (0, 0),
        scratch.data_ptr(),
    )
    return plan, (scratch, levels)


def levels_on(levels: list[float], device: torch.device) -> Tensor:
    """Return the levels where the kernels read them."""
    return torch.tensor(levels, dtype=torch.float64, device=device)


def _coordinate(samples: Tensor) -> torch.dtype:
    return torch.float64 if samples.dtype == torch.float64 else torch.float32


def _index(wide: bool) -> torch.dtype:
    return torch.int64 if wide else torch.int32
