# SPDX-License-Identifier: MIT
"""Volumes larger than memory: whatever gives planes.

A file behind a `numpy.memmap` is read into memory of ours: pages that are mapped would count as the
process's own until the system wants them back. Where another file has its name by now, or nobody can tell,
the map itself is read. Everything else with `shape`, `dtype` and slicing is sliced; a callable is called.
What lies in memory already is not copied.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from io import FileIO
from operator import index
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..arguments.masked import refuse_masked
from .slab import Planes, planes_of

Array = NDArray[Any]
Shape = tuple[int, int, int]

# What the core reads, by NumPy's names.
_DTYPES = (
    "float32", "float64", "float16", "bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32",
    "uint64",
)  # fmt: skip
MOST_IN_A_ROW = (2**32 - 1) // 5  # the core counts a row's triangles in 32 bits, up to five a sample


class Source(Protocol):
    """A volume that gives planes."""

    shape: Shape
    dtype: str  # of the samples that are given
    layer: int  # planes that are stored together: it is dear to read some of them alone
    passing: int  # bytes that a sample takes beside its place in the planes while it is read

    def held(self) -> Planes | None:
        """Return all planes, where they lie in memory."""

    def read(self, first: int, last: int, into: Array) -> None:
        """Fill an array with planes."""


class _Held:
    """Samples in memory."""

    layer, passing = 1, 0

    def __init__(self, planes: Planes, shape: Shape) -> None:
        self._planes, self.shape, self.dtype = planes, shape, planes.dtype

    def held(self) -> Planes | None:
        return self._planes

    def read(self, first: int, last: int, into: Array) -> None:
        raise NotImplementedError  # nobody reads what is held


class _Read:
    """Samples that are read into an array of their own type, the machine's byte order."""

    layer, passing = 1, 0

    def __init__(self, shape: Shape, dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype.name

    def held(self) -> Planes | None:
        return None


class _File(_Read):
    """Samples in a file, one after another; it stays open, whatever becomes of its name."""

    def __init__(self, mapped: np.memmap[Any, Any], file: FileIO, at: int, name: str) -> None:
        weakref.finalize(self, file.close)
        super().__init__(_volume_shape(mapped.shape, name), mapped.dtype.newbyteorder("="))
        self._file, self._at, self._swap = file, at, not mapped.dtype.isnative
        self._plane = mapped.itemsize * mapped.shape[1] * mapped.shape[2]

    def read(self, first: int, last: int, into: Array) -> None:
        wanted = into[: last - first].reshape(-1).view(np.uint8).data
        self._file.seek(self._at + first * self._plane)
        while wanted:
            got = self._file.readinto(wanted)
            if not got:
                raise OSError(f"the file ends {len(wanted)} bytes before them")
            wanted = wanted[got:]
        if self._swap:
            into.byteswap(inplace=True)


class _Sliced(_Read):
    """Samples of anything with `shape`, `dtype` and slicing: zarr, h5py, a tensor on another device."""

    def __init__(self, volume: Any, dtype: np.dtype[Any], name: str) -> None:
        super().__init__(_volume_shape(tuple(volume.shape), name), dtype)
        self._volume, self._name = volume, name
        chunks = getattr(volume, "chunks", None)
        self.layer = int(chunks[0]) if isinstance(chunks, tuple) and isinstance(chunks[0], int) else 1
        self._direct = hasattr(volume, "read_direct") and volume.dtype == dtype  # h5py: no copy on the way
        self.passing = 0 if self._direct else dtype.itemsize

    def read(self, first: int, last: int, into: Array) -> None:
        if self._direct:
            self._volume.read_direct(into, np.s_[first:last])
        else:
            into[...] = as_planes(self._volume[first:last], into, f"{self._name}[{first}:{last}]")


class _Called(_Read):
    """Samples that a function gives."""

    def __init__(self, planes: Callable[[int, int], Any], shape: Any, name: str) -> None:
        if shape is None:
            raise TypeError(f"{name} is a function of planes, which needs shape=(Nz, Ny, Nx), got None")
        sides = _volume_shape(_sides(shape), name)
        first = _numpy(planes(0, 1), f"{name}(0, 1)")
        super().__init__(sides, sample_dtype(first.dtype, f"{name}(0, 1)"))
        self._call, self._name, self.passing = planes, name, np.dtype(self.dtype).itemsize

    def read(self, first: int, last: int, into: Array) -> None:
        into[...] = as_planes(self._call(first, last), into, f"{self._name}({first}, {last})")


def source(value: Any, name: str = "vol", shape: Any = None) -> Source:
    """Return what gives the planes of a volume; `name` is the argument's, for the errors' texts."""
    if _is_function(value):
        return _Called(value, shape, name)
    found = _array(value, name)
    if shape is not None and _sides(shape) != found.shape:
        raise ValueError(f"shape must be that of {name}, {found.shape}, or None, got {shape!r}")
    return found


def _is_function(value: Any) -> bool:
    return callable(value) and not hasattr(value, "shape")


def _array(value: Any, name: str) -> Source:
    if _is_tensor(value) and value.device.type == "cpu":
        return _tensor(value, name)
    if not all(hasattr(value, needed) for needed in ("shape", "dtype", "__getitem__")):
        kind = type(value).__name__
        raise TypeError(f"{name} must have shape, dtype and slicing, or be a function f(z0, z1), got {kind}")
    if _is_tensor(value):
        return _Sliced(value, _numpy(value[:0], name).dtype, name)
    dtype = sample_dtype(np.dtype(value.dtype), name)
    refuse_masked(value, name, f": pass {name}.filled(...)")
    if isinstance(value, np.memmap) and (at := _place_in_file(value)) is not None:
        file = _file_behind(value)
        if file is not None:
            return _File(value, file, at, name)
    if isinstance(value, np.ndarray) and not isinstance(value, np.memmap):
        whole = value.flags.aligned and all(step % value.itemsize == 0 for step in value.strides)
        if whole and value.dtype == dtype and value.dtype.isnative:
            return _Held(planes_of(value, 0), _volume_shape(value.shape, name))
    return _Sliced(value, dtype, name)


def mask_source(value: Any, vol: Source) -> Source:
    """Return what gives the planes of a mask."""
    mask = source(value, "mask", vol.shape if _is_function(value) else None)
    if mask.dtype != "bool":
        raise TypeError(f"mask must have dtype bool, got {mask.dtype}")
    if mask.shape != vol.shape:
        raise ValueError(f"mask must have the shape of vol, {vol.shape}, got shape {mask.shape}")
    return mask


def sample_dtype(dtype: np.dtype[Any], name: str) -> np.dtype[Any]:
    """Return the type in which samples are handed to the core."""
    if dtype.kind == "f" and dtype.itemsize > 8:
        return np.dtype(np.float64)
    plain: np.dtype[Any] = np.dtype(dtype.newbyteorder("=").str)
    if plain.name not in _DTYPES:
        raise TypeError(f"{name} must have a real dtype, got {dtype}")
    return plain


def as_planes(value: Any, into: Array, name: str) -> Array:
    """Check what was given for an array's planes."""
    got = _numpy(value, name)
    if got.shape != into.shape:
        raise ValueError(f"{name} must have shape {into.shape}, got shape {got.shape}")
    if sample_dtype(got.dtype, name) != into.dtype:
        raise TypeError(f"{name} must have dtype {into.dtype}, got {got.dtype}")
    return got


def _sides(shape: Any) -> Shape:
    """Check what was passed as a shape."""
    try:
        nz, ny, nx = (index(n) for n in shape)
    except (TypeError, ValueError):
        raise TypeError(f"shape must be three integers (Nz, Ny, Nx), got {shape!r}") from None
    return nz, ny, nx


def _volume_shape(shape: tuple[int, ...], name: str) -> Shape:
    if len(shape) != 3:
        raise ValueError(f"{name} must have 3 dimensions (Nz, Ny, Nx), got shape {shape}")
    if min(shape) < 1:
        raise ValueError(f"{name} must have no empty side, got shape {shape}")
    if shape[2] > MOST_IN_A_ROW:
        raise ValueError(f"{name} must have at most {MOST_IN_A_ROW} samples a row (Nx), got shape {shape}")
    nz, ny, nx = (int(n) for n in shape)
    return nz, ny, nx


def _place_in_file(mapped: np.memmap[Any, Any]) -> int | None:
    """Return where in its file a map's samples begin; None where they are not one run of the file's own."""
    whole = getattr(mapped, "_mmap", None)
    private = getattr(mapped, "mode", "c") == "c"  # what was written to it is in memory only
    if whole is None or private or mapped.filename is None or not mapped.flags.c_contiguous:
        return None
    if mapped.ndim != 3 or mapped.size == 0 or sample_dtype(mapped.dtype, "vol").itemsize != mapped.itemsize:
        return None
    import mmap  # noqa: PLC0415 - only maps need it

    start = mapped.offset - mapped.offset % mmap.ALLOCATIONGRANULARITY
    within = mapped.ctypes.data - np.frombuffer(whole, np.uint8).ctypes.data
    return int(start + within)


def _file_behind(mapped: np.memmap[Any, Any]) -> FileIO | None:
    """Open a map's file; None where its name is gone, or may be another file's by now."""
    import mmap  # noqa: PLC0415 - only maps need it

    try:
        file = open(str(mapped.filename), "rb", buffering=0)  # noqa: PTH123, SIM115 - kept open
    except OSError:
        return None
    if os.name == "nt":  # where a file that is mapped keeps its name
        return file
    try:
        probe = np.frombuffer(mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ), np.uint8)
        behind = _mapped_at(mapped.ctypes.data)
        if behind is not None and behind == _mapped_at(probe.ctypes.data):
            return file
    except (OSError, ValueError):  # an empty file cannot be mapped
        pass
    file.close()
    return None


def _mapped_at(address: int) -> tuple[str, str] | None:
    """Return the device and inode of the file that lies at an address; None where the system does not say."""
    with open("/proc/self/maps", "rb") as maps:  # noqa: PTH123
        for line in maps:
            span, _, _, device, inode = line.decode("ascii", "replace").split()[:5]
            first, last = (int(edge, 16) for edge in span.split("-"))
            if first <= address < last:
                return None if inode == "0" else (device, inode)
    return None


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")  # without it there is no tensor
    return torch is not None and isinstance(value, torch.Tensor)


def _tensor(value: Any, name: str) -> Source:
    from ..arguments.samples import checked  # noqa: PLC0415 - torch

    samples = checked(value, name)
    shape = _volume_shape(samples.shape, name)
    planes = Planes(samples.owner, samples.address, samples.dtype, samples.strides, 0, shape[0])
    return _Held(planes, shape)


def _numpy(value: Any, name: str) -> Array:
    if hasattr(value, "__dask_graph__"):  # NumPy would drop the mask of what it computes
        value = value.compute()
    refuse_masked(value, name)
    if _is_tensor(value):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # each of its values is a float32, and NumPy lacks it
            value = value.float()
    return np.asarray(value)
