# SPDX-License-Identifier: MIT
"""Several volumes in one call, and results of a fixed size."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from .level import level as checked_level
from .options import PRIMAL, Method
from .request import Request
from .samples import Samples, checked

_MOST_ROWS = 2**48


class Room(NamedTuple):
    """The size that results have, whatever the mesh's is."""

    verts: int
    faces: int


class Batch(NamedTuple):
    """Surfaces to extract in one call. Its twin in the core is `mc::cpu::BatchRequest`."""

    request: Request  # of the volumes, one axis more in front; its level is the first volume's
    levels: list[float]
    room: Room | None
    method: Method = PRIMAL

    @property
    def same_level(self) -> bool:
        """Whether all volumes are cut at one level."""
        return self.levels.count(self.levels[0]) == len(self.levels)


def volumes(value: Any) -> Samples:
    """Check a volume, or several of one shape."""
    vol = checked(value, "vol")
    if len(vol.shape) not in (3, 4):
        wanted = "3 dimensions (Nz, Ny, Nx), or 4 (B, Nz, Ny, Nx) for several volumes"
        raise ValueError(f"vol must have {wanted}, got shape {vol.shape}")
    if 0 in vol.shape:
        raise ValueError(f"vol must have no empty side, got shape {vol.shape}")
    return vol


def levels(value: Any, count: int) -> list[float]:
    """Return a level for each of several volumes: one number is all of theirs."""
    given = value
    if isinstance(given, (Tensor, np.ndarray)) and given.ndim > 0:
        given = checked(given, "level").owner.tolist()
    if not isinstance(given, (list, tuple)):
        return [checked_level(value, "level")] * count
    if len(given) not in (1, count) or any(isinstance(one, (list, tuple)) for one in given):
        got = tuple(value.shape) if isinstance(value, (Tensor, np.ndarray)) else f"{len(given)}"
        raise ValueError(f"level must be a number, or one for each of {count} volumes, got {got}")
    each = [checked_level(one, "level") for one in given]
    return each * count if len(each) == 1 else each


def room(max_verts: Any, max_faces: Any) -> Room | None:
    """Check the size that the results are to have; None where they are to have the mesh's."""
    if max_verts is None and max_faces is None:
        return None
    if max_verts is None or max_faces is None:
        lacking = "max_verts" if max_verts is None else "max_faces"
        raise ValueError(f"max_verts and max_faces must be given together, got no {lacking}")
    return Room(_size(max_verts, "max_verts"), _size(max_faces, "max_faces"))


def _size(value: Any, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}")
    size = operator.index(value)  # which torch can trace, unlike value.__index__()
    if not 0 <= size <= _MOST_ROWS:
        raise ValueError(f"{name} must be from 0 to 2^48, got {size}")
    return size


def batch(asked: Request, each: list[float], wanted: Room | None, method: Method = PRIMAL) -> Batch:
    """Return a request with the axis of a batch, which that of a single volume has not."""
    if len(asked.volume.shape) == 4:
        return Batch(asked, each, wanted, method)
    mask = None if asked.mask is None else _one(asked.mask)
    return Batch(asked._replace(volume=_one(asked.volume), mask=mask), each, wanted, method)


def _one(vol: Samples) -> Samples:
    return vol._replace(owner=vol.owner[None], shape=(1, *vol.shape), strides=(0, *vol.strides))
