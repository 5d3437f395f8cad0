# SPDX-License-Identifier: MIT
"""The mask: which samples count."""

from __future__ import annotations

from typing import Any

from .samples import Samples, checked


def mask(value: Any, vol: Samples) -> Samples:
    """Check a mask for a volume."""
    which = checked(value, "mask")
    if which.dtype != "bool":
        raise TypeError(f"mask must have dtype bool, got {which.owner.dtype}")
    if which.shape != vol.shape:
        raise ValueError(f"mask must have the shape of vol, {vol.shape}, got shape {which.shape}")
    if which.device != vol.device:
        raise ValueError(f"mask must be on the device of vol, {vol.device}, got {which.device}")
    return which
