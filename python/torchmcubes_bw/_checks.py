# SPDX-License-Identifier: MIT
"""What the public functions accept; every text of an error they raise stands here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Other real dtypes, and the native one that holds their values best.
_CONVERTED = {
    "torch.int64": torch.float64,
    "torch.uint16": torch.int32,
    "torch.uint32": torch.float64,
    "torch.uint64": torch.float64,
    "torch.float8_e4m3fn": torch.float32,
    "torch.float8_e4m3fnuz": torch.float32,
    "torch.float8_e5m2": torch.float32,
    "torch.float8_e5m2fnuz": torch.float32,
}
_NATIVE = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.uint8: "uint8",
    torch.int8: "int8",
    torch.int16: "int16",
    torch.int32: "int32",
    torch.bool: "uint8",
}


def as_tensor(value: Any, name: str) -> Tensor:
    """Return `value` as a dense tensor of a real dtype that carries no gradient."""
    if isinstance(value, np.ndarray):
        value = _from_numpy(value, name)
    if not isinstance(value, Tensor):
        kind = type(value).__name__
        raise TypeError(f"{name} must be a torch.Tensor or numpy.ndarray, got {kind}")
    if value.layout is not torch.strided:
        raise TypeError(f"{name} must be a dense tensor, got layout {value.layout}")
    if value.is_meta:
        raise TypeError(f"{name} must be a tensor with data, got one on device meta")
    if value.is_complex() or value.is_quantized:
        raise TypeError(f"{name} must have a real dtype, got {value.dtype}")
    dense: Tensor = value.detach()
    return dense


def _from_numpy(array: np.ndarray[Any, Any], name: str) -> Tensor:
    if array.dtype.kind not in "bfiu":
        raise TypeError(f"{name} must have a real dtype, got {array.dtype}")
    if array.dtype == np.longdouble and array.dtype != np.float64:
        array = array.astype(np.float64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    # torch takes no negative strides, and warns of arrays it must not write to: neither concerns
    # us, who only read, so such an array is copied.
    if any(stride < 0 for stride in array.strides) or not array.flags.writeable:
        array = array.copy()
    return torch.from_numpy(array)


def volume(value: Any, axes: str) -> Tensor:
    """Check a volume with the given axes, ``"Nz, Ny, Nx"`` or ``"C, Nz, Ny, Nx"``."""
    vol = as_tensor(value, "vol")
    dimensions = axes.count(",") + 1
    if vol.dim() != dimensions:
        shape = tuple(vol.shape)
        raise ValueError(f"vol must have {dimensions} dimensions ({axes}), got shape {shape}")
    if 0 in vol.shape[-3:]:
        raise ValueError(f"vol must have no empty side, got shape {tuple(vol.shape)}")
    return vol


def native(vol: Tensor) -> tuple[Tensor, str]:
    """Return the volume in a dtype the kernels read, and their name of it."""
    if vol.dtype not in _NATIVE:
        if str(vol.dtype) not in _CONVERTED:
            raise TypeError(f"vol must have a real dtype, got {vol.dtype}")
        vol = vol.to(_CONVERTED[str(vol.dtype)])
    if vol.is_neg():
        vol = vol.resolve_neg()
    return vol, _NATIVE[vol.dtype]


def level(thresh: Any) -> float:
    """Return the level as a Python float."""
    if isinstance(thresh, (Tensor, np.ndarray)):
        if thresh.shape != () and math.prod(thresh.shape) != 1:
            raise ValueError(f"thresh must be a single number, got shape {tuple(thresh.shape)}")
        thresh = thresh.item()
    if isinstance(thresh, (str, bytes, complex)) or not hasattr(thresh, "__float__"):
        raise TypeError(f"thresh must be a number, got {type(thresh).__name__}")
    value = float(thresh)
    if math.isnan(value):
        raise ValueError(f"thresh must not be NaN, got {thresh}")
    return value


def no_nan(vol: Tensor) -> ValueError:
    """Return the error for a volume in which a NaN was seen: how many, and where the first is."""
    flags = torch.isnan(vol)
    count = int(flags.sum())
    first = int(flags.flatten().to(torch.uint8).argmax())
    _, ny, nx = vol.shape
    at = (first // (ny * nx), first // nx % ny, first % nx)
    samples = "NaN samples" if count != 1 else "NaN sample"
    return ValueError(f"vol must not contain NaN, got {count} {samples}, the first at vol{[*at]}")


def points(value: Any, vol: Tensor) -> Tensor:
    """Check the points of `grid_interp`."""
    at = as_tensor(value, "points")
    if at.dim() != 2 or at.shape[1] != 3:
        raise ValueError(f"points must have shape (P, 3), got shape {tuple(at.shape)}")
    if at.device != vol.device:
        raise ValueError(f"points must be on the device of vol, {vol.device}, got {at.device}")
    return at
