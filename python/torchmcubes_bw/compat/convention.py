# SPDX-License-Identifier: MIT
"""What the other libraries have in common and we do otherwise: index order, and where a tie falls."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments.samples import Samples

# Volumes that are computed in float64, all others in float32.
_DOUBLE = ("float64", "int32", "int64", "uint16", "uint32", "uint64")


def next_above(level: float, vol: Samples) -> float:
    """Return the least level above one, in the type that the volume is computed in.

    Less than it is what is not more than `level`: the others' inside.
    """
    real = np.float64 if vol.dtype in _DOUBLE else np.float32
    with np.errstate(over="ignore"):
        nearest = real(level)
        return float(nearest if nearest > level else np.nextafter(nearest, real(np.inf)))


def local(tensor: Tensor) -> Any:
    """Return a tensor as a NumPy array where it can be one, else as it is.

    What torch does with threads hangs in a process that was forked after their first use. NumPy has none.
    """
    try:
        return tensor.numpy() if tensor.is_cpu else tensor
    except TypeError:  # NumPy has no bfloat16 and no float8
        return tensor


def float32(part: Any) -> Any:
    """Return an array or a tensor in float32."""
    return part.astype(np.float32) if isinstance(part, np.ndarray) else part.float()


def tensor(part: Any) -> Tensor:
    """Return what is no tensor as one on the CPU, whatever torch's default device is."""
    return part if isinstance(part, Tensor) else torch.as_tensor(part, device="cpu")


def index_order(rows: Tensor) -> Tensor:
    """Return rows of three with their columns in the opposite order."""
    return torch.from_numpy(rows.numpy().take((2, 1, 0), axis=1)) if rows.is_cpu else rows.flip(1)
