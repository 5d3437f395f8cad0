# SPDX-License-Identifier: MIT
"""What callers of the other libraries' calls may pass, and what those calls raise."""

from __future__ import annotations

import math
import operator
from typing import Any

from .samples import Samples, checked


def grid(value: Any, shortest: int) -> Samples:
    """Check a volume that the caller knows as `volume`, of sides that are not shorter than a number."""
    volume = checked(value, "volume")
    if len(volume.shape) != 3:
        raise ValueError(f"volume must have 3 dimensions (M, N, P), got shape {volume.shape}")
    if min(volume.shape) < shortest:
        raise ValueError(f"volume must have no side shorter than {shortest}, got shape {volume.shape}")
    return volume


def step_size(value: Any) -> int:
    """Check a step between samples."""
    try:
        step = operator.index(value)
    except TypeError:
        raise TypeError(f"step_size must be an integer, got {type(value).__name__}") from None
    if step < 1:
        raise ValueError(f"step_size must be at least 1, got {step}")
    return step


def middle(low: float, high: float) -> float:
    """Return the middle of a volume's range, of which `low` and `high` are the ends without its NaN."""
    if low > high:
        raise ValueError("level must be given for a volume of nothing but NaN")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"level must be given for a volume with infinite samples, got {low} to {high}")
    return low / 2 + high / 2


def no_surface(level: float, low: float, high: float) -> Exception:
    """Return scikit-image's kind of error for a level that meets no surface: without its range, or within."""
    if low <= high and not low <= level <= high:
        return ValueError(f"level must be within the range of volume, {low} to {high}, got {level}")
    return RuntimeError(f"no surface was found at level {level}")
