# SPDX-License-Identifier: MIT
"""What every argument with samples in it comes to: one checked value, made here and nowhere else."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .arrays import from_numpy, negated
from .recording import recorded, recorder

_NAMES = (
    "float32", "float64", "float16", "bfloat16", "bool", "uint8", "int8", "int16", "int32", "int64",
    "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
    "float8_e8m0fnu",
)  # fmt: skip
# Which of them there are depends on the torch at hand.
_DTYPES = {getattr(torch, name): name for name in _NAMES if hasattr(torch, name)}
# No memory holds so many elements; an expanded tensor can claim them, and no address overflows below.
_MOST_ELEMENTS = 2**48


class Samples(NamedTuple):
    """Samples that have passed every check. Whoever holds them reads them, and asks nothing more."""

    owner: Tensor  # keeps the memory
    address: int  # of the first sample; 0 on devices whose tensors need not have one
    dtype: str  # torch's name of it: "float32"
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in samples
    device: torch.device

    @property
    def told(self) -> tuple[int, str, tuple[int, ...], tuple[int, ...]]:
        """What the core is told of them, in the order in which it takes that."""
        return self.address, self.dtype, self.shape, self.strides


def checked(value: Any, name: str) -> Samples:
    """Return a tensor's or an array's samples; `name` is the argument's, for the errors' texts."""
    if (by := recorder()) is not None:
        raise recorded(name, by)
    if isinstance(value, np.ndarray):
        value = from_numpy(value, name)
    if not isinstance(value, Tensor):
        kind = type(value).__name__
        raise TypeError(f"{name} must be a torch.Tensor or numpy.ndarray, got {kind}")
    if value.layout is not torch.strided:
        raise TypeError(f"{name} must be a dense tensor, got layout {value.layout}")
    if value.is_nested:
        raise TypeError(f"{name} must be a dense tensor, got a nested one")
    if value.is_meta:
        raise TypeError(f"{name} must be a tensor with data, got one on device meta")
    dtype = _DTYPES.get(value.dtype)
    if dtype is None:
        raise TypeError(f"{name} must have a real dtype, got {value.dtype}")
    at = _checked_address(value, name)
    if value.requires_grad:
        value = value.detach()
    if value.is_neg():
        value = negated(value, name)
        at = address(value, name)
    return Samples(value, at, dtype, tuple(value.shape), value.stride(), value.device)


def _checked_address(tensor: Tensor, name: str) -> int:
    """Refuse a tensor whose elements do not all lie in memory: to read them would be a crash."""
    count = tensor.numel()
    if count > _MOST_ELEMENTS:
        raise ValueError(f"{name} must have at most 2^48 elements, got shape {tuple(tensor.shape)}")
    if count == 0 or not (tensor.is_cpu or tensor.is_cuda):
        return 0  # another device's tensor need not have an address; what `.cpu()` makes of it has
    at = address(tensor, name)
    if not tensor.is_contiguous():  # from its first to its last element; an expanded one repeats some
        count = 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    held = tensor.untyped_storage().nbytes()
    if (tensor.storage_offset() + count) * tensor.element_size() > held:  # the storage was resized
        raise ValueError(f"{name} must have memory for its shape {tuple(tensor.shape)}, got {held} bytes")
    return at


def address(tensor: Tensor, name: str) -> int:
    """Return where a tensor's elements lie; refuse one that has nothing but a shape.

    Such are fake tensors, wrappers, and what torch.func's transforms hand to a function.
    """
    try:
        # To ask a fake tensor for its address makes torch warn; its storage is on meta.
        fake = type(tensor) is not Tensor and tensor.untyped_storage().device.type == "meta"
        found = 0 if fake else tensor.data_ptr()
    except RuntimeError:  # there is not even a storage
        fake, found = False, 0
    if fake or (found == 0 and tensor.numel() > 0):
        kind = type(tensor).__name__
        raise TypeError(f"{name} must be a tensor with data, got a {kind} without memory")
    return found
