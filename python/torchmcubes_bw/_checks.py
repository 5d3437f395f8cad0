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
# What torch before 2.3 takes of a NumPy array in the place of a dtype that it lacks, no value changed but
# those of uint64 rounded.
_BEFORE_TORCH_2_3 = {"uint16": "int32", "uint32": "int64", "uint64": "float64"}
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
# No memory holds so many elements; an expanded tensor can claim them, and no address overflows below.
_MOST_ELEMENTS = 2**48


def as_tensor(value: Any, name: str) -> Tensor:
    """Return `value` as a dense tensor of a real dtype that carries no gradient."""
    if isinstance(value, np.ndarray):
        value = _from_numpy(value, name)
    if not isinstance(value, Tensor):
        kind = type(value).__name__
        raise TypeError(f"{name} must be a torch.Tensor or numpy.ndarray, got {kind}")
    if value.layout is not torch.strided:
        raise TypeError(f"{name} must be a dense tensor, got layout {value.layout}")
    if value.is_nested:
        raise TypeError(f"{name} must be a dense tensor, got a nested one")
    if value.is_meta:
        raise TypeError(f"{name} must be a tensor with data, got one on device meta")
    if value.is_complex() or value.is_quantized:
        raise TypeError(f"{name} must have a real dtype, got {value.dtype}")
    _check_memory(value, name)
    dense: Tensor = value.detach() if value.requires_grad else value
    return dense.resolve_neg() if dense.is_neg() else dense


def _check_memory(tensor: Tensor, name: str) -> None:
    """Refuse a tensor whose elements do not all lie in memory: to read them would be a crash."""
    count = tensor.numel()
    if count > _MOST_ELEMENTS:
        raise ValueError(f"{name} must have at most 2^48 elements, got shape {tuple(tensor.shape)}")
    if count == 0 or not (tensor.is_cpu or tensor.is_cuda):
        return  # another device's tensor need not have an address; what `.cpu()` makes of it has
    address(tensor, name)
    if not tensor.is_contiguous():  # from its first to its last element; an expanded one repeats some
        count = 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    held = tensor.untyped_storage().nbytes()
    if (tensor.storage_offset() + count) * tensor.element_size() > held:  # the storage was resized
        raise ValueError(f"{name} must have memory for its shape {tuple(tensor.shape)}, got {held} bytes")


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


def empty(rows: int, columns: int, dtype: torch.dtype) -> tuple[Tensor, int]:
    """Allocate a result on the CPU, whatever the default device is; return it and its address."""
    result = torch.empty((rows, columns), dtype=dtype, device="cpu")
    return result, address(result, "the result")


def refuse_fake_mode() -> None:
    """Refuse to go on in a FakeTensorMode or a transform of torch.func: new tensors lack memory there."""
    empty(1, 1, torch.float32)


def _from_numpy(array: np.ndarray[Any, Any], name: str) -> Tensor:
    if array.dtype.kind not in "bfiu":
        raise TypeError(f"{name} must have a real dtype, got {array.dtype}")
    if np.ma.is_masked(array):
        count = np.ma.count_masked(array)  # type: ignore[no-untyped-call]
        raise TypeError(f"{name} must have no masked elements, got {count}: pass {name}.filled(...)")
    if array.dtype == np.longdouble and array.dtype != np.float64:
        array = array.astype(np.float64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not hasattr(torch, array.dtype.name):
        array = array.astype(_BEFORE_TORCH_2_3[array.dtype.name])
    # torch takes no strides that are negative or part of an element (a packed record's field).
    if not array.flags.aligned or any(step < 0 or step % array.itemsize for step in array.strides):
        array = array.copy()
    return torch.from_numpy(array) if array.flags.writeable else _from_read_only(array)


def _from_read_only(array: np.ndarray[Any, Any]) -> Tensor:
    """Share an array that must not be written to, as we only read; `torch.from_numpy` would warn of it."""
    try:
        shared: Tensor = torch.from_dlpack(array)  # type: ignore[attr-defined]
        return shared
    except (AttributeError, BufferError, TypeError):  # an older torch or NumPy
        return torch.from_numpy(array.copy())


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
        refuse_fake_mode()  # before torch's conversion fails there in words of its own
        vol = vol.to(_CONVERTED[str(vol.dtype)])
    return vol, _NATIVE[vol.dtype]


def narrowed(verts: Tensor, vol: Tensor) -> Tensor:
    """Return the vertices of a volume that `native` converted to float64 in float32."""
    if verts.dtype == torch.float64 and vol.dtype != torch.float64:
        return verts.to(torch.float32)
    return verts


def level(thresh: Any) -> float:
    """Return the level as a Python float."""
    if type(thresh) is not float and isinstance(thresh, (Tensor, np.ndarray)):
        thresh = as_tensor(thresh, "thresh")
        if thresh.numel() != 1:
            raise ValueError(f"thresh must be a single number, got shape {tuple(thresh.shape)}")
        thresh = thresh.item()
    value = thresh if type(thresh) is float else _as_float(thresh)
    if math.isnan(value):
        raise ValueError(f"thresh must not be NaN, got {thresh}")
    return value


def _as_float(thresh: Any) -> float:
    no_number = TypeError(f"thresh must be a number, got {type(thresh).__name__}")
    if isinstance(thresh, (str, bytes, complex, np.void)) or not hasattr(thresh, "__float__"):
        raise no_number
    if isinstance(thresh, np.generic) and thresh.dtype.kind in "cmM":  # float() makes a number of these
        raise no_number
    try:
        return float(thresh)
    except TypeError:
        raise no_number from None
    except OverflowError:
        raise ValueError(f"thresh must be in the range of float64, got {_shown(thresh)}") from None
    except ValueError:  # Decimal("sNaN")
        raise ValueError(f"thresh must be a number, got {_shown(thresh)}") from None


def _shown(value: Any) -> str:
    """Return a value as text, not longer than fits a line."""
    try:
        text = repr(value)
    except ValueError:  # Python prints no integer of more than 4300 digits
        return f"an {type(value).__name__} of {value.bit_length()} bits"
    return text if len(text) <= 50 else f"{text[:20]}…{text[-20:]}"


def no_nan(vol: Tensor) -> ValueError:
    """Return the error for a volume in which a NaN was seen: how many, and where the first is."""
    refuse_fake_mode()
    flags = torch.isnan(vol)
    count = int(flags.sum())
    first = int(flags.flatten().to(torch.uint8).argmax())
    _, ny, nx = vol.shape
    at = (first // (ny * nx), first // nx % ny, first % nx)
    samples = "NaN samples" if count != 1 else "NaN sample"
    return ValueError(f"vol must not contain NaN, got {count} {samples}, the first at vol{[*at]}")


def no_memory(vol: Tensor) -> MemoryError:
    """Return the error for a volume whose scratch memory the machine does not have."""
    return MemoryError(f"vol needs more scratch memory than there is, got shape {tuple(vol.shape)}")


def points(value: Any, vol: Tensor) -> Tensor:
    """Check the points of `grid_interp`."""
    at = as_tensor(value, "points")
    if at.dim() != 2 or at.shape[1] != 3:
        raise ValueError(f"points must have shape (P, 3), got shape {tuple(at.shape)}")
    if at.device != vol.device:
        raise ValueError(f"points must be on the device of vol, {vol.device}, got {at.device}")
    return at
