# SPDX-License-Identifier: MIT
"""What is asked of a function: where it is sampled, and how far around its surface."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .level import level as checked_level
from .placement import LEAST_SPACING, Triple, in_order, place
from .samples import Samples, checked

_LONGEST_SIDE = 2**20
_LARGEST_STRIDE = 2**10


class FieldGrid(NamedTuple):
    """A grid in the world, and how it is refined. Its twin in the core is `mc::cpu::FieldRequest`."""

    shape: tuple[int, int, int]  # Nz, Ny, Nx
    level: float
    spacing: Triple
    origin: Triple
    stride: int  # of the first grid; 1: every sample is evaluated
    widen: int
    margin: float
    lipschitz: float  # 0: not known


def grid(
    bounds: Any, resolution: Any, level: Any, coarse: Any, widen: Any, margin: Any, lipschitz: Any
) -> FieldGrid:
    """Check the arguments of `extract_field` and `Frontier` that say where samples are taken."""
    sides = _sides(resolution)
    low, high = _corners(bounds)
    x, y, z = ((b - a) / (n - 1) for a, b, n in zip(low, high, sides, strict=True))
    if min(x, y, z) < LEAST_SPACING:
        raise ValueError(f"bounds must be {LEAST_SPACING:g} a sample apart at least, got {bounds}")
    bound = 0.0 if lipschitz is None else _length(lipschitz, "lipschitz")
    if lipschitz is not None and bound == 0:
        raise ValueError(f"lipschitz must be above 0 or None, got {lipschitz}")
    default = 0 if bound else 1
    stride = _integer(coarse, "coarse", 1, _LARGEST_STRIDE)
    if stride & (stride - 1):
        raise ValueError(f"coarse must be a power of two, got {coarse}")
    return FieldGrid(
        (sides[2], sides[1], sides[0]),
        checked_level(level, "level"),
        (x, y, z),
        low,
        stride,
        default if widen is None else _integer(widen, "widen", 0, 64),
        _length(margin, "margin"),
        bound,
    )


def chunk(value: Any, device: torch.device, name: str = "chunk") -> int:
    """Check how many points are evaluated at once; `name` is the argument's, for the errors' texts."""
    if value is None:
        return 2**16 if device.type == "cpu" else 2**20
    return _integer(value, name, 1, 2**31 - 1)


def coarse_shape(asked: FieldGrid) -> tuple[int, ...]:
    """Return the shape of the first grid: a sample in `stride`, and the last one."""
    return tuple((n - 2 + asked.stride) // asked.stride + 1 for n in asked.shape)


def coarse_values(value: Any, asked: FieldGrid) -> Tensor:
    """Check the first grid's samples, which the caller has."""
    given = checked(value, "values")
    if given.shape != coarse_shape(asked):
        raise ValueError(f"values must have shape {coarse_shape(asked)}, got shape {given.shape}")
    return given.owner.reshape(-1)


def field_values(value: Any, count: int) -> Tensor:
    """Check what a function made of points: real numbers, one each; on the CPU, float32 or float64."""
    given: Samples = checked(value, "the values of f")
    if given.shape not in ((count,), (count, 1)):
        raise ValueError(f"the values of f must have shape ({count},), got shape {given.shape}")
    real = torch.float64 if given.dtype == "float64" else torch.float32
    return given.owner.reshape(-1).to(device="cpu", dtype=real).contiguous()


def no_nan(at: list[float]) -> ValueError:
    """Return the error for a value that is NaN, and where."""
    place = ", ".join(f"{number:g}" for number in at)
    return ValueError(f"the values of f must not contain NaN, got one at ({place})")


def band(value: Any) -> Samples:
    """Check a volume that is known in places."""
    vol = checked(value, "vol")
    if vol.dtype != "float32":
        raise TypeError(f"vol must have dtype float32, got {vol.owner.dtype}")
    if len(vol.shape) != 3 or 0 in vol.shape:
        raise ValueError(f"vol must have 3 dimensions (Nz, Ny, Nx) and no empty side, got shape {vol.shape}")
    return vol


def _sides(resolution: Any) -> tuple[int, int, int]:
    given = resolution.tolist() if isinstance(resolution, (Tensor, np.ndarray)) else resolution
    sides = [given] * 3 if hasattr(given, "__index__") else given
    try:
        x, y, z = in_order(sides)
    except (TypeError, ValueError):
        raise TypeError(f"resolution must be an integer or three (x, y, z), got {resolution!r}") from None
    return tuple(_integer(n, "resolution", 2, _LONGEST_SIDE) for n in (x, y, z))  # type: ignore[return-value]


def _corners(bounds: Any) -> tuple[Triple, Triple]:
    given = bounds.tolist() if isinstance(bounds, (Tensor, np.ndarray)) else bounds
    try:
        first, last = in_order(given)
    except (TypeError, ValueError):
        raise TypeError(f"bounds must be two corners (x, y, z), got {bounds!r}") from None
    low, high = place(first, "bounds"), place(last, "bounds")
    if not all(a < b for a, b in zip(low, high, strict=True)):
        raise ValueError(f"bounds must be the lower corner and the upper one, got {bounds}")
    return low, high


def _integer(value: Any, name: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}")
    number = int(value.__index__())
    if not least <= number <= most:
        raise ValueError(f"{name} must be from {least} to {most}, got {number}")
    return number


def _length(value: Any, name: str) -> float:
    number = checked_level(value, name)
    if not (0 <= number < math.inf):
        raise ValueError(f"{name} must be at least 0 and finite, got {value}")
    return number
