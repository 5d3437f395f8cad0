# SPDX-License-Identifier: MIT
"""Where a call is computed: on the CPU, by a GPU's kernels, or without those on the CPU after all."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor

from .. import _core
from ..arguments.arrays import no_memory
from ..arguments.batch import Batch
from ..arguments.blocks import Blocks
from ..arguments.labels import Labels
from ..arguments.placement import Triple
from ..arguments.request import Request
from ..arguments.samples import Samples, checked
from . import (
    batches,
    cpu,
    cpu_dual,
    cpu_dual_gradient,
    cpu_gradient,
    cuda,
    cuda_batches,
    cuda_dual_batches,
    cuda_gradient,
    cuda_sparse,
    kernel_files,
    labels,
)
from . import sparse as blocks
from .batches import Packed
from .labels import Surfaces
from .results import Surface, refuse_fake_mode

_DUAL_ONLY_ON_CPU = "its kernels make no nets, normals or displacements of the dual mesh"
_NONE_OF_BATCHES = "its kernels make no normals of several volumes, or of a fixed size"
_NO_DUAL_BATCH = "its kernels make no dual meshes of several volumes in a fixed size"
_NO_GRADIENT = "its kernels make no gradients of interpolated values by the samples"
_NO_DUAL_GRADIENT = "its kernels make no gradients of the dual mesh"
_PACKAGE = f"{Path(__file__).parent.parent}{os.sep}"
_warned: set[str] = set()


def surface(request: Request, normals: bool = False) -> Surface:
    """Extract what is asked, on the volume's own device."""
    vol = request.volume
    if vol.device.type == "cpu":
        return cpu.surface(request, normals)
    kernels = _kernels(vol.device)
    if kernels is not None:
        refuse_fake_mode()
        return cuda.surface(kernels, cuda.current_stream(vol.device), request, normals)
    # Conversions are the CPU's too: not every device has float64.
    return cpu.surface(_request_on_cpu(request), normals).to(vol.device)


def surfaces(batch: Batch, normals: bool = False) -> Packed:
    """Extract what is asked of several volumes, on their own device."""
    vol = batch.request.volume
    if vol.device.type == "cpu":
        return batches.surfaces(batch, normals)
    kernels = _kernels(vol.device, _unserved(batch, normals))
    if kernels is not None:
        refuse_fake_mode()
        made = cuda_dual_batches.surfaces if batch.method.dual else cuda_batches.surfaces
        return made(kernels, cuda.current_stream(vol.device), batch)
    return batches.surfaces(batch._replace(request=_request_on_cpu(batch.request)), normals).to(vol.device)


def _unserved(batch: Batch, normals: bool) -> str:
    """Return why the kernels do not make a batch, or nothing."""
    if batch.method.dual and (batch.method.rounds or normals):
        return _DUAL_ONLY_ON_CPU
    if batch.method.dual and batch.room is not None and len(batch.levels) > 1:
        return _NO_DUAL_BATCH
    return _NONE_OF_BATCHES if normals else ""


def label_surfaces(asked: Labels) -> Surfaces:
    """Extract the surfaces of labels: on the CPU, and put back on the labels' device."""
    device = asked.volume.device
    if device.type == "cpu":
        return labels.surfaces(asked)
    _kernels(device, "its kernels know no labels")
    return labels.surfaces(asked._replace(volume=_on_cpu(asked.volume, "labels"))).to(device)


def dual(
    request: Request, quads: bool, rounds: int = 0, normals: bool = False, deform: Tensor | None = None
) -> Surface:
    """Extract the dual mesh of what is asked, on the volume's own device."""
    vol = request.volume
    if vol.device.type == "cpu":
        return cpu_dual.dual(request, quads, rounds, normals, deform)
    kernels = _kernels(vol.device, _DUAL_ONLY_ON_CPU if rounds or normals or deform is not None else "")
    if kernels is not None:
        refuse_fake_mode()
        return Surface(*cuda.dual(kernels, cuda.current_stream(vol.device), request, quads))
    moved = None if deform is None else deform.cpu()
    return cpu_dual.dual(_request_on_cpu(request), quads, rounds, normals, moved).to(vol.device)


def dual_gradients(
    request: Request,
    verts: Tensor,
    deform: Tensor | None,
    wanted: cpu_dual_gradient.Wanted,
    towards: cpu_dual_gradient.Towards | None = None,
) -> cpu_dual_gradient.DualGradients:
    """Return the gradients of the dual mesh's vertices, or their derivatives in a direction."""
    device = request.volume.device
    if device.type == "cpu":
        return cpu_dual_gradient.gradients(request, verts, deform, wanted, towards)
    _warn(device, _NO_DUAL_GRADIENT)
    moved = None if deform is None else deform.cpu()
    direction = None if towards is None else towards.to(torch.device("cpu"))
    found = cpu_dual_gradient.gradients(_request_on_cpu(request), verts.cpu(), moved, wanted, direction)
    return found.to(device)


def vertex_gradients(
    request: Request,
    verts: Tensor,
    volume: bool,
    level: bool,
    direction: cpu_gradient.Direction | None = None,
) -> cpu_gradient.Gradients:
    """Return the gradients of a request's vertices, or their derivatives in a direction, on its device."""
    device = request.volume.device
    if device.type == "cpu":
        return cpu_gradient.vertices(request, verts, volume, level, direction)
    kernels = _kernels(device)
    if kernels is not None:
        stream = cuda.current_stream(device)
        return cuda_gradient.vertices(kernels, stream, request, verts, volume, level, direction)
    towards = None if direction is None else direction._replace(volume=direction.volume.cpu())
    found = cpu_gradient.vertices(_request_on_cpu(request), verts.cpu(), volume, level, towards)
    by_volume, moved = (None if part is None else part.to(device) for part in (found.volume, found.verts))
    return cpu_gradient.Gradients(by_volume, found.level, moved)


