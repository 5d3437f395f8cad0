# SPDX-License-Identifier: MIT
"""The CUDA backend: chooses the kernels for a device, and hands tensors to them as addresses."""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import _checks, _core

_INT32_MAX = 2**31 - 1
# Its name before torch 2.5.
_OutOfMemoryError = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)
_FOLDER = Path(__file__).parent / "kernels"
_loaded: dict[int, _core.CudaKernels] = {}
_loading = threading.Lock()


class NoKernels(Exception):
    """No kernel aboard runs on a device: why, and what helps."""


@lru_cache(maxsize=1)
def manifest() -> dict[str, Any]:
    """Return what kernels are aboard: compiler, options, cubins and PTX by capability (90 for 9.0)."""
    path = _FOLDER / "manifest.json"
    if not path.exists():
        return {"compiler": None, "options": [], "cubins": [], "ptx": []}
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def image_for(capability: tuple[int, int], cubins: list[int], ptx: list[int]) -> str | None:
    """Return the file, of those aboard, that serves a compute capability, or None.

    A cubin runs on its own capability and on higher ones of the same major version; PTX is compiled by
    the driver for any capability from its own on.
    """
    number = 10 * capability[0] + capability[1]
    fitting = [c for c in cubins if c // 10 == capability[0] and c <= number]
    if fitting:
        return f"sm_{max(fitting)}.cubin"
    older = [p for p in ptx if p <= number]
    return f"compute_{max(older)}.ptx" if older else None


def choose_image(capability: tuple[int, int]) -> str | None:
    """Return this build's file that serves a compute capability, or None."""
    return image_for(capability, manifest()["cubins"], manifest()["ptx"])


def _served() -> str:
    aboard = sorted({*manifest()["cubins"], *manifest()["ptx"]})
    return f"{aboard[0] // 10}.{aboard[0] % 10} to {aboard[-1] // 10}.{aboard[-1] % 10}"


def kernels_for(device: torch.device) -> _core.CudaKernels:
    """Return the kernels loaded on a device, loading them at its first use.

    Raises:
        NoKernels: none aboard runs there, or the driver refused them.
    """
    index = torch.cuda.current_device() if device.index is None else device.index
    kernels = _loaded.get(index)
    if kernels is not None:
        return kernels
    capability = torch.cuda.get_device_capability(index)
    image = choose_image(capability)
    if image is None:
        name = torch.cuda.get_device_name(index)
        raise NoKernels(
            f"its kernels serve compute capability {_served()}, and {name} has "
            f"{capability[0]}.{capability[1]}"
        )
    with _loading:
        if index not in _loaded:
            try:
                _loaded[index] = _core.CudaKernels(index, (_FOLDER / image).read_bytes())
            except RuntimeError as error:
                raise NoKernels(f"{image} does not load: {error}") from error
    return _loaded[index]


def current_stream(device: torch.device) -> int:
    """Return torch's current stream on a device, as the driver's handle."""
    handle: int = torch.cuda.current_stream(device).cuda_stream
    return handle


def marching_cubes(
    kernels: _core.CudaKernels, stream: int, vol: Tensor, dtype: str, level: float
) -> tuple[Tensor, Tensor]:
    """Extract from a checked volume on the kernels' device; `dtype` is the core's name of its type."""
    scratch = torch.empty(_core.cuda_scratch_bytes(vol.shape), dtype=torch.uint8, device=vol.device)
    try:
        plan = _core.cuda_prepare(
            kernels, stream, vol.data_ptr(), dtype, vol.shape, vol.stride(), level, scratch.data_ptr()
        )
        if plan.has_nan:
            raise _checks.no_nan(vol)
        coordinate = torch.float64 if dtype == "float64" else torch.float32
        wide = plan.vertices > _INT32_MAX
        index = torch.int64 if wide else torch.int32
        verts = torch.empty((plan.vertices, 3), dtype=coordinate, device=vol.device)
        faces = torch.empty((plan.triangles, 3), dtype=index, device=vol.device)
        plan.emit(verts.data_ptr(), faces.data_ptr(), wide)
    except _core.CudaOutOfMemory as error:
        raise _OutOfMemoryError(str(error)) from error
    # `scratch` goes back to torch's allocator, which gives it out again in the order of the stream.
    return verts, faces


def grid_interp(kernels: _core.CudaKernels, stream: int, vol: Tensor, points: Tensor) -> Tensor:
    """Interpolate checked tensors; computes in float64 where the volume is, else in float32."""
    real = torch.float64 if vol.dtype == torch.float64 else torch.float32
    vol = vol.to(real).contiguous()
    points = points.to(real).contiguous()
    values = torch.empty((len(points), len(vol)), dtype=real, device=vol.device)
    _core.cuda_grid_interp(
        kernels,
        stream,
        vol.data_ptr(),
        vol.shape,
        points.data_ptr(),
        len(points),
        values.data_ptr(),
        real == torch.float64,
    )
    return values
