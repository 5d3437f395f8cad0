# SPDX-License-Identifier: MIT
"""Where a call is computed: on the CPU, by a GPU's kernels, or without those on the CPU after all."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from .. import _core
from ..arguments.samples import Samples, checked
from . import cpu, cuda, kernel_files
from .results import refuse_fake_mode

_warned: set[str] = set()


def marching_cubes(vol: Samples, level: float) -> tuple[Tensor, Tensor]:
    """Extract from a checked volume on its own device."""
    if vol.device.type == "cpu":
        return cpu.marching_cubes(vol, level)
    kernels = _kernels(vol.device)
    if kernels is not None:
        refuse_fake_mode()
        return cuda.marching_cubes(kernels, cuda.current_stream(vol.device), vol, level)
    # Conversions are the CPU's too: not every device has float64.
    verts, faces = cpu.marching_cubes(_on_cpu(vol), level)
    return verts.to(vol.device), faces.to(vol.device)


def grid_interp(vol: Samples, points: Samples) -> Tensor:
    """Interpolate checked samples on their own device."""
    if vol.device.type == "cpu":
        return cpu.grid_interp(vol, points)
    kernels = _kernels(vol.device)
    if kernels is not None:
        refuse_fake_mode()
        return cuda.grid_interp(kernels, cuda.current_stream(vol.device), vol, points)
    return cpu.grid_interp(_on_cpu(vol), _on_cpu(points)).to(vol.device)


def _on_cpu(samples: Samples) -> Samples:
    return checked(samples.owner.cpu(), "vol")


def _kernels(device: torch.device) -> _core.CudaKernels | None:
    """Return the kernels for a device; None, with a warning, for one that none serve."""
    try:
        if device.type != "cuda":
            raise cuda.NoKernels(f"it has no kernels for {device.type} devices")
        if torch.version.hip is not None:
            raise cuda.NoKernels("it has no kernels for ROCm")
        if not kernel_files.manifest()["cubins"] + kernel_files.manifest()["ptx"]:
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
        warnings.warn(text, RuntimeWarning, stacklevel=5)
