# SPDX-License-Identifier: MIT
"""The CPU backend: hands samples to the compiled core as addresses and allocates what it fills."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _core
from ..arguments.samples import Samples, address
from ..arguments.volume import no_memory, no_nan
from .converted import CONVERTED, NATIVE, converted, narrowed
from .results import empty, refuse_fake_mode

_INT32_MAX = 2**31 - 1


def marching_cubes(vol: Samples, level: float) -> tuple[Tensor, Tensor]:
    """Extract from a checked volume."""
    if vol.dtype in CONVERTED:
        refuse_fake_mode()  # before torch's conversion fails there in words of its own
    samples, threads = converted(vol), torch.get_num_threads()
    at, dtype = address(samples, "vol"), NATIVE[samples.dtype]
    try:
        plan = _core.prepare(
            at, dtype, samples.shape, samples.stride(), level, 0, (0, 0, 0), False, False, 0, threads
        )
    except MemoryError:
        raise no_memory(vol) from None
    if plan.has_nan:
        refuse_fake_mode()
        raise no_nan(samples)
    coordinate = torch.float64 if dtype == "float64" else torch.float32
    wide = plan.vertices > _INT32_MAX
    verts, verts_at = empty(plan.vertices, 3, coordinate)
    faces, faces_at = empty(plan.triangles, 3, torch.int64 if wide else torch.int32)
    plan.emit(verts_at, faces_at, wide)
    return narrowed(verts, vol), faces


def grid_interp(vol: Samples, points: Samples) -> Tensor:
    """Interpolate checked samples; computes in float64 where the volume is, else in float32."""
    real = torch.float64 if vol.dtype == "float64" else torch.float32
    count, channels = points.shape[0], vol.shape[0]
    values, values_at = empty(count, channels, real)
    samples = vol.owner.to(real).contiguous()
    at = points.owner.to(real).contiguous()
    interpolate = _core.grid_interp_float64 if real == torch.float64 else _core.grid_interp_float32
    interpolate(
        address(samples, "vol"),
        vol.shape,
        address(at, "points"),
        count,
        values_at,
        torch.get_num_threads(),
    )
    return values
