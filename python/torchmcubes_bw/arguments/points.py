# SPDX-License-Identifier: MIT
"""The points at which a volume is sampled."""

from __future__ import annotations

from typing import Any

from .samples import Samples, checked


def points(value: Any, vol: Samples) -> Samples:
    """Check points ``(P, 3)`` for a volume."""
    at = checked(value, "points")
    if len(at.shape) != 2 or at.shape[1] != 3:
        raise ValueError(f"points must have shape (P, 3), got shape {at.shape}")
    if at.device != vol.device:
        raise ValueError(f"points must be on the device of vol, {vol.device}, got {at.device}")
    return at
