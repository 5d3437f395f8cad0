# SPDX-License-Identifier: MIT
"""What to install: a driver, a torch, or this package built for another GPU.

The numbers are those of NVIDIA's release notes (the driver a CUDA version arrived with) and of torch's own
support matrix (the architectures its wheels hold).
"""

from __future__ import annotations

from ..backends.kernel_files import TEGRA
from .finding import dotted

# The CUDA version that first knew a compute capability, where kernels for CUDA 12.0 do not tell.
_ARRIVED = {(10, 0): (12, 8), (12, 0): (12, 8), (10, 3): (12, 9), (12, 1): (12, 9), (11, 0): (13, 0)}
_SERIES = {(12, 0): 525, (12, 8): 570, (12, 9): 575, (13, 0): 580}  # of drivers for Linux
_SERIES_ON_WINDOWS = {**_SERIES, (12, 0): 528}
_NVRTC_12_8 = {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90, 100, 101, 120}
_WHEEL = "pip install --force-reinstall --no-deps torchmcubes-bw"
_FROM_SOURCE = "pip install --force-reinstall --no-deps --no-cache-dir --no-binary torchmcubes-bw"


def needed_cuda(capability: tuple[int, int]) -> tuple[int, int]:
    """Return the CUDA version that a driver must speak for a GPU and our kernels."""
    return _ARRIVED.get(capability, (12, 0))


def driver_for(cuda: tuple[int, int], on_windows: bool) -> str:
    """Name the driver that speaks a CUDA version; under WSL2 the driver is Windows's."""
    series = _SERIES_ON_WINDOWS if on_windows else _SERIES
    known = f"driver {series[cuda]} or newer" if cuda in series else "a newer driver"
    return f"{known}, which speaks CUDA {dotted(cuda)}"


def torch_for(driver: tuple[int, int], capability: tuple[int, int] | None, on_windows: bool) -> str:
    """Return how to install a torch that both a driver and a GPU can use.

    Without a capability the GPU is unknown, since torch does not see it yet.
    """
    oldest = needed_cuda(capability) if capability else (12, 0)
    if driver < oldest:
        return f"first {driver_for(oldest, on_windows)}, then\n{torch_for(oldest, capability, on_windows)}"
    if capability and capability < (7, 5):
        index = "cu126"  # the last that has kernels for them
    else:
        index = "cu126" if driver < (12, 8) else "cu128" if driver < (13, 0) else "cu130"
    command = _torch_from(index)
    if capability is None and index != "cu126":
        command += f"\nfor a GPU older than 7.5 (GTX 10, V100): {_torch_from('cu126')}"
    return command


def _torch_from(index: str) -> str:
    return f"pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/{index}"


def wheel() -> str:
    """Return how to have the published wheel again."""
    return _WHEEL


def build_for(capability: tuple[int, int]) -> str:
    """Return how to build the package for a GPU that the wheel does not serve."""
    number = 10 * capability[0] + capability[1]
    known = {each for each in _NVRTC_12_8 if each <= number}
    if not known:
        return "nothing: no compiler that we can use knows so old a GPU"
    build = f"{_FROM_SOURCE} torchmcubes-bw -Ccmake.define.TORCH_CUDA_ARCH_LIST="
    if number in known:
        return f"{build}{dotted(capability)}"
    ptx = dotted(divmod(max(known - TEGRA), 10))
    return f"nothing, or a build with PTX of {ptx}, which the driver compiles at first use:\n{build}{ptx}+PTX"
