# SPDX-License-Identifier: MIT
"""Built-in sample volumes: for a first try, for tests and for benchmarks.

Every field is a cube of float32 samples over positions from -1 to 1 on each axis, and meets its level on
no sample exactly.

>>> vol = sample("metaballs", 32)
>>> vol.shape, vol.dtype, FIELDS["metaballs"].level
(torch.Size([32, 32, 32]), torch.float32, 0.0)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["FIELDS", "Field", "sample"]


class Field(NamedTuple):
    """A sample volume.

    Attributes:
        fill: writes the field into a float32 tensor (N, N, N).
        level: the level its surface is meant to be taken at.
        about: what it is, in a few words.
    """

    fill: Callable[[Tensor], None]
    level: float
    about: str


def sample(name: str, size: int = 128) -> Tensor:
    """Compute a built-in sample volume.

    Args:
        name: one of `FIELDS`.
        size: samples a side, at least 2.

    Returns:
        A float32 CPU tensor of shape (size, size, size).

    Raises:
        ValueError: there is no such field, or `size` is below 2.
    """
    if name not in FIELDS:
        raise ValueError(f"name must be one of {', '.join(FIELDS)}, got {name}")
    if size < 2:
        raise ValueError(f"size must be at least 2, got {size}")
    vol = torch.empty((size, size, size), dtype=torch.float32, device="cpu")
    FIELDS[name].fill(vol)
    return vol


def _planes(vol: Tensor) -> Iterator[tuple[Tensor, float, Tensor, Tensor]]:
    """Yield each plane with its z and its broadcasting y and x: no more memory than a few planes."""
    axis = torch.linspace(-1, 1, len(vol), dtype=vol.dtype, device=vol.device)
    for plane, z in zip(vol, axis.tolist(), strict=True):
        yield plane, z, axis[:, None], axis[None, :]


def _radius(z: float, y: Tensor, x: Tensor) -> Tensor:
    return (x * x + (y * y + z * z)).sqrt()


def _sphere(vol: Tensor) -> None:
    for plane, z, y, x in _planes(vol):
        torch.sub(_radius(z, y, x), 0.8037, out=plane)


# (x, y, z, strength); near enough to melt into one another, all well inside the cube.
_BALLS = [
    (0.00, 0.05, -0.10, 0.100),
    (0.42, 0.10, 0.15, 0.045),
    (-0.38, 0.28, 0.05, 0.050),
    (-0.10, -0.45, 0.12, 0.042),
    (0.12, 0.30, 0.45, 0.036),
    (0.25, -0.25, -0.48, 0.034),
    (-0.35, -0.15, -0.40, 0.030),
    (0.45, -0.38, 0.35, 0.020),
]


def _metaballs_plane(z: float, y: Tensor, x: Tensor) -> Tensor:
    total = y.new_zeros(())
    for bx, by, bz, strength in _BALLS:
        total = total + strength / ((x - bx) ** 2 + ((y - by) ** 2 + ((z - bz) ** 2 + 1e-4)))
    return total


def _metaballs(vol: Tensor) -> None:
    for plane, z, y, x in _planes(vol):
        torch.sub(1.2013, _metaballs_plane(z, y, x), out=plane)


def _density(vol: Tensor) -> None:
    for plane, z, y, x in _planes(vol):
        torch.exp(3.0 * (_metaballs_plane(z, y, x).clamp(max=3.0) - 0.1270), out=plane)


def _gyroid(vol: Tensor) -> None:
    for plane, z, y, x in _planes(vol):
        z, y, x = 4 * math.pi * z, 4 * math.pi * y, 4 * math.pi * x
        torch.add(y.sin() * math.cos(z), x.sin() * y.cos(), out=plane)
        plane += math.sin(z) * x.cos() + 0.0137


def _shells(vol: Tensor) -> None:
    for plane, z, y, x in _planes(vol):
        radius = _radius(z, y, x)
        torch.maximum((40 * radius).cos() + 0.9, radius - 0.9307, out=plane)


def _noise(vol: Tensor) -> None:
    vol.normal_(generator=torch.Generator(vol.device).manual_seed(0))


FIELDS: dict[str, Field] = {
    "metaballs": Field(_metaballs, 0.0, "eight balls that melt into one, closed"),
    "sphere": Field(_sphere, 0.0, "signed distance to a sphere, closed"),
    "gyroid": Field(_gyroid, 0.0, "a dense surface through the whole cube, open at its border"),
    "shells": Field(_shells, 0.0, "thin concentric shells, closed"),
    "density": Field(_density, 25.0, "a density, high inside, as image-to-3D models give it"),
    "noise": Field(_noise, 0.0, "white noise: the most surface a volume can hold"),
}
"""The sample volumes by name."""
