# SPDX-License-Identifier: MIT
"""The CUDA backend: loads the kernels on a device, and hands samples to them as addresses."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from .. import _core
from ..arguments.placement import Triple
from ..arguments.request import Request
from ..arguments.samples import Samples
from ..arguments.volume import has_changed, no_nan, no_nan_in_mask
from . import kernel_files
from .converted import NATIVE, as_kernels_read, narrowed
from .results import INT32_MAX, Surface

_Told = tuple[int, str, Sequence[int], Sequence[int], float, int, Sequence[int], bool, bool]

_OutOfMemoryError = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)
# A build without kernels has no such error, and none to translate.
_CudaOutOfMemory: Any = getattr(_core, "CudaOutOfMemory", ())
_CudaImageRefused: Any = getattr(_core, "CudaImageRefused", ())
_loaded: dict[int, _core.CudaKernels | str] = {}  # a text is why none can ever be loaded
_loading = threading.Lock()


class NoKernels(Exception):
    """No kernel aboard runs on a device: why, and what helps."""


def kernels_for(device: torch.device) -> _core.CudaKernels:
    """Return the kernels loaded on a device, loading them at its first use.

    Raises:
        NoKernels: none aboard runs there, or the driver takes none of them.
        torch.OutOfMemoryError: the GPU's memory has no room for them now.
        RuntimeError: they cannot be loaded now, for a reason that may pass: a stream is being captured into a
            CUDA graph, or the driver says so.
    """
    index = torch.cuda.current_device() if device.index is None else device.index
    kernels = _loaded.get(index)
    if kernels is None:
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            raise RuntimeError(
                "the kernels are not loaded yet, and cannot be while a CUDA graph is captured: "
                "call grid_interp before"
            )
        with _loading:
            if index not in _loaded:
                _loaded[index] = _load(index)
            kernels = _loaded[index]
    if isinstance(kernels, str):
        raise NoKernels(kernels)
    return kernels


def _load(index: int) -> _core.CudaKernels | str:
    """Load the best image that the driver takes, or tell why it takes none; what may pass is raised."""
    capability = torch.cuda.get_device_capability(index)
    refused, aboard = [], kernel_files.manifest()
    for image in kernel_files.images_for(capability, aboard["cubins"], aboard["ptx"]):
        try:
            with memory_errors():
                return _core.CudaKernels(index, kernel_files.read(image))
        except (_CudaImageRefused, OSError) as error:
            refused.append(f"{image} does not load: {error}")
    return "; ".join(refused) or kernel_files.unserved(capability, torch.cuda.get_device_name(index))


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn the driver's out of memory into torch's."""
    try:
        yield
    except _CudaOutOfMemory as error:
        raise _OutOfMemoryError(str(error)) from error


def current_stream(device: torch.device) -> int:
    """Return torch's current stream on a device, as the driver's handle."""
    handle: int = torch.cuda.current_stream(device).cuda_stream
    return handle


def told(request: Request, samples: Tensor) -> _Told:
    """Return what the core is told of a request whose samples are in a dtype that the kernels read."""
    mask, skip_nan = request.mask, request.skip_nan and samples.is_floating_point()
    return (
        samples.data_ptr(),
        NATIVE[samples.dtype],
        samples.shape,
        samples.stride(),
        request.level,
        mask.address if mask else 0,
        mask.strides if mask else (0, 0, 0),
        skip_nan,
        request.closed,
    )


def scratch_for(request: Request, samples: Tensor, bytes_for: Any) -> Tensor:
    """Allocate what a request needs besides its result; afterwards it goes back to torch's allocator.

    That gives it out again in the order of the stream.
    """
    selects = request.mask is not None or (request.skip_nan and samples.is_floating_point())
    size = bytes_for(samples.shape, selects, request.closed)
    return torch.empty(size, dtype=torch.uint8, device=samples.device)


