# SPDX-License-Identifier: MIT
"""From a function to a mesh, without a dense grid: evaluated coarsely everywhere, finely at the surface.

`extract_field` takes the function. `Frontier` is the same for a loop of one's own: it says which points come
next, and takes their values. `fill_signs` completes a volume that was evaluated in a band.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, SupportsFloat

import numpy as np
import torch
from torch import Tensor

from . import _core
from .arguments import field as arguments
from .arguments.arrays import no_memory
from .arguments.level import level as checked_level
from .backends import choose
from .backends.results import INT32_MAX, empty
from .mesh import Mesh

__all__ = ["FieldMesh", "Frontier", "extract_field", "fill_signs"]

Corner = float | Sequence[float]
Progress = Callable[[int, int], Any]


@dataclass(frozen=True, eq=False, repr=False)
class FieldMesh(Mesh):
    """The surface of a function: a `Mesh`, and what it took.

    Attributes:
        evaluations: how many points the function was evaluated at.
        samples: how many the dense grid has.
    """

    evaluations: int = field(default=0, kw_only=True)
    samples: int = field(default=1, kw_only=True)

    @property
    def fraction(self) -> float:
        """The part of the dense grid that was evaluated."""
        return self.evaluations / self.samples


def extract_field(
    f: Callable[[Tensor], Tensor],
    bounds: tuple[Corner, Corner] | Tensor | np.ndarray[Any, Any],
    resolution: int | Sequence[int],
    level: SupportsFloat | Tensor = 0.0,
    *,
    coarse: int = 8,
    widen: int | None = None,
    margin: float = 0.0,
    lipschitz: float | None = None,
    exact: bool = False,
    chunk: int | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    progress: Progress | None = None,
) -> FieldMesh:
    """Extract the isosurface of a function, which is evaluated where the surface is.

    First every `coarse`-th sample is evaluated along each axis. Where the corners of a cell lie on both sides
    of the level, that cell and those around it are evaluated twice as finely, and so on down to the grid
    asked for; on every grid the surface is followed out of what is known, so that what was found is complete.
    Each sample is evaluated once. **A part of the surface that no coarse sample tells of, and that no part
    found leads to, is missed**: a blob or a hole smaller than the coarse cells. `lipschitz` rules that out;
    `margin`, `widen` and a smaller `coarse` make it less likely; `exact` evaluates everything.

    Arguments:
        f: Maps points ``(P, 3)``, ``(x, y, z)`` in the world, to P values, ``(P,)`` or ``(P, 1)``, of any
            real dtype; float64 values give float64 vertices. It is called without gradient, and its value at
            a point must not depend on the other points of the call.
        bounds: The lower and the upper corner, each ``(x, y, z)`` or one number for all three. The first and
            the last samples lie on them.
        resolution: Samples a side, a number or three, ``(x, y, z)``.
        level: Where the surface lies; inside is below it.
        coarse: How many samples apart those of the first grid are, a power of two.
        widen: By how many cells the crossed ones are widened before they are refined; None: 1, or 0 with
            `lipschitz`.
        margin: A cell counts as crossed, too, where a corner's value lies no further from the level than
            this.
        lipschitz: The most that the function changes along a unit of the world, where that is known, as 1 for
            a signed distance. Then no part of the surface is missed, whatever its size.
        exact: Evaluate every sample, plane by plane. Beside the mesh three bits a sample
            are kept, and the values at the surface.
        chunk: How many points a call of `f` gets at most; None: 65536 on the CPU, 2^20 on other devices.
        device: Where the points and the mesh are.
        dtype: The points' type, torch.float32 or torch.float64. They are computed in float64:
            ``lower + index * (upper - lower) / (resolution - 1)``.
        progress: Called as ``progress(done, expected)`` after each chunk, with how many points were evaluated
            and an estimate of how many there will be. Where it returns False the extraction stops.

    Returns:
        A `FieldMesh` in the world: the mesh that `isosurface` makes of the dense grid, byte for byte where
        all of the surface was found, with the number of evaluations. Memory grows with the surface, and by
        three bits a sample of the dense grid.

    Raises:
        TypeError, ValueError: An argument is not as described, or `f` returns what it should not.
        RuntimeError: `progress` stopped the extraction.
        MemoryError: the machine's memory is full.

    >>> mesh = extract_field(lambda p: p.norm(dim=1) - 0.8, (-1, 1), 128)
    >>> mesh, mesh.fraction < 0.2
    (FieldMesh(48576 vertices, 97148 faces, level 0, cpu), True)
    """
    where = torch.device(device)
    most = arguments.chunk(chunk, where)
    stride = 1 if exact else coarse
    frontier = Frontier(bounds, resolution, level, coarse=stride, widen=widen, margin=margin,
                        lipschitz=lipschitz, dtype=dtype)  # fmt: skip
    while len(points := frontier.points(most)):
        with torch.no_grad():
            values = f(points.to(where))
        frontier.take(values)
        if progress is not None and progress(frontier.evaluations, frontier.expected) is False:
            raise RuntimeError(f"progress stopped the extraction after {frontier.evaluations} evaluations")
    mesh = frontier.mesh()
    return mesh if where.type == "cpu" else mesh.to(where)  # type: ignore[return-value]


class Frontier:
    """Which points of a grid to evaluate next, for a loop of one's own.

    >>> frontier = Frontier((-1, 1), 64, 0.0)
    >>> while len(points := frontier.points(100_000)):
    ...     frontier.take(points.norm(dim=1) - 0.8)
    >>> frontier.mesh()
    FieldMesh(11952 vertices, 23900 faces, level 0, cpu)

    Arguments:
        bounds, resolution, level, coarse, widen, margin, lipschitz, dtype: as of `extract_field`; with
            ``coarse=1`` every sample is evaluated.
        values: ``(Nz, Ny, Nx)``, the samples of the first grid where they are known already: every
            `coarse`-th one along each axis, and the last: a side of n has ``ceil((n - 1) / coarse) + 1``.
        index: Whether `points` gives places on the grid, int32, instead of points in the world.
    """

    def __init__(
        self,
        bounds: Any,
        resolution: Any,
        level: Any = 0.0,
        *,
        coarse: int = 8,
        widen: int | None = None,
        margin: float = 0.0,
        lipschitz: float | None = None,
        values: Any = None,
        index: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._asked = arguments.grid(bounds, resolution, level, coarse, widen, margin, lipschitz)
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
        self._kind = "index" if index else "float64" if dtype == torch.float64 else "float32"
        self._dtype = torch.int32 if index else dtype
        self._out = self._room(0)  # handed out, not taken yet
        self._double = False
        self._core = self._made()
        if values is not None:
            first = arguments.coarse_values(values, self._asked)
            self._out = self._room(len(first))
            self.take(first)

    def _room(self, count: int) -> Tensor:
        return torch.empty((count, 3), dtype=self._dtype, device="cpu")

    def _made(self) -> _core.Field:
        asked = self._asked
        try:
            return _core.Field(asked.shape, asked.stride, asked.level, asked.spacing, asked.origin,
                               self._double, asked.stride == 1, torch.get_num_threads())  # fmt: skip
        except MemoryError:
            raise no_memory("resolution", asked.shape) from None

    @property
    def evaluations(self) -> int:
        """How many values were taken."""
        return self._core.evaluated

    @property
    def expected(self) -> int:
        """An estimate of how many values there will be: what is pending, and four times that a finer grid."""
        finer = self._core.stride.bit_length() - 1
        return self._core.evaluated + self._core.pending * ((1 << 2 * finer + 2) // 3)

    def points(self, most: int = 2**20) -> Tensor:
        """Return the points to evaluate next, at most so many, on the CPU; none: the surface is complete.

        They are in raster order. The values of those returned before must have been taken.
        """
        if len(self._out):
            raise RuntimeError(f"points must be followed by take, got {len(self._out)} points without values")
        self._go_on()
        count = min(self._core.pending, arguments.chunk(most, torch.device("cpu"), "most"))
        out = self._room(count)
        self._core.places(out.data_ptr(), self._kind, count)
        self._out = out
        return out

    def _go_on(self) -> None:
        """Go on to what is to be evaluated next, if anything is."""
        while self._core.pending == 0 and self._goes_on():
            pass

    def _goes_on(self) -> bool:
        """Find what to evaluate on this grid, or go to the next; false where all is done."""
        asked = self._asked
        if asked.stride == 1:
            return False
        reach = (asked.widen, asked.margin, asked.lipschitz)
        self._core.follow(*reach)
        if self._core.pending:
            return True
        if self._core.stride == 1:
            return False
        self._core.refine(*reach)
        return True

    def take(self, values: Any) -> None:
        """Take the values of the points that were returned last, on any device."""
        numbers = arguments.field_values(values, len(self._out))
        if numbers.dtype == torch.float64 and not self._double and self._core.evaluated == 0:
            self._double = True
            self._core = self._made()
            again = torch.empty_like(self._out)
            self._core.places(again.data_ptr(), self._kind, len(again))
        numbers = numbers.to(torch.float64 if self._double else torch.float32)
        try:
            nan = self._core.take(numbers.data_ptr(), len(numbers))
        except MemoryError:
            raise no_memory("resolution", self._asked.shape) from None
        if nan >= 0:
            raise arguments.no_nan(self._out[nan].tolist())
        self._out = self._out[:0]

    def mesh(self) -> FieldMesh:
        """Return the mesh, once no points are left to evaluate."""
        if not len(self._out):
            self._go_on()
        if left := self._core.pending:
            raise RuntimeError(f"mesh must be called when points returns none, got {left} points left")
        asked = self._asked
        real = torch.float64 if self._double else torch.float32
        try:
            self._core.prepare()
            wide = self._core.vertices > INT32_MAX
            verts, verts_at = empty(self._core.vertices, 3, real)
            faces, faces_at = empty(self._core.triangles, 3, torch.int64 if wide else torch.int32)
            self._core.emit(verts_at, faces_at, wide)
        except MemoryError:
            raise no_memory("resolution", asked.shape) from None
        verts = choose.placed(verts, asked.spacing, asked.origin, real)
        nz, ny, nx = asked.shape
        return FieldMesh(
            verts, faces, level=asked.level, evaluations=self._core.evaluated, samples=nz * ny * nx
        )


def fill_signs(
    vol: Tensor | np.ndarray[Any, Any], level: SupportsFloat | Tensor = 0.0, *, inside: float = -1.0,
    outside: float = 1.0,
) -> Tensor:  # fmt: skip
    """Complete a volume that was evaluated in a band around its surface, and is NaN elsewhere.

    A NaN sample becomes `inside` where the known samples that it is connected with, through NaN and from face
    to face, are all below the level, `outside` where they are all not, so that the band's inner side makes no
    second surface. It stays NaN where both are there (the band has a hole) or none is; `marching_cubes` with
    ``nan="skip"`` passes over it. For the mesh alone ``nan="skip"`` is enough: this is for who needs the
    volume.

    Arguments:
        vol: ``(Nz, Ny, Nx)`` float32; it is copied.
        level: Where the surface lies.
        inside, outside: Values below the level, and not below it.

    Returns:
        The volume, float32, on its device.

    >>> vol = torch.full((5, 5, 5), float("nan"))
    >>> vol[1:4, 1:4, 1:4] = -1
    >>> vol[2, 2, 2] = float("nan")
    >>> fill_signs(vol)[2, 2, 2].item(), fill_signs(vol)[0, 0, 0].item()
    (-1.0, -1.0)
    """
    samples = arguments.band(vol)
    at = checked_level(level, "level")
    low, high = checked_level(inside, "inside"), checked_level(outside, "outside")
    if not low < at <= high:
        raise ValueError(f"inside must be below the level {at:g} and outside not, got {low:g} and {high:g}")
    filled = samples.owner.detach().to("cpu", copy=True).contiguous()
    _core.fill_signs(filled.data_ptr(), samples.shape, at, low, high)
    return filled.to(samples.device)
