# SPDX-License-Identifier: MIT
"""The package's own calls on the interpreted GPU: what they allocate lies in the device's arena."""

from __future__ import annotations

import contextlib
import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torchmcubes_bw
from ptx.driver import Device
from ptx.memory import FREE, WRITTEN
from ptx.program import PtxError
from torch import Tensor
from torchmcubes_bw import _core
from torchmcubes_bw.arguments.batch import Room, batch
from torchmcubes_bw.arguments.blocks import Blocks
from torchmcubes_bw.arguments.options import Method
from torchmcubes_bw.arguments.points import points as checked_points
from torchmcubes_bw.arguments.request import request
from torchmcubes_bw.arguments.samples import checked
from torchmcubes_bw.arguments.volume import volume
from torchmcubes_bw.backends import cuda, cuda_batches, cuda_dual_batches, cuda_gradient, cuda_sparse
from torchmcubes_bw.backends.batches import Packed
from torchmcubes_bw.backends.converted import as_kernels_read
from torchmcubes_bw.backends.cpu_gradient import Direction, Gradients

KERNELS = Path(torchmcubes_bw.__file__).parent / "kernels"


def all_shipped() -> list[Path]:
    """Return the installed package's PTX files, the newest architecture's first."""
    return sorted(KERNELS.glob("compute_*.ptx.xz"), key=lambda path: -int(re.findall(r"\d+", path.name)[0]))


def shipped() -> Path:
    """Return the installed package's PTX for the newest architecture."""
    return all_shipped()[0]


def read_ptx(path: Path) -> str:
    """Return the text of a PTX file, packed or not, without the zero at its end."""
    held = path.read_bytes()
    return (lzma.decompress(held) if path.suffix == ".xz" else held).decode().rstrip("\0")


