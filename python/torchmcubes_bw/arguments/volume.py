# SPDX-License-Identifier: MIT
"""The volume: its shape, and what can be wrong with its samples."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .samples import Samples, checked


def volume(value: Any, axes: str) -> Samples:
    """Check a volume with the given axes, ``"Nz, Ny, Nx"`` or ``"C, Nz, Ny, Nx"``."""
    vol = checked(value, "vol")
    dimensions = axes.count(",") + 1
    if len(vol.shape) != dimensions:
        raise ValueError(f"vol must have {dimensions} dimensions ({axes}), got shape {vol.shape}")
    if 0 in vol.shape[-3:]:
        raise ValueError(f"vol must have no empty side, got shape {vol.shape}")
    return vol


def no_nan(vol: Tensor) -> ValueError:
    """Return the error for a volume in which a NaN was seen: how many, and where the first is."""
    flags = torch.isnan(vol)
    count = int(flags.sum())
    first = int(flags.flatten().to(torch.uint8).argmax())
    _, ny, nx = vol.shape
    at = (first // (ny * nx), first // nx % ny, first % nx)
    samples = "NaN samples" if count != 1 else "NaN sample"
    return ValueError(f"vol must not contain NaN, got {count} {samples}, the first at vol{[*at]}")


def no_memory(vol: Samples) -> MemoryError:
    """Return the error for a volume whose scratch memory the machine does not have."""
    return MemoryError(f"vol needs more scratch memory than there is, got shape {vol.shape}")