def value_gradients(
    vol: Samples, points: Samples, values: Tensor, of_vol: bool, of_points: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of interpolated values by samples and points, on their device."""
    if vol.device.type == "cpu":
        return cpu_gradient.interpolated(vol, points, values, of_vol, of_points)
    kernels = _kernels(vol.device, _NO_GRADIENT if of_vol else "")
    if kernels is not None:
        stream = cuda.current_stream(vol.device)
        return None, cuda_gradient.by_points(kernels, stream, vol, points, values) if of_points else None
    found = cpu_gradient.interpolated(
        _on_cpu(vol), _on_cpu(points, "points"), values.cpu(), of_vol, of_points
    )
    by_vol, by_points = (None if part is None else part.to(vol.device) for part in found)
    return by_vol, by_points


def sparse(asked: Blocks) -> Surface:
    """Extract the surface of cells or blocks, on their device; what is wrong with them, the CPU tells."""
    device = asked.values.device
    if device.type == "cpu":
        return blocks.surface(asked)
    kernels = _kernels(device)
    if kernels is not None:
        refuse_fake_mode()
        try:
            found = cuda_sparse.surface(kernels, cuda.current_stream(device), asked)
        except cuda.NoKernels as reason:
            _warn(device, str(reason))
            found = None
        if found is not None:
            return found
    # The samples' shape and strides may be another view than their owner's.
    coords, values = _on_cpu(asked.coords, "coords"), asked.values
    copied = checked(values.owner.cpu().contiguous(), asked.words[1])
    sides = values.shape[1]
    strides = (sides**3, sides**2, sides, 1)
    values = copied._replace(shape=values.shape, strides=strides)
    return blocks.surface(asked._replace(coords=coords, values=values)).to(device)


def placed(verts: Tensor, spacing: Triple, origin: Triple, real: torch.dtype) -> Tensor:
    """Carry vertices from voxels to the world, with the same bytes on every device."""
    if verts.is_cpu:
        return cpu.placed(verts, spacing, origin, real)
    if spacing == (1, 1, 1) and origin == (0, 0, 0):
        return verts.to(real)
    on_cpu = verts.device.type != "cuda"  # not every device has float64
    moved = cpu.placed(verts.cpu(), spacing, origin, real) if on_cpu else cuda.placed(verts, spacing, origin)
    return moved.to(device=verts.device, dtype=real)


def value_range(vol: Samples) -> tuple[float, float]:
    """Return the least and the greatest sample that is not NaN; the first is greater where there is none."""
    return cuda.value_range(vol) if vol.device.type == "cuda" else cpu.value_range(_on_cpu(vol))


def grid_interp(vol: Samples, points: Samples) -> Tensor:
    """Interpolate checked samples on their own device."""
    if vol.device.type == "cpu":
        return cpu.grid_interp(vol, points)
    kernels = _kernels(vol.device)
    if kernels is not None:
        refuse_fake_mode()
        return cuda.grid_interp(kernels, cuda.current_stream(vol.device), vol, points)
    return cpu.grid_interp(_on_cpu(vol), _on_cpu(points, "points")).to(vol.device)


def _request_on_cpu(request: Request) -> Request:
    mask = None if request.mask is None else _on_cpu(request.mask, "mask")
    return request._replace(volume=_on_cpu(request.volume), mask=mask)


def _on_cpu(samples: Samples, name: str = "vol") -> Samples:
    if samples.device.type == "cpu":
        return samples
    try:
        return checked(samples.owner.cpu(), name)
    except RuntimeError as error:
        if "alloc" in str(error):
            raise no_memory(name, samples.shape) from None
        raise


def _kernels(device: torch.device, unserved: str = "") -> _core.CudaKernels | None:
    """Return the kernels for a device; None, with a warning, where none serve it or what is asked."""
    try:
        if unserved:
            raise cuda.NoKernels(unserved)
        if device.type != "cuda":
            raise cuda.NoKernels(f"it has no kernels for {device.type} devices")
        if torch.version.hip is not None:
            raise cuda.NoKernels("it has no kernels for ROCm")
        aboard = kernel_files.manifest()
        if "damaged" in aboard:
            raise cuda.NoKernels(f"the list of its kernels is damaged ({aboard['damaged']}): reinstall it")
        if not aboard["cubins"] + aboard["ptx"]:
            raise cuda.NoKernels(
                "this build has no GPU kernels: reinstall it from a wheel, or with NVRTC 12.8 at hand"
            )
        return cuda.kernels_for(device)
    except cuda.NoKernels as reason:
        _warn(device, str(reason))
        return None


def _warn(device: torch.device, reason: str) -> None:
    """Warn once a process of each reason, however many devices it is true of."""
    if reason not in _warned:
        _warned.add(reason)
        text = f"torchmcubes-bw computes on the CPU for a tensor on {device}: {reason}"
        warnings.warn(text, RuntimeWarning, stacklevel=_frames_of_ours())


def _frames_of_ours() -> int:
    """Return how many frames up, from whoever asks, the caller of this package stands."""
    count = 0
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        count, frame = count + 1, frame.f_back
    return count + 1
