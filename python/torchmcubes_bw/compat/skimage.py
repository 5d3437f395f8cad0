# SPDX-License-Identifier: MIT
"""scikit-image's call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat, cast

import numpy as np
import torch
from torch import Tensor

from .. import degenerate
from ..arguments import foreign, placement
from ..arguments.level import level as checked_level
from ..arguments.mask import mask as checked_mask
from ..arguments.options import one_of
from ..arguments.request import request
from ..arguments.samples import Samples, checked
from ..backends import choose
from .convention import float32, index_order, local, next_above, tensor

_UNIT = (1.0, 1.0, 1.0)


def marching_cubes(
    volume: Tensor | np.ndarray[Any, Any],
    level: SupportsFloat | Tensor | None = None,
    *,
    spacing: float | Sequence[float] | Tensor | np.ndarray[Any, Any] = _UNIT,
    gradient_direction: str = "descent",
    step_size: int = 1,
    allow_degenerate: bool = True,
    method: str = "lewiner",
    mask: Tensor | np.ndarray[Any, Any] | None = None,
) -> tuple[Any, Any, Any, Any]:
    """Extract an isosurface as ``skimage.measure.marching_cubes`` does, from arrays and from tensors.

    Arguments:
        volume: ``(M, N, P)``, no side shorter than 2. A cell with a NaN corner yields nothing.
        level: Where the surface lies; None takes the middle of the samples' range. Samples equal to it are on
            the lower side.
        spacing: The distances between samples along the volume's three axes.
        gradient_direction: ``"descent"`` for objects greater than what surrounds them, ``"ascent"`` for the
            opposite; it says which way the faces turn.
        step_size: Takes every so many samples along each axis, without a copy.
        allow_degenerate: Whether faces without area may stay. If not, they are dropped as
            ``isosurface(degenerate="drop")`` does, on the CPU.
        method: ``"lewiner"`` or ``"lorensen"``: both give the same mesh here.
        mask: A bool volume of `volume`'s shape. A cell counts where the last of its corners does, the one
            with the greatest indices.

    Returns:
        ``(verts, faces, normals, values)``: arrays for an array, tensors on its device for a tensor. `verts`
        is ``(V, 3)`` float32 in index order (float64 for an array with a spacing), `faces` ``(F, 3)`` int32
        (int64 only where V needs it), `normals` ``(V, 3)`` float32, unit vectors toward lower values,
        `values` ``(V,)`` float32, the difference of the two samples between which each vertex lies.

    Raises:
        TypeError, ValueError: An argument is not as described, or `level` is out of the samples' range.
        RuntimeError: There is no surface, or as `torchmcubes_bw.marching_cubes`.
        MemoryError, torch.OutOfMemoryError: as `torchmcubes_bw.marching_cubes`.

    docs/compat.md tells how the mesh differs from scikit-image's.

    >>> import numpy as np
    >>> solid = np.zeros((3, 3, 3))
    >>> solid[1, 1, 1] = 1
    >>> verts, faces, normals, values = marching_cubes(solid, 0.25, spacing=(2, 1, 1))
    >>> verts[0], normals[0], float(values[0])
    (array([0.5, 1. , 1. ]), array([-1.,  0.,  0.], dtype=float32), 1.0)
    """
    whole, step = foreign.grid(volume, shortest=2), foreign.step_size(step_size)
    one_of(method, "method", ("lewiner", "lorensen"))
    descent = one_of(gradient_direction, "gradient_direction", ("descent", "ascent")) == "descent"
    z, y, x = placement.spacing(spacing)
    at = foreign.middle(*choose.value_range(whole)) if level is None else checked_level(level, "level")
    vol = _every(step, whole)
    counts = None if mask is None else _corners_of_cells(_every(step, checked_mask(mask, whole)))
    asked = request(vol, next_above(at, vol), counts, "skip")._replace(spacing=(x, y, z))
    verts, faces, normals = choose.surface(asked, True)
    if len(faces) == 0:
        raise foreign.no_surface(at, *choose.value_range(whole))
    if not allow_degenerate:
        verts, faces, normals = degenerate.dropped(verts, faces, normals, near=_NEAR)
    values = _values(vol, verts)
    is_array = isinstance(volume, np.ndarray)
    real = torch.float64 if is_array and (x, y, z) != _UNIT else torch.float32
    verts = choose.placed(verts, (step * x, step * y, step * z), (0.0, 0.0, 0.0), real)
    parts = (
        index_order(verts),
        index_order(faces) if descent else faces,
        _downhill(cast(Tensor, normals)),
        values,
    )
    return tuple(part.numpy() for part in parts) if is_array else parts  # type: ignore[return-value]


# A vertex this near to a sample lies on it; a level just above the sample's value puts it so far beside it.
_NEAR = 1e-4


def _every(step: int, samples: Samples) -> Samples:
    """Return every so many samples, as a view."""
    return samples if step == 1 else checked(samples.owner[::step, ::step, ::step], "volume")


def _corners_of_cells(last_corners: Samples) -> Any:
    """Return which samples are corners of the cells that a mask of their last corners selects."""
    mask = local(last_corners.owner)
    for axis in range(3):
        before, after = [slice(None)] * 3, [slice(None)] * 3
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        grown = mask & False
        grown[tuple(after)] = mask[tuple(after)]
        grown[tuple(before)] |= mask[tuple(after)]
        mask = grown
    return mask


def _downhill(normals: Tensor) -> Tensor:
    """Return normals in index order, toward lower values."""
    return tensor(float32(0 - local(index_order(normals))))


def _values(vol: Samples, verts: Tensor) -> Tensor:
    """Return the difference of the two samples between which each vertex lies."""
    extent = 1 + sum((n - 1) * stride for n, stride in zip(vol.shape, vol.strides, strict=True))
    samples, places = local(vol.owner.as_strided((extent,), (1,))), local(verts)
    maths: Any = np if isinstance(places, np.ndarray) else torch
    low, high = (_samples_at(samples, end(places), vol.strides) for end in (maths.floor, maths.ceil))
    with np.errstate(invalid="ignore"):  # of infinite samples
        return tensor(abs(high - low))


def _samples_at(samples: Any, corners: Any, strides: tuple[int, ...]) -> Any:
    """Return the samples at corners (x, y, z), in float32."""
    whole = corners.astype(np.int64) if isinstance(corners, np.ndarray) else corners.long()
    place = whole[:, 2] * strides[0]
    place += whole[:, 1] * strides[1]
    place += whole[:, 0] * strides[2]
    return float32(samples[place])