class Host:
    """Calls marching_cubes and grid_interp on a device; tensors are copied to it and back."""

    def __init__(self, device: Device, ptx: bytes) -> None:
        self.device = device
        self.kernels = self._told(_core.CudaKernels, 0, ptx + b"\0")
        self.bottom = device.arena.top
        self.seed = 1

    def marching_cubes(
        self,
        vol: Tensor,
        level: float,
        wide: bool = False,
        shift: int = 0,
        mask: Tensor | None = None,
        nan: str = "raise",
        border: str = "open",
        spacing: tuple[float, float, float] | None = None,
    ) -> tuple[Tensor, ...]:
        """Extract; with `wide` the faces are int64, with `shift` the samples begin so many bytes later.

        With `spacing` there are normals too.
        """
        self.reset()
        samples = volume(self.to_device(vol, shift), "Nz, Ny, Nx")
        which = None if mask is None else self.to_device(mask)
        asked = request(samples, level, which, nan, border)
        if spacing is not None:
            asked = asked._replace(spacing=spacing)
        with self._in_arena(), mock.patch.object(cuda, "INT32_MAX", -1 if wide else 2**31 - 1):
            made = self._told(cuda.surface, self.kernels, 0, asked, spacing is not None)
        return tuple(self._result(part) for part in made if part is not None)

    def dual(
        self,
        vol: Tensor,
        level: float,
        quads: bool = False,
        wide: bool = False,
        spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
        mask: Tensor | None = None,
        nan: str = "raise",
        border: str = "open",
    ) -> tuple[Tensor, Tensor]:
        """Extract the dual mesh."""
        self.reset()
        samples = volume(self.to_device(vol), "Nz, Ny, Nx")
        which = None if mask is None else self.to_device(mask)
        asked = request(samples, level, which, nan, border)._replace(spacing=spacing)
        with self._in_arena(), mock.patch.object(cuda, "INT32_MAX", -1 if wide else 2**31 - 1):
            verts, faces = self._told(cuda.dual, self.kernels, 0, asked, quads)
        return self._result(verts), self._result(faces)

    def gradient(
        self,
        vol: Tensor,
        level: float,
        verts: Tensor,
        asked: tuple[bool, bool] = (True, True),
        direction: Direction | None = None,
        mask: Tensor | None = None,
        nan: str = "raise",
        border: str = "open",
    ) -> Gradients:
        """Return the gradients of vertices by volume and level, or their derivatives in a direction."""
        self.reset()
        samples = volume(self.to_device(vol), "Nz, Ny, Nx")
        which = None if mask is None else self.to_device(mask)
        wanted = request(samples, level, which, nan, border)
        towards = direction and direction._replace(volume=self.to_device(direction.volume))
        with self._in_arena():
            given = self.kernels, 0, wanted, self.to_device(verts), *asked, towards
            found = self._told(cuda_gradient.vertices, *given)
        by_volume, moved = (
            None if part is None else self._result(part) for part in (found.volume, found.verts)
        )
        return Gradients(by_volume, found.level, moved)

    def batch(
        self,
        vol: Tensor,
        levels: list[float],
        room: Room | None = None,
        mask: Tensor | None = None,
        nan: str = "raise",
        border: str = "open",
        wide: bool = False,
        method: Method = Method(False, 0),  # noqa: B008 - a constant
    ) -> Packed:
        """Extract from several volumes, or into results of a fixed size."""
        self.reset()
        samples = checked(self.to_device(vol), "vol")
        which = None if mask is None else self.to_device(mask)
        asked = batch(request(samples, levels[0], which, nan, border), levels, room, method)
        made = cuda_dual_batches.surfaces if method.dual else cuda_batches.surfaces
        with self._in_arena(), mock.patch.object(cuda_batches, "INT32_MAX", -1 if wide else 2**31 - 1):
            found = self._told(made, self.kernels, 0, asked)
        return Packed(*(None if part is None else self._result(part) for part in found))

    def sparse(self, asked: Blocks) -> tuple[Tensor, Tensor] | None:
        """Extract cells or blocks, or find that they make no mesh; torch sorts them on the host."""
        self.reset()

        def listed_there(asked: Blocks) -> cuda_sparse.Listed | None:
            found = listed(asked)
            there = {name: self.to_device(getattr(found, name)) for name in ("keys", "order", "words")}
            return found._replace(**there)

        listed = cuda_sparse.listed
        real = cuda_sparse.as_real
        with (
            self._in_arena(),
            mock.patch.object(cuda_sparse, "listed", listed_there),
            mock.patch.object(cuda_sparse, "as_real", lambda values: self.to_device(real(values))),
        ):
            made = self._told(cuda_sparse.surface, self.kernels, 0, asked)
        return None if made is None else (self._result(made.verts), self._result(made.faces))

    def grid_interp(self, vol: Tensor, points: Tensor) -> Tensor:
        self.reset()
        samples = volume(self.to_device(vol), "C, Nz, Ny, Nx")
        with self._in_arena():
            at = checked_points(self.to_device(points), samples)
            return self._result(self._told(cuda.grid_interp, self.kernels, 0, samples, at))

    def gradient_by_points(self, vol: Tensor, points: Tensor, values: Tensor) -> Tensor:
        """Return the gradient of interpolated values by the points."""
        self.reset()
        samples = volume(self.to_device(vol), "C, Nz, Ny, Nx")
        with self._in_arena():
            given = samples, checked_points(self.to_device(points), samples), self.to_device(values)
            return self._result(self._told(cuda_gradient.by_points, self.kernels, 0, *given))

    def reset(self) -> None:
        """Free what the last call allocated."""
        self.device.arena.free_from(self.bottom)
        self.device.error = None

    def _told(self, call: Any, *arguments: Any) -> Any:
        """Call; an error of the interpreter comes out as it was, not as the driver's text."""
        try:
            return call(*arguments)
        except RuntimeError:
            if self.device.error is not None:
                raise self.device.error from None
            raise

    def _result(self, result: Tensor) -> Tensor:
        """Return a copy of a result, all of which must have been written."""
        at = result.data_ptr() - self.device.arena.base
        state = self.device.arena.state[at : at + result.nbytes] if self._holds(result) else None
        if self.device.rules.checked and state is not None and (state != WRITTEN).any():
            raise PtxError(f"a result of shape {tuple(result.shape)} is not written all over")
        return result.clone()

    def _holds(self, tensor: Tensor) -> bool:
        return 0 <= tensor.data_ptr() - self.device.arena.base < self.device.arena.size

    def allocate(self, size: int, what: str, shift: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return fresh bytes in the arena, and their states."""
        arena = self.device.arena
        at = arena.allocate(size, what, shift)
        return arena.bytes[at : at + size], arena.state[at : at + size]

    def to_device(self, tensor: Tensor, shift: int = 0) -> Tensor:
        """Return a copy in the arena with the same strides; between its elements nothing is allocated."""
        item = tensor.element_size()
        steps = [(n - 1) * stride for n, stride in zip(tensor.shape, tensor.stride(), strict=True)]
        bytes_, state = self.allocate((sum(steps) + 1) * item if tensor.numel() else item, "samples", shift)
        state[:] = FREE
        copy = torch.from_numpy(bytes_).view(tensor.dtype).as_strided(tensor.shape, tensor.stride())
        if tensor.numel():
            once = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in tensor.stride())
            copy[once].copy_(tensor[once])
            strides = (*(stride * item for stride in tensor.stride()), 1)
            torch.from_numpy(state).as_strided((*tensor.shape, item), strides).fill_(WRITTEN)
        return copy

    @contextlib.contextmanager
    def _in_arena(self) -> Iterator[None]:
        """Let torch.empty allocate in the arena, and what is converted go there."""

        no_rows = torch.zeros

        def empty(size: Any, *, dtype: torch.dtype, **_device: Any) -> Tensor:
            shape = (size,) if isinstance(size, int) else tuple(size)
            count = int(np.prod(shape, dtype=np.int64))
            if not count:
                return no_rows(shape, dtype=dtype)
            what = "scratch" if dtype == torch.uint8 else "results"
            bytes_, _ = self.allocate(count * dtype.itemsize, what)
            return torch.from_numpy(bytes_).view(dtype).reshape(shape)

        def zeros(size: Any, *, dtype: torch.dtype, **_device: Any) -> Tensor:
            result = empty(size, dtype=dtype).zero_()
            if self._holds(result):
                at = result.data_ptr() - self.device.arena.base
                self.device.arena.state[at : at + result.nbytes] = WRITTEN
            return result

        def levels_there(levels: list[float], _device: Any) -> Tensor:
            return self.to_device(torch.tensor(levels, dtype=torch.float64))

        def converted_there(vol: Any) -> Tensor:
            samples = as_kernels_read(vol)
            return samples if self._holds(samples) else self.to_device(samples)

        with (
            mock.patch.object(torch, "empty", empty),
            mock.patch.object(torch, "zeros", zeros),
            mock.patch.object(cuda, "as_kernels_read", converted_there),
            mock.patch.object(cuda_batches, "as_kernels_read", converted_there),
            mock.patch.object(cuda_gradient, "as_kernels_read", converted_there),
            mock.patch.object(cuda_batches, "levels_on", levels_there),
        ):
            yield
