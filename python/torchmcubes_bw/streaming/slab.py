# SPDX-License-Identifier: MIT
"""A slab: what it has to see of the volume, and how the core counts and emits it.

Planes are numbered twice. The volume's run from 0 to Nz; the grid's too, but where the border is closed there
is one more before them and one after. A slab owns planes of the grid, and looks at planes of the volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core

Array = NDArray[Any]

INT32_MAX = 2**31 - 1  # faces are int64 where there are more vertices


class Planes(NamedTuple):
    """Samples of some of a volume's planes, as the core is told of them."""

    owner: Any  # keeps the memory
    address: int  # of the first sample of plane `first`
    dtype: str
    strides: tuple[int, ...]  # in samples
    first: int
    last: int

    def part(self, first: int, last: int) -> Planes:
        """Return fewer of the planes."""
        step = self.strides[0] * itemsize(self.dtype)
        return self._replace(address=self.address + (first - self.first) * step, first=first, last=last)


def itemsize(dtype: str) -> int:
    """Return the bytes of a sample."""
    if dtype == "bfloat16":  # which NumPy lacks, like the next
        return 2
    return 1 if dtype.startswith("float8") else np.dtype(dtype).itemsize


def planes_of(array: Array, first: int) -> Planes:
    """Return an array's planes, the first of which is a volume's plane `first`."""
    steps = tuple(step // array.itemsize for step in array.strides)
    return Planes(array, array.ctypes.data, array.dtype.name, steps, first, first + len(array))


@dataclass(frozen=True)
class Asked:
    """A surface to extract of a volume that is seen in parts."""

    shape: tuple[int, int, int]
    dtype: str
    level: float
    masked: bool = False
    skip_nan: bool = False
    closed: bool = False
    normals: bool = False
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)  # for the normals
    threads: int = 1

    @property
    def border(self) -> int:
        """How many planes the grid has before the volume's, and after."""
        return 1 if self.closed else 0

    @property
    def grid_planes(self) -> int:
        """How many planes the grid has."""
        return self.shape[0] + 2 * self.border

    @property
    def more(self) -> int:
        """How many planes further a slab looks where not all samples count, or where normals are wanted."""
        return 1 if self.masked or self.skip_nan or self.normals else 0

    @property
    def coordinate(self) -> np.dtype[Any]:
        """The vertices' type."""
        return np.dtype(np.float64 if self.dtype == "float64" else np.float32)

    def seen(self, begin: int, end: int) -> tuple[int, int]:
        """Return which planes of the volume a slab looks at that owns the grid's from `begin` to `end`."""
        first, last = begin - self.border - self.more, end + 1 - self.border + self.more
        return max(first, 0), min(last, self.shape[0])

    def owned(self, known: int) -> int:
        """Return how many of the grid's planes can be emitted where so many of the volume's are known."""
        if known >= self.shape[0]:
            return self.grid_planes
        return max(known + self.border - 1 - self.more, 0)


class FoundNan(ValueError):
    """A sample that counts is NaN, or was when it was looked at."""


class Piece(NamedTuple):
    """The mesh of a slab: its rows of the whole mesh."""

    begin: int  # planes of the grid
    end: int
    first_vertex: int
    first_triangle: int
    verts: Array
    faces: Array
    normals: Array | None


def count(asked: Asked, begin: int, end: int, planes: Planes, mask: Planes | None = None) -> _core.SlabPlan:
    """Count the vertices and triangles that the grid's planes from `begin` to `end` own.

    Raises:
        FoundNan: a sample that counts is NaN.
    """
    first, last = asked.seen(begin, end)
    samples = planes.part(first, last)
    selected = None if mask is None else mask.part(first, last)
    plan = _core.prepare_slab(
        samples.address,
        samples.dtype,
        asked.shape,
        samples.strides,
        asked.level,
        selected.address if selected else 0,
        selected.strides if selected else (0, 0, 0),
        asked.skip_nan,
        asked.closed,
        asked.spacing,
        (first, last),
        (begin, end),
        asked.threads,
    )
    if plan.has_nan:
        raise _no_nan(asked, samples, masked=selected is not None)
    return plan


def emit(
    asked: Asked, plan: _core.SlabPlan, begin: int, end: int, first_vertex: int, first_triangle: int
) -> Piece:
    """Make the mesh of a counted slab. Faces are int64 where a vertex's number needs it."""
    wide = first_vertex + plan.vertices > INT32_MAX
    verts = np.empty((plan.vertices, 3), asked.coordinate)
    faces = np.empty((plan.triangles, 3), np.int64 if wide else np.int32)
    plan.emit(first_vertex, verts.ctypes.data, faces.ctypes.data, wide)
    normals = None
    if asked.normals:
        normals = np.empty_like(verts)
        plan.emit_normals(normals.ctypes.data)
    return Piece(begin, end, first_vertex, first_triangle, verts, faces, normals)


def _no_nan(asked: Asked, samples: Planes, masked: bool) -> FoundNan:
    slab = f"in the slab of planes {samples.first} to {samples.last - 1}"
    cure = 'nan="skip" passes over them'
    if masked:
        return FoundNan(f"vol must not contain NaN where mask is True, got one {slab} ({cure})")
    _, ny, nx = asked.shape
    shape = (samples.last - samples.first, ny, nx)
    found = _core.survey(samples.address, samples.dtype, shape, samples.strides, asked.threads)
    if not found.nans:
        return FoundNan(f"vol must not change while it is read, got another {slab}")
    z, y, x = (int(k) for k in np.unravel_index(found.first_nan, shape))
    counted = f"{found.nans} NaN sample{'s' if found.nans != 1 else ''}"
    where = f"the first at vol[{samples.first + z}, {y}, {x}]"
    return FoundNan(f"vol must not contain NaN, got {counted} {slab}, {where} ({cure})")
