# SPDX-License-Identifier: MIT
"""Where a call is computed: on the CPU, by a GPU's kernels, or without those on the CPU after all."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from . import _checks, _core, _cpu, _cuda

_warned: set[str] = set()


def marching_cubes(vol: Tensor, level: float) -> tuple[Tensor, Tensor]:
    """Extract from a checked volume on its own device."""
    kernels = _kernels(vol.device)
    if kernels is not None:
        _checks.refuse_fake_mode()
        samples, dtype = _checks.native(vol)
        stream = _cuda.current_stream(vol.device)
        verts, faces = _cuda.marching_cubes(kernels, stream, samples, dtype, level)
        return _checks.narrowed(verts, vol), faces
    # Conversions are the CPU's too: not every device has float64.
    samples, dtype = _checks.native(vol.cpu())
    verts, faces = _cpu.marching_cubes(samples, dtype, level)
    return _checks.narrowed(verts, vol).to(vol.device), faces.to(vol.device)


def grid_interp(vol: Tensor, points: Tensor) -> Tensor:
    """Interpolate checked tensors on their own device."""
    kernels = _kernels(vol.device)
    if kernels is not None:
        _checks.refuse_fake_mode()
        return _cuda.grid_interp(kernels, _cuda.current_stream(vol.device), vol, points)
    return _cpu.grid_interp(vol.cpu(), points.cpu()).to(vol.device)


def _kernels(device: torch.device) -> _core.CudaKernels | None:
    """Return the kernels for a device; None for the CPU, and for a device that none serve."""
    if device.type == "cpu":
        return None
    try:
        if device.type != "cuda":
            raise _cuda.NoKernels(f"it has no kernels for {device.type} devices")
        if torch.version.hip is not None:
            raise _cuda.NoKernels("it has no kernels for ROCm")
        if not _cuda.manifest()["cubins"] + _cuda.manifest()["ptx"]:
            raise _cuda.NoKernels(
                "this build has no GPU kernels: reinstall it from a wheel, or with NVRTC 12.8 at hand"
            )
        return _cuda.kernels_for(device)
    except _cuda.NoKernels as reason:
        _warn(device, str(reason))
        return None


def _warn(device: torch.device, reason: str) -> None:
    """Warn once a process of each reason, however many devices it is true of."""
    if reason not in _warned:
        _warned.add(reason)
        text = f"torchmcubes-bw computes on the CPU for a tensor on {device}: {reason}"
        warnings.warn(text, RuntimeWarning, stacklevel=5)
