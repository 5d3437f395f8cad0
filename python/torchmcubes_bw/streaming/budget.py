# SPDX-License-Identifier: MIT
"""How high a slab may be: what a plane costs, and how much memory there may be."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np

from .slab import Asked, itemsize
from .sources import Source

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_ENOUGH = 64 * 10**6  # bytes of samples: larger slabs are no faster
_PARTS = 65536  # rows of the mesh that a writer turns into bytes at a time


class Budget(NamedTuple):
    """What a walk may take.

    Attributes:
        planes: planes of the volume read at a time.
        mesh: bytes of mesh made at a time: a slab of more is emitted in parts.
    """

    planes: int
    mesh: int


def memory(value: Any, name: str = "max_memory") -> int:
    """Return a number of bytes: an integer, or as ``"2GB"``, ``"1.5 GiB"``, ``"800MB"``."""
    size = value
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", value, re.IGNORECASE)
        if found:
            unit = _UNITS[found[2].lower()]
            power = {1: 0, 1000: 1, 1000**2: 2, 1000**3: 3, 1000**4: 4}[unit]
            size = float(found[1]) * (1024**power if found[3] else unit)
    if isinstance(size, float) and math.isfinite(size):
        size = int(size)
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise TypeError(f'{name} must be a number of bytes, as "2GB", got {value!r}')
    if size <= 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return int(size)


def budget(
    asked: Asked, vol: Source, mask: Source | None, most: int, planes: int | None, name: str = "max_memory"
) -> Budget:
    """Part the memory between samples and mesh; `planes` is the caller's own height of a slab."""
    halo = 1 + 3 * asked.more  # planes of a slab that it does not own
    fixed, plane = _plane_bytes(asked, vol, mask)
    if planes is not None:
        return Budget(planes, max(most - fixed - plane * (planes + halo), _least_mesh(asked)))
    room = most - fixed - plane * halo - _least_mesh(asked)
    if room < plane:
        least = fixed + plane * (halo + 1) + _least_mesh(asked)
        raise ValueError(
            f"{name} must be at least {-(-least // 10**6)}MB for planes of {asked.shape[1]} x "
            f"{asked.shape[2]} samples, got {most / 10**6:g}MB"
        )
    height = max(room // 2 // plane, 1)
    bytes_a_plane = asked.shape[1] * asked.shape[2] * itemsize(asked.dtype)
    enough = max(-(-_ENOUGH // bytes_a_plane), vol.layer)
    height = min(height, enough, asked.shape[0])
    if height > vol.layer:  # whole layers: what is stored together is read once
        height -= height % vol.layer
    return Budget(height, most - fixed - plane * (height + halo))


def _plane_bytes(asked: Asked, vol: Source, mask: Source | None) -> tuple[int, int]:
    """Return what a walk takes besides planes, and a plane: two of each are held, to read ahead."""
    _, ny, nx = asked.shape
    samples = ny * nx
    bits = (3 if asked.masked or asked.skip_nan else 1) * ny * -(-(nx + 2) // 64) * 8 + 12 * ny
    converted = {"uint16": 4, "int64": 8, "uint32": 8, "uint64": 8}.get(asked.dtype, 0)
    plane = bits + samples * (converted + vol.passing)
    for each in (vol, mask):
        if each is not None and each.held() is None:
            plane += 2 * samples * itemsize(each.dtype)
    edges = 4 * 4 * nx * asked.threads  # four rows' edges a thread
    return edges + 64 * _PARTS, plane


def _least_mesh(asked: Asked) -> int:
    """Return the bytes of the mesh of a plane of white noise, which has as much as there can be."""
    _, ny, nx = asked.shape
    vertex = asked.coordinate.itemsize * (6 if asked.normals else 3)
    return int(ny * nx * (1.5 * vertex + 2.7 * 12))
