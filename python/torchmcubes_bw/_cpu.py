# SPDX-License-Identifier: MIT
"""The CPU backend: hands tensors to the compiled core as addresses and allocates what it fills."""

from __future__ import annotations

import torch
from torch import Tensor

from . import _checks, _core

_INT32_MAX = 2**31 - 1


def marching_cubes(vol: Tensor, dtype: str, level: float) -> tuple[Tensor, Tensor]:
    """Extract from a checked CPU volume; `dtype` is the core's name of its samples' type."""
    at, threads = _checks.address(vol, "vol"), torch.get_num_threads()
    try:
        plan = _core.prepare(at, dtype, vol.shape, vol.stride(), level, threads)
    except MemoryError:
        raise _checks.no_memory(vol) from None
    if plan.has_nan:
        raise _checks.no_nan(vol)
    coordinate = torch.float64 if dtype == "float64" else torch.float32
    wide = plan.vertices > _INT32_MAX
    verts, verts_at = _checks.empty(plan.vertices, 3, coordinate)
    faces, faces_at = _checks.empty(plan.triangles, 3, torch.int64 if wide else torch.int32)
    plan.emit(verts_at, faces_at, wide)
    return verts, faces


def grid_interp(vol: Tensor, points: Tensor) -> Tensor:
    """Interpolate checked CPU tensors; computes in float64 where the volume is, else in float32."""
    real = torch.float64 if vol.dtype == torch.float64 else torch.float32
    values, values_at = _checks.empty(len(points), len(vol), real)
    vol = vol.to(real).contiguous()
    points = points.to(real).contiguous()
    interpolate = _core.grid_interp_float64 if real == torch.float64 else _core.grid_interp_float32
    interpolate(
        _checks.address(vol, "vol"),
        vol.shape,
        _checks.address(points, "points"),
        len(points),
        values_at,
        torch.get_num_threads(),
    )
    return values
