# SPDX-License-Identifier: MIT
"""Where the voxels lie in the world: spacing and origin, each a number or three, (x, y, z)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

Triple = tuple[float, float, float]

_PLAIN = (float, int)  # what is passed nearly always, and quickly known

# What keeps every vertex a finite, normal number in float32: 2^26 samples of the largest spacing.
LEAST_SPACING, _MOST_SPACING, _FARTHEST = 1e-30, 1e30, 1e38


def spacing(value: Any) -> Triple:
    """Check the distances between samples."""
    found = triple(value, "spacing")
    if min(found) <= 0:
        raise ValueError(f"spacing must be positive, got {value}")
    if not LEAST_SPACING <= min(found) <= max(found) <= _MOST_SPACING:
        raise ValueError(f"spacing must be from {LEAST_SPACING:g} to {_MOST_SPACING:g}, got {value}")
    return found


def origin(value: Any) -> Triple:
    """Check the position of sample (0, 0, 0)."""
    return place(value, "origin")


def place(value: Any, name: str) -> Triple:
    """Check a position in the world."""
    found = triple(value, name)
    if max(map(abs, found)) > _FARTHEST:
        raise ValueError(f"{name} must be within {_FARTHEST:g} of 0, got {value}")
    return found


def vertex_dtype(value: Any, of_volume: torch.dtype) -> torch.dtype:
    """Check the vertices' type; None is the volume's own choice."""
    if value is None:
        return torch.float64 if of_volume == torch.float64 else torch.float32
    if value is not torch.float32 and value is not torch.float64:
        raise ValueError(f"dtype must be torch.float32, torch.float64 or None, got {value}")
    real: torch.dtype = value
    return real


def triple(value: Any, name: str) -> Triple:
    """Check three numbers, or one for all three."""
    numbers = value.tolist() if isinstance(value, (Tensor, np.ndarray, np.generic)) else value
    if type(numbers) in _PLAIN or isinstance(numbers, Real):
        numbers = (numbers,) * 3
    try:
        x, y, z = map(_number, in_order(numbers))
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be a number or three numbers (x, y, z), got {value!r}") from None
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        raise ValueError(f"{name} must be finite, got {value}")
    return x, y, z


def in_order(values: Any) -> Any:
    """Return several values; refuse text, and what has no order."""
    if type(values) not in (tuple, list) and isinstance(values, (str, bytes, bytearray, Set, Mapping)):
        raise TypeError
    return values


def _number(value: Any) -> float:
    if type(value) not in _PLAIN and isinstance(value, (str, bytes, bytearray)):
        raise TypeError
    return float(value)
