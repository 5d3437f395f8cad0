# SPDX-License-Identifier: MIT
"""The CPU backend: hands samples to the compiled core as addresses and allocates what it fills.

The core reads every real dtype at any strides. No operation of torch reads a sample here: it could start
torch's threads, and in a forked child of a process that has some it would wait for them for ever.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _core
from ..arguments.arrays import no_memory
from ..arguments.placement import Triple
from ..arguments.request import Request
from ..arguments.samples import Samples
from ..arguments.volume import has_changed, no_nan, no_nan_in_mask
from .results import INT32_MAX, Surface, empty, refuse_fake_mode

_Sides = tuple[int, ...]
_Told = tuple[int, str, _Sides, _Sides, float, int, _Sides, bool, bool, Triple]


def told(request: Request) -> _Told:
    """Return what the core is told of a request, in the order in which it takes that."""
    vol, mask = request.volume, request.mask
    return (
        *vol.told,
        request.level,
        mask.address if mask else 0,
        mask.strides if mask else (0, 0, 0),
        request.skip_nan,
        request.closed,
        request.spacing,
    )


def surface(request: Request, normals: bool = False) -> Surface:
    """Extract what is asked."""
    vol = request.volume
    try:
        plan = _core.prepare(*told(request), 0, torch.get_num_threads())
        if plan.has_nan:
            refuse_nan(vol, request.mask)
            raise has_changed(vol)
        wide = plan.vertices > INT32_MAX
        coordinate = torch.float64 if vol.dtype == "float64" else torch.float32
        verts, verts_at = empty(plan.vertices, 3, coordinate)
        faces, faces_at = empty(plan.triangles, 3, torch.int64 if wide else torch.int32)
        plan.emit(verts_at, faces_at, wide)
        if not normals:
            return Surface(verts, faces)
        directions, directions_at = empty(plan.vertices, 3, coordinate)
        plan.emit_normals(directions_at)
    except MemoryError:
        raise no_memory("vol", vol.shape) from None
    return Surface(verts, faces, directions)


def placed(verts: Tensor, spacing: Triple, origin: Triple, real: torch.dtype) -> Tensor:
    """Carry vertices from voxels to the world: in place, or copied to another type."""
    if real == verts.dtype and spacing == (1, 1, 1) and origin == (0, 0, 0):
        return verts
    double = torch.float64
    try:
        to, at = (verts, verts.data_ptr()) if real == verts.dtype else empty(len(verts), 3, real)
        _core.place(
            verts.data_ptr(),
            verts.dtype == double,
            at,
            real == double,
            len(verts),
            spacing,
            origin,
            torch.get_num_threads(),
        )
    except MemoryError:
        raise no_memory("verts", tuple(verts.shape)) from None
    return to


def value_range(vol: Samples) -> tuple[float, float]:
    """Return the least and the greatest sample that is not NaN; the first is greater where there is none."""
    seen = _survey(vol)
    return seen.low, seen.high


def _survey(vol: Samples) -> _core.Survey:
    return _core.survey(*vol.told, torch.get_num_threads())


def refuse_nan(vol: Samples, mask: Samples | None = None) -> None:
    """Raise the error for a checked volume that has NaN in it, where it has."""
    if "float" not in vol.dtype:
        return
    refuse_fake_mode()
    if mask:
        raise no_nan_in_mask()
    seen = _survey(vol)
    if seen.nans:
        raise no_nan(vol, seen.nans, seen.first_nan)


def grid_interp(vol: Samples, points: Samples) -> Tensor:
    """Interpolate checked samples; computes in float64 where the volume is, else in float32."""
    real = torch.float64 if vol.dtype == "float64" else torch.float32
    try:
        values, values_at = empty(points.shape[0], vol.shape[0], real)
        _core.grid_interp(
            *vol.told,
            *points.told,
            values_at,
            torch.get_num_threads(),
        )
    except MemoryError:
        raise no_memory("vol", vol.shape) from None
    return values
