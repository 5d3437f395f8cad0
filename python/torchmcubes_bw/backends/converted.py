# SPDX-License-Identifier: MIT
"""Samples of a dtype that the kernels do not read, in one that they do, and their vertices back again."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arguments.samples import Samples

# What the kernels read, and their name of it.
NATIVE = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.uint8: "uint8",
    torch.int8: "int8",
    torch.int16: "int16",
    torch.int32: "int32",
}
# Other real dtypes, and the native one that holds their values best.
_CONVERTED = {
    "int64": torch.float64,
    "uint16": torch.int32,
    "uint32": torch.float64,
    "uint64": torch.float64,
    "float8_e4m3fn": torch.float32,
    "float8_e4m3fnuz": torch.float32,
    "float8_e5m2": torch.float32,
    "float8_e5m2fnuz": torch.float32,
    "float8_e8m0fnu": torch.float32,
}


def converted(vol: Samples) -> Tensor:
    """Return a volume in a dtype the kernels read, or as bool."""
    return vol.owner.to(_CONVERTED[vol.dtype]) if vol.dtype in _CONVERTED else vol.owner


def as_kernels_read(vol: Samples) -> Tensor:
    """Return a volume in a dtype the kernels read."""
    if vol.dtype == "bool":  # any byte but 0 is true
        return vol.owner.view(torch.uint8).ne(0).view(torch.uint8)
    return converted(vol)


def narrowed(verts: Tensor, vol: Samples) -> Tensor:
    """Return the vertices of a volume that was converted to float64 in float32."""
    if verts.dtype == torch.float64 and vol.dtype != "float64":
        return verts.to(torch.float32)
    return verts
