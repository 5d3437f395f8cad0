# SPDX-License-Identifier: MIT
"""The CUDA backend: chooses the kernels for a device, and hands tensors to them as addresses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import _checks, _core

_INT32_MAX = 2**31 - 1
# Its name before torch 2.5.
_OutOfMemoryError = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)
# A build without kernels has no such error, and none to translate.
_CudaOutOfMemory: Any = getattr(_core, "CudaOutOfMemory", ())
# Jetson's and its relatives' (TX1, TX2, Xavier, Orin, Thor, under its name of CUDA 12 too). A cubin runs on
# another minor version among desktop GPUs only, never from or to one of these.
TEGRA = {53, 62, 72, 87, 101, 110}
_FOLDER = Path(__file__).parent / "kernels"
_loaded: dict[int, _core.CudaKernels | str] = {}  # a text is why none could be loaded
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


def images_for(capability: tuple[int, int], cubins: list[int], ptx: list[int]) -> list[str]:
    """Return the files, of those aboard, that serve a compute capability, best first.

    A cubin runs on its own capability and, Tegra's excepted, on higher ones of the same major version; PTX is
    compiled by the driver for any capability from its own on.
    """
    number = 10 * capability[0] + capability[1]
    fitting = [c for c in cubins if c == number or _runs_on_a_later(c, number)]
    older = [p for p in ptx if p <= number]
    return [f"sm_{c}.cubin" for c in sorted(fitting)[-1:]] + [f"compute_{p}.ptx" for p in sorted(older)[-1:]]


def _runs_on_a_later(cubin: int, number: int) -> bool:
    return cubin // 10 == number // 10 and cubin < number and not TEGRA & {cubin, number}


def image_for(capability: tuple[int, int], cubins: list[int], ptx: list[int]) -> str | None:
    """Return the file that is tried first, or None."""
    return next(iter(images_for(capability, cubins, ptx)), None)


def choose_image(capability: tuple[int, int]) -> str | None:
    """Return this build's file that serves a compute capability, or None."""
    return image_for(capability, manifest()["cubins"], manifest()["ptx"])


def _dotted(number: int) -> str:
    return f"{number // 10}.{number % 10}"


def _unserved(capability: tuple[int, int], name: str) -> str:
    """Say what the kernels aboard serve, and that it is not this GPU."""
    cubins, ptx = manifest()["cubins"], manifest()["ptx"]
    served = [_dotted(c) for c in cubins if not ptx or c < min(ptx)]
    served += [f"{_dotted(p)} and newer" for p in sorted(ptx)[:1]]
    tegra = ", a Tegra, which runs none but its own" if 10 * capability[0] + capability[1] in TEGRA else ""
    return (
        f"its kernels serve compute capability {', '.join(served)}, and {name} has "
        f"{capability[0]}.{capability[1]}{tegra}: docs/blackwell.md tells how to build for it"
    )


def kernels_for(device: torch.device) -> _core.CudaKernels:
    """Return the kernels loaded on a device, loading them at its first use.

    Raises:
        NoKernels: none aboard runs there, or the driver refused them.
        torch.OutOfMemoryError: the GPU's memory has no room for them now.
    """
    index = torch.cuda.current_device() if device.index is None else device.index
    kernels = _loaded.get(index)
    if kernels is None:
        with _loading:
            if index not in _loaded:
                _loaded[index] = _load(index)
            kernels = _loaded[index]
    if isinstance(kernels, str):
        raise NoKernels(kernels)
    return kernels


def _load(index: int) -> _core.CudaKernels | str:
    """Load the best image that the driver takes, or tell why it takes none."""
    capability = torch.cuda.get_device_capability(index)
    refused = []
    for image in images_for(capability, manifest()["cubins"], manifest()["ptx"]):
        try:
            with _memory_errors():
                return _core.CudaKernels(index, (_FOLDER / image).read_bytes())
        except _OutOfMemoryError:
            raise
        except (RuntimeError, OSError) as error:
            refused.append(f"{image} does not load: {error}")
    return "; ".join(refused) or _unserved(capability, torch.cuda.get_device_name(index))


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Turn the driver's out of memory into torch's."""
    try:
        yield
    except _CudaOutOfMemory as error:
        raise _OutOfMemoryError(str(error)) from error


def current_stream(device: torch.device) -> int:
    """Return torch's current stream on a device, as the driver's handle."""
    handle: int = torch.cuda.current_stream(device).cuda_stream
    return handle


def marching_cubes(
    kernels: _core.CudaKernels, stream: int, vol: Tensor, dtype: str, level: float
) -> tuple[Tensor, Tensor]:
    """Extract from a checked volume on the kernels' device; `dtype` is the core's name of its type."""
    scratch = torch.empty(_core.cuda_scratch_bytes(vol.shape), dtype=torch.uint8, device=vol.device)
    with _memory_errors():
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
    # `scratch` goes back to torch's allocator, which gives it out again in the order of the stream.
    return verts, faces


def grid_interp(kernels: _core.CudaKernels, stream: int, vol: Tensor, points: Tensor) -> Tensor:
    """Interpolate checked tensors; computes in float64 where the volume is, else in float32."""
    real = torch.float64 if vol.dtype == torch.float64 else torch.float32
    vol = vol.to(real).contiguous()
    points = points.to(real).contiguous()
    values = torch.empty((len(points), len(vol)), dtype=real, device=vol.device)
    with _memory_errors():
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
