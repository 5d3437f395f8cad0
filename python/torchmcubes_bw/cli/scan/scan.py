# SPDX-License-Identifier: MIT
"""A volume and where its samples lie, whatever file they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CliError
from .units import METRES

Array = NDArray[Any]
Matrix = NDArray[np.float64]


@dataclass
class Scan:
    """A volume and where it lies.

    Attributes:
        samples: (Nz, Ny, Nx), in a dtype that holds them.
        affine: (4, 4), from an index (x, y, z) to the world.
        unit: of the world's coordinates, one of `METRES`; None where the file names none.
        axes: what the world's axes point to, ``"LPS"`` or ``"RAS"``; None where the file does not say.
        planes: (Nz, 3), where each plane's first sample lies, for planes that are not evenly spaced.
        level: the level that comes with the volume, if one does.
        labelled: whether the file says itself that its samples are labels.
        names, colours: of labels, where the file has them; a colour is red, green, blue from 0 to 1.
        said: what was decided on the way, a line each.
    """

    samples: Array
    affine: Matrix = field(default_factory=lambda: np.eye(4))
    unit: str | None = None
    axes: str | None = None
    planes: Matrix | None = None
    level: float | None = None
    labelled: bool = False
    names: dict[int, str] = field(default_factory=dict)
    colours: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def to_world(self, points: Array) -> Matrix:
        """Carry points (P, 3) from indices to the world."""
        at = np.asarray(points, dtype=np.float64)
        if self.planes is None:
            return np.asarray(at @ self.affine[:3, :3].T + self.affine[:3, 3])
        below = np.clip(at[:, 2].astype(np.int64), 0, len(self.planes) - 2)
        share = (at[:, 2] - below)[:, None]
        start = self.planes[below] * (1 - share) + self.planes[below + 1] * share
        return np.asarray(at[:, :2] @ self.affine[:3, :2].T + start)

    @property
    def mirrors(self) -> bool:
        """Whether its axes are left-handed: then a mesh is turned inside out on the way."""
        return bool(np.linalg.det(self.affine[:3, :3]) < 0)

    def turn_to(self, axes: str) -> None:
        """Let the world's axes be ``"LPS"`` or ``"RAS"``."""
        if self.axes is None:
            raise CliError(f"--{axes.lower()} needs an INPUT that says where left and right are")
        if self.axes != axes:
            turn = np.array([-1.0, -1.0, 1.0])
            self.affine[:3] *= turn[:, None]
            if self.planes is not None:
                self.planes = self.planes * turn
            self.axes = axes

    def convert_to(self, unit: str) -> None:
        """Give the world's coordinates in `unit`; a scan without a unit is taken to be in it already."""
        if self.unit is not None:
            factor = METRES[self.unit] / METRES[unit]
            self.affine[:3] *= factor
            if self.planes is not None:
                self.planes = self.planes * factor
        self.unit = unit

    def place(self, spacing: list[float] | None, origin: list[float] | None) -> None:
        """Put the user's own spacing or origin in the place of the file's."""
        if spacing is not None:
            steps = self.affine[:3, :3]
            lengths = np.linalg.norm(steps, axis=0)
            self.affine[:3, :3] = steps / np.where(lengths > 0, lengths, 1) * spacing
            self.unit, self.planes = None, None
        if origin is not None:
            if self.planes is not None:
                self.planes = self.planes + (np.asarray(origin) - self.affine[:3, 3])
            self.affine[:3, 3] = origin

    def check(self, name: str) -> None:
        """Refuse what is no volume, or lies nowhere."""
        shape = tuple(self.samples.shape)
        if self.samples.ndim != 3:
            raise CliError(f"INPUT must hold a volume of 3 dimensions, got shape {shape} in {name}")
        if 0 in shape:
            raise CliError(f"INPUT must have no empty side, got shape {shape} in {name}")
        if self.samples.dtype.kind not in "bfiu":
            raise CliError(f"INPUT must hold real numbers, got {self.samples.dtype} in {name}")
        steps = self.affine[:3, :3]
        if not np.isfinite(self.affine).all():
            raise CliError(f"{name} must say where its voxels lie, got {_row(self.affine)}")
        volume = abs(np.linalg.det(steps / np.maximum(np.linalg.norm(steps, axis=0), 1e-300)))
        if volume < 1e-6:
            raise CliError(f"{name} must have three different axes, got {_row(steps)}: give --spacing")


def _row(matrix: Matrix) -> str:
    return "; ".join(" ".join(f"{value:g}" for value in row) for row in matrix)


def affine_of(spacing: Any, origin: Any = (0, 0, 0), direction: Any = None) -> Matrix:
    """Return the affine of voxels of a size along axes of a direction, (x, y, z) each."""
    affine = np.eye(4)
    axes = np.eye(3) if direction is None else np.asarray(direction, dtype=np.float64).reshape(3, 3)
    affine[:3, :3] = axes * np.asarray(spacing, dtype=np.float64)
    affine[:3, 3] = origin
    return affine


def picked(option: str, chosen: int | None, count: int, what: str) -> int:
    """Return which one of `count` the user chose; the only one needs no choice. Counted from 0."""
    if chosen is None and count == 1:
        return 0
    if chosen is None:
        raise CliError(f"{option} must say which of {count} {what} to take, from 0 to {count - 1}")
    if not 0 <= chosen < count:
        raise CliError(f"{option} must be from 0 to {count - 1}, for {count} {what}, got {chosen}")
    return chosen
