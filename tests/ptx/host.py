# SPDX-License-Identifier: MIT
"""The package's own calls on the interpreted GPU: what they allocate lies in the device's arena."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torchmcubes_bw
from ptx.driver import Device
from torch import Tensor
from torchmcubes_bw import _checks, _core, _cuda

KERNELS = Path(torchmcubes_bw.__file__).parent / "kernels"


def shipped() -> Path:
    """Return the PTX of the installed package."""
    (path,) = KERNELS.glob("compute_*.ptx")
    return path


class Host:
    """Calls marching_cubes and grid_interp on a device; tensors are copied to it and back."""

    def __init__(self, device: Device, ptx: bytes) -> None:
        self.device = device
        self.kernels = self._told(_core.CudaKernels, 0, ptx + b"\0")
        self.bottom = device.arena.top

    def marching_cubes(
        self, vol: Tensor, level: float, wide: bool = False, shift: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Extract; with `wide` the faces are int64, with `shift` the samples begin so many bytes later."""
        self.reset()
        samples, dtype = _checks.native(_checks.volume(vol, "Nz, Ny, Nx"))
        samples = self.to_device(samples, shift)
        with self._in_arena(), mock.patch.object(_cuda, "_INT32_MAX", -1 if wide else 2**31 - 1):
            verts, faces = self._told(_cuda.marching_cubes, self.kernels, 0, samples, dtype, level)
        return _checks.narrowed(verts.clone(), vol), faces.clone()

    def grid_interp(self, vol: Tensor, points: Tensor) -> Tensor:
        self.reset()
        vol, points = self.to_device(vol), self.to_device(points)
        with self._in_arena():
            return self._told(_cuda.grid_interp, self.kernels, 0, vol, points).clone()

    def reset(self) -> None:
        """Free what the last call allocated."""
        arena = self.device.arena
        arena.state[self.bottom : arena.top] = 0
        arena.top = self.bottom
        self.device.error = None

    def _told(self, call: Any, *arguments: Any) -> Any:
        """Call; an error of the interpreter comes out as it was, not as the driver's text."""
        try:
            return call(*arguments)
        except RuntimeError:
            if self.device.error is not None:
                raise self.device.error from None
            raise

    def allocate(self, size: int, shift: int = 0, written: bool = False) -> np.ndarray:
        arena = self.device.arena
        at = arena.allocate(size, shift=shift)
        if written:
            arena.state[at : at + size] = 2
        return arena.bytes[at : at + size]

    def to_device(self, tensor: Tensor, shift: int = 0) -> Tensor:
        """Return a copy in the arena with the same strides; of what lies between its elements, nothing is allocated."""
        tensor = tensor.detach()
        item = tensor.element_size()
        spans = [(n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True) if n]
        extent = (sum(spans) + 1) * item if tensor.numel() else 0
        bytes_ = self.allocate(max(extent, item), shift)
        copy = torch.from_numpy(bytes_).view(tensor.dtype).as_strided(tensor.shape, tensor.stride())
        state = self.device.arena.state[bytes_.ctypes.data - self.device.arena.base :][: max(extent, item)]
        state[:] = 0
        if tensor.numel():
            known = torch.from_numpy(state.reshape(-1, item)).as_strided(
                (*tensor.shape, item), (*(s * item for s in tensor.stride()), 1)
            )
            known.fill_(2)
            overlapping = any(s == 0 for s in tensor.stride())
            (copy[_first(tensor)] if overlapping else copy).copy_(
                tensor[_first(tensor)] if overlapping else tensor
            )
        return copy

    @contextlib.contextmanager
    def _in_arena(self) -> Iterator[None]:
        """Let torch.empty allocate in the arena."""

        def empty(size: Any, *, dtype: torch.dtype, device: Any = None) -> Tensor:
            shape = (size,) if isinstance(size, int) else tuple(size)
            count = int(np.prod(shape, dtype=np.int64))
            bytes_ = self.allocate(max(count, 1) * dtype.itemsize)
            if not count:
                return torch.zeros(shape, dtype=dtype)
            return torch.from_numpy(bytes_).view(dtype).reshape(shape)

        with mock.patch.object(torch, "empty", empty):
            yield


def _first(tensor: Tensor) -> tuple[Any, ...]:
    """Return an index that takes one element of each side that repeats itself."""
    return tuple(slice(0, 1) if stride == 0 else slice(None) for stride in tensor.stride())