def surface(kernels: _core.CudaKernels, stream: int, request: Request, normals: bool = False) -> Surface:
    """Extract what is asked, on the kernels' device."""
    vol = request.volume
    samples, device = as_kernels_read(vol), vol.device
    scratch = scratch_for(request, samples, _core.cuda_scratch_bytes)
    with memory_errors():
        plan = _core.cuda_prepare(kernels, stream, *told(request, samples), scratch.data_ptr())
        if plan.has_nan:
            refuse_nan(vol, samples, request.mask)
            raise has_changed(vol)
        coordinate = torch.float64 if samples.dtype == torch.float64 else torch.float32
        wide = plan.vertices > INT32_MAX
        index = torch.int64 if wide else torch.int32
        verts = torch.empty((plan.vertices, 3), dtype=coordinate, device=device)
        faces = torch.empty((plan.triangles, 3), dtype=index, device=device)
        plan.emit(verts.data_ptr(), faces.data_ptr(), wide)
        if normals:
            directions = torch.empty((plan.vertices, 3), dtype=coordinate, device=device)
            plan.emit_normals(directions.data_ptr(), request.spacing)
    return Surface(narrowed(verts, vol), faces, narrowed(directions, vol) if normals else None)


def dual(kernels: _core.CudaKernels, stream: int, request: Request, quads: bool) -> tuple[Tensor, Tensor]:
    """Extract the dual mesh of what is asked, on the kernels' device."""
    vol = request.volume
    samples = as_kernels_read(vol)
    with memory_errors():
        plan, _kept = prepare_dual(kernels, stream, request, samples)
        if plan.has_nan:
            refuse_nan(vol, samples, request.mask)
            raise has_changed(vol)
        return emit_dual(plan, vol, quads)


def prepare_dual(
    kernels: _core.CudaKernels,
    stream: int,
    request: Request,
    samples: Tensor,
    offsets_at: int = 0,
    totals_at: int = 0,
    most: tuple[int, int] = (0, 0),
) -> tuple[_core.CudaDualPlan, Tensor]:
    """Count; return the plan, and the memory that must stay until it is emitted."""
    scratch = scratch_for(request, samples, _core.cuda_dual_scratch_bytes)
    asked, results = (*told(request, samples), request.spacing), (offsets_at, totals_at, most)
    return _core.cuda_prepare_dual(kernels, stream, *asked, *results, scratch.data_ptr()), scratch


def emit_dual(plan: _core.CudaDualPlan, vol: Samples, quads: bool) -> tuple[Tensor, Tensor]:
    """Allocate a counted mesh and write it."""
    double, wide = vol.dtype == "float64", plan.vertices > INT32_MAX
    coordinate, index = torch.float64 if double else torch.float32, torch.int64 if wide else torch.int32
    rows, columns = (plan.quads, 4) if quads else (2 * plan.quads, 3)
    verts = torch.empty((plan.vertices, 3), dtype=coordinate, device=vol.device)
    faces = torch.empty((rows, columns), dtype=index, device=vol.device)
    plan.emit(verts.data_ptr(), faces.data_ptr(), double, wide, not quads)
    return verts, faces


def placed(verts: Tensor, spacing: Triple, origin: Triple) -> Tensor:
    """Carry vertices from voxels to the world, in float64; no tensor comes from the host."""
    columns = [verts[:, k].to(torch.float64) * spacing[k] + origin[k] for k in range(3)]
    return torch.stack(columns, dim=1)


def value_range(vol: Samples) -> tuple[float, float]:
    """Return the least and the greatest sample that is not NaN; the first is greater where there is none."""
    samples = as_kernels_read(vol)
    if not samples.is_floating_point():
        low, high = samples.aminmax()
        return float(low), float(high)
    nan = torch.isnan(samples)
    low, high = samples.masked_fill(nan, math.inf).amin(), samples.masked_fill(nan, -math.inf).amax()
    return float(low), float(high)


def refuse_nan(vol: Samples, samples: Tensor, mask: Samples | None = None) -> None:
    """Raise the error for a checked volume that has NaN in it; `samples` are its own, converted."""
    if mask:
        raise no_nan_in_mask()
    flags = torch.isnan(samples)
    if count := int(flags.sum()):
        raise no_nan(vol, count, int(flags.flatten().to(torch.uint8).argmax()))


def grid_interp(kernels: _core.CudaKernels, stream: int, vol: Samples, points: Samples) -> Tensor:
    """Interpolate checked samples; computes in float64 where the volume is, else in float32."""
    real = torch.float64 if vol.dtype == "float64" else torch.float32
    samples = vol.owner.to(real).contiguous()
    at = points.owner.to(real).contiguous()
    count, wide = len(at), real == torch.float64
    values = torch.empty((count, len(samples)), dtype=real, device=vol.device)
    with memory_errors():
        _core.cuda_grid_interp(
            kernels,
            stream,
            samples.data_ptr(),
            vol.shape,
            at.data_ptr(),
            count,
            values.data_ptr(),
            wide,
        )
    return values
