# SPDX-License-Identifier: MIT
"""The volume: its shape, and what can be wrong with its samples."""

from __future__ import annotations

from typing import Any

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


def has_changed(vol: Samples) -> RuntimeError:
    """Return the error for a volume in which a NaN was seen and then none: it was written to meanwhile."""
    return RuntimeError(f"vol must not change while it is read, got shape {vol.shape}")


def no_nan(vol: Samples, count: int, first: int) -> ValueError:
    """Return the error for a volume with NaN in it: how many, and the first one's number in C order."""
    at: list[int] = []
    for n in vol.shape[::-1]:
        at.insert(0, first % n)
        first //= n
    samples = "NaN samples" if count != 1 else "NaN sample"
    found = f"{count} {samples}, the first at vol{at}"
    return ValueError(f'vol must not contain NaN, got {found} (nan="skip" passes over them)')


def no_nan_in_mask() -> ValueError:
    """Return the error for a volume with NaN where its mask lets samples count."""
    return ValueError('vol must not contain NaN where mask is True (nan="skip" passes over it)')


def attributes(value: Any, vol: Samples) -> Samples:
    """Check channels to be sampled at the vertices of a volume's surface."""
    channels = checked(value, "attributes")
    if len(channels.shape) != 4 or channels.shape[1:] != vol.shape:
        wanted = ", ".join(map(str, vol.shape))
        raise ValueError(f"attributes must have shape (C, {wanted}), got shape {channels.shape}")
    if channels.device != vol.device:
        raise ValueError(f"attributes must be on the device of vol, {vol.device}, got {channels.device}")
    return channels
