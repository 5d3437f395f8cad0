# SPDX-License-Identifier: MIT
"""The CPU backend: hands tensors to the compiled core as addresses and allocates what it fills."""

from __future__ import annotations

import torch
from torch import Tensor

from . import _checks, _core

_INT32_MAX = 2**31 - 1


def marching_cubes(vol: Tensor, dtype: str, level: float) -> tuple[Tensor, Tensor]:
    """Extract from a checked CPU volume; `dtype` is the core's name of its samples' type."""
    plan = _core.prepare(vol.data_ptr(), dtype, vol.shape, vol.stride(), level, torch.get_num_threads())
    if plan.has_nan:
        raise _checks.no_nan(vol)
    coordinate = torch.float64 if dtype == "float64" else torch.float32
    wide = plan.vertices > _INT32_MAX
    verts = torch.empty((plan.vertices, 3), dtype=coordinate)
    faces = torch.empty((plan.triangles, 3), dtype=torch.int64 if wide else torch.int32)
    plan.emit(verts.data_ptr(), faces.data_ptr(), wide)
    return verts, faces


def grid_interp(vol: Tensor, points: Tensor) -> Tensor:
    """Interpolate checked CPU tensors; computes in float64 where the volume is, else in float32."""
    real = torch.float64 if vol.dtype == torch.float64 else torch.float32
    vol = vol.to(real).contiguous()
    points = points.to(real).contiguous()
    values = torch.empty((len(points), len(vol)), dtype=real)
    interpolate = _core.grid_interp_float64 if real == torch.float64 else _core.grid_interp_float32
    interpolate(
        vol.data_ptr(),
        vol.shape,
        points.data_ptr(),
        len(points),
        values.data_ptr(),
        torch.get_num_threads(),
    )
    return values
