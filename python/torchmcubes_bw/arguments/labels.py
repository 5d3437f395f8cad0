# SPDX-License-Identifier: MIT
"""A volume of labels, which of them are wanted, and where their surfaces lie."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from . import placement
from .options import Method, one_of
from .options import method as checked_method
from .samples import Samples, checked

# The integers of each dtype that labels may have.
_RANGES = {
    "bool": (0, 1),
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}
# The counters of a row's vertices have 32 bits.
_LONGEST_ROW = 2**29


class Labels(NamedTuple):
    """Labels that have passed every check, and which surfaces are wanted of them."""

    volume: Samples
    background: int | None
    only: list[int] | None
    spacing: placement.Triple
    origin: placement.Triple
    closed: bool
    method: Method = Method(False, 0)


def labels(
    value: Any,
    background: Any,
    only: Any,
    spacing: Any,
    origin: Any,
    border: Any,
    method: Any = "primal",
    placement_of_verts: Any = "mean",
) -> Labels:
    """Check the arguments of `label_surfaces`."""
    volume = label_volume(value)
    return Labels(
        volume,
        None if background is None else _background(background, volume.dtype),
        None if only is None else _only(only, volume.dtype),
        placement.spacing(spacing),
        placement.origin(origin),
        one_of(border, "border", ("open", "closed")) == "closed",
        checked_method(method, placement_of_verts),
    )


def label_volume(value: Any) -> Samples:
    """Check a volume of labels."""
    volume = checked(value, "labels")
    if volume.dtype not in _RANGES:
        raise TypeError(f"labels must have an integer dtype or bool, got torch.{volume.dtype}")
    if len(volume.shape) != 3:
        raise ValueError(f"labels must have 3 dimensions (Nz, Ny, Nx), got shape {volume.shape}")
    if 0 in volume.shape:
        raise ValueError(f"labels must have no empty side, got shape {volume.shape}")
    if volume.shape[2] > _LONGEST_ROW:
        raise ValueError(f"labels must have at most 2^29 samples along x, got shape {volume.shape}")
    return volume


def _background(value: Any, dtype: str) -> int | None:
    """Return the label to leave out; one that the dtype does not hold is not there anyway."""
    label = _integer(value, "background")
    low, high = _RANGES[dtype]
    return _bits(label) if low <= label <= high else None


def _only(value: Any, dtype: str) -> list[int]:
    if isinstance(value, (Tensor, np.ndarray)):
        value = value.reshape(-1).tolist()
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"only must be an iterable of labels, got {type(value).__name__}")
    wanted = {_integer(label, "only") for label in value}
    low, high = _RANGES[dtype]
    beyond = sorted(label for label in wanted if not low <= label <= high)
    if beyond:
        raise ValueError(f"only must hold labels of {dtype}, {low} to {high}, got {beyond[0]}")
    return [_bits(label) for label in wanted]


def _integer(value: Any, name: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        pass
    if isinstance(value, (bool, np.bool_)):  # NumPy's is no index
        return int(value)
    what = "an integer or None" if name == "background" else "integers"
    raise TypeError(f"{name} must be {what}, got {type(value).__name__}")


def _bits(label: int) -> int:
    """Return a label as the core tells labels apart: 64 bits, in two's complement."""
    return label % 2**64
