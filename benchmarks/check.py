# SPDX-License-Identifier: MIT
"""Whether a rival's mesh is right; its time counts only then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

# An ambiguous face may be decided the other way: a few triangles, a little volume and area.
_TOLERANCE = 0.005
_TOLERANCE_NOISE = 0.01  # of the area, where most cells have a polygon that can be cut in several ways
_CHUNK = 2**20  # faces looked at in one go, so that the check needs no memory to speak of


@dataclass(frozen=True)
class Facts:
    """What is compared of a mesh.

    Attributes:
        vertices, faces: how many.
        sides: of the bounding box, in voxels, in the order the library gives the axes.
        area: in square voxels.
        border_edges: directed edges without exactly one partner that runs back; None where the surface is open.
        enclosed: the volume inside, in voxels; None where the surface is open.
    """

    vertices: int
    faces: int
    sides: tuple[float, ...]
    area: float
    border_edges: int | None
    enclosed: float | None


def facts(mesh: Any, closed: bool) -> Facts:
    """Look at a mesh, from wherever its arrays are; `closed` says whether it should be."""
    verts, faces = (_as_array(part) for part in mesh)
    area, enclosed = _area_and_volume(verts, faces)
    sides = tuple(float(side) for side in np.ptp(verts, axis=0)) if len(verts) else (0.0, 0.0, 0.0)
    borders = _border_edges(faces) if closed else None
    return Facts(len(verts), len(faces), sides, area, borders, enclosed if closed else None)


def differences(got: Facts, want: Facts, same_counts: bool, noise: bool = False) -> dict[str, str]:
    """Return what is wrong with a mesh: the kind of fault, and its text; of noise the area may differ more."""
    found: dict[str, str] = {}
    if same_counts and got.vertices != want.vertices:
        found["vertices"] = f"{got.vertices} vertices, not {want.vertices}"
    if not _near(got.faces, want.faces):
        found["faces"] = f"{got.faces} faces, not about {want.faces}"
    if got.border_edges:
        found["closed"] = f"not closed, {got.border_edges} border edges"
    if want.enclosed is not None and not _near(abs(got.enclosed), abs(want.enclosed)):
        found["volume"] = f"encloses {abs(got.enclosed):.6g}, not {abs(want.enclosed):.6g}"
    if not _near(got.area, want.area, _TOLERANCE_NOISE if noise else _TOLERANCE):
        found["area"] = f"area {got.area:.6g}, not {want.area:.6g}"
    if not any(_same_sides(sides, want.sides) for sides in (got.sides, got.sides[::-1])):
        found["box"] = f"spans {_by(got.sides)}, not {_by(want.sides)}"
    return found


def _as_array(part: Any) -> np.ndarray:
    return np.asarray(part.cpu() if isinstance(part, torch.Tensor) else part)


def _near(got: float, want: float, tolerance: float = _TOLERANCE) -> bool:
    return abs(got - want) <= tolerance * want


def _same_sides(got: tuple[float, ...], want: tuple[float, ...]) -> bool:
    return all(abs(a - b) < 0.1 for a, b in zip(got, want, strict=True))


def _by(sides: tuple[float, ...]) -> str:
    return " × ".join(f"{side:.6g}" for side in sides)


def _border_edges(faces: np.ndarray) -> int:
    """Count the directed edges that are not there exactly once each way."""
    faces = faces.astype(np.int64)
    size = int(faces.max(initial=0)) + 1
    a, b = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    forth, back = np.sort(a * size + b), np.sort(b * size + a)
    if np.array_equal(forth, back) and (forth[1:] != forth[:-1]).all():
        return 0
    edges, counts = np.unique(forth, return_counts=True)
    once = edges[counts == 1]
    paired = np.isin(once, once % size * size + once // size, assume_unique=True)
    return len(forth) - int(paired.sum())


def _area_and_volume(verts: np.ndarray, faces: np.ndarray) -> tuple[float, float]:
    points = torch.from_numpy(np.asarray(verts, dtype=np.float64))
    area = enclosed = 0.0
    for begin in range(0, len(faces), _CHUNK):
        part = torch.from_numpy(faces[begin : begin + _CHUNK].astype(np.int64))
        a, b, c = (points[part[:, corner]] for corner in range(3))
        area += float(torch.linalg.cross(b - a, c - a).norm(dim=1).sum()) / 2
        enclosed += float((a * torch.linalg.cross(b, c)).sum()) / 6
    return area, enclosed
