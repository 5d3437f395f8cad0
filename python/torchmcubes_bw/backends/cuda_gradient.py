# SPDX-License-Identifier: MIT
"""The CUDA backend of gradients: of a mesh's vertices, and of interpolated values by the points."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _core
from ..arguments.request import Request
from ..arguments.samples import Samples
from ..arguments.volume import has_changed
from .converted import as_kernels_read
from .cpu_gradient import Direction, Gradients
from .cuda import memory_errors, scratch_for, told


def vertices(
    kernels: _core.CudaKernels,
    stream: int,
    request: Request,
    verts: Tensor,
    volume: bool,
    level: bool,
    direction: Direction | None = None,
) -> Gradients:
    """Return what `cpu_gradient.vertices` does, with its bytes, on the kernels' device."""
    vol, real, verts = request.volume, verts.dtype, verts.resolve_neg()
    samples, device = as_kernels_read(vol), vol.device
    scratch = scratch_for(request, samples, _core.cuda_scratch_bytes)
    with memory_errors():
        plan = _core.cuda_prepare(kernels, stream, *told(request, samples), scratch.data_ptr())
        if plan.has_nan or plan.vertices != len(verts):
            raise has_changed(vol)
        of_volume = torch.zeros(vol.shape, dtype=real, device=device) if volume else None
        sums, moved, towards = None, None, None
        if level:
            count = _core.cuda_gradient_sums(samples.shape, request.closed)
            sums = torch.zeros(count, dtype=torch.float64, device=device)
        if direction is not None:
            towards = direction.volume.to(real).resolve_neg().contiguous()
            moved = torch.zeros(verts.shape, dtype=real, device=device)
        _core.cuda_gradient(
            plan,
            verts.data_ptr(),
            verts.stride(),
            real == torch.float64,
            0 if of_volume is None else of_volume.data_ptr(),
            0 if sums is None else sums.data_ptr(),
            0 if towards is None else towards.data_ptr(),
            0.0 if direction is None else direction.level,
            0 if moved is None else moved.data_ptr(),
        )
    return Gradients(of_volume, 0.0 if sums is None else float(sums[0]), moved)


def by_points(
    kernels: _core.CudaKernels, stream: int, vol: Samples, points: Samples, values: Tensor
) -> Tensor:
    """Return the gradient of a loss by the points, `values` being that by the values there."""
    real, values = values.dtype, values.resolve_neg()
    samples, at = vol.owner.to(real).contiguous(), points.owner.to(real).contiguous()
    found = torch.empty(at.shape, dtype=real, device=vol.device)
    with memory_errors():
        _core.cuda_gradient_by_points(
            kernels,
            stream,
            samples.data_ptr(),
            vol.shape,
            at.data_ptr(),
            len(at),
            values.data_ptr(),
            values.stride(),
            real == torch.float64,
            found.data_ptr(),
        )
    return found
