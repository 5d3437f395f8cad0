# SPDX-License-Identifier: MIT
"""What to install: a driver, a torch, or this package built for another GPU.

The numbers are those of NVIDIA's release notes (the driver a CUDA version arrived with); the builds of torch
stand in `torch_builds`.
"""

from __future__ import annotations

from ..backends.kernel_files import TEGRA
from .finding import dotted
from .torch_builds import BUILDS, DRIVERS, command, is_older, release_of, serves

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


def torch_for(
    driver: tuple[int, int], capability: tuple[int, int] | None, torch: str, on_windows: bool
) -> str:
    """Return how to install a torch, and its torchvision, that both a driver and a GPU can use.

    The release at hand is kept where it was built for them; where it was not, what keeps it is said too.
    Without a capability the GPU is unknown, since torch does not see it yet.
    """
    if capability is None:
        return _torch_for_unknown(driver, torch, on_windows)
    indexes = [index for index in DRIVERS if serves(index, capability)]
    if not indexes:
        return "nothing: no torch that is known here has kernels for so old a GPU"
    needed = max(needed_cuda(capability), min(DRIVERS[index] for index in indexes))
    if driver < needed:
        after = torch_for(needed, capability, torch, on_windows)
        return f"first {driver_for(needed, on_windows)}, then\n{after}"
    usable = [index for index in indexes if driver >= DRIVERS[index]]
    kept = [index for index in usable if not is_older(release_of(torch, index), torch)]
    index = kept[0] if kept else max(usable, key=lambda index: list(BUILDS).index(release_of(torch, index)))
    release = release_of(torch, index)
    cure = command(release, index)
    return cure + _about_an_older(release, index, indexes[0], torch, on_windows)


def _about_an_older(release: str, index: str, newest: str, torch: str, on_windows: bool) -> str:
    """Say that the torch at hand would be replaced by an older one, and what keeps it."""
    if not is_older(release, torch):
        return ""
    own = torch.partition("+")[0]
    text = f"\nthat is older than your {own}: torch {release} is the last known here for {index}"
    if newest == index or release_of(torch, newest) != own:
        return text
    driver = driver_for(DRIVERS[newest], on_windows)
    return f"{text}; to keep yours: {driver}, then\n{command(own, newest)}"


# GPUs that differ in which torch serves them, one of each kind; and what to call kinds that one torch serves.
_KINDS = ((7, 0), (8, 9), (12, 0))
_CALLED = {
    (0,): "older than 7.5 (GTX 10, V100)",
    (0, 1): "up to 9.0 (to RTX 40, H100)",
    (1, 2): "from 7.5 on (from GTX 16, RTX 20)",
    (2,): "from 10.0 on (RTX 50, B200)",
}


def _torch_for_unknown(driver: tuple[int, int], torch: str, on_windows: bool) -> str:
    """Give a line for each kind of GPU that the driver can have, kinds with the same line together."""
    if driver < (12, 0):
        after = _torch_for_unknown((12, 0), torch, on_windows)
        return f"first {driver_for((12, 0), on_windows)}, then\n{after}"
    kinds: dict[str, list[int]] = {}
    for number, capability in enumerate(_KINDS):
        if needed_cuda(capability) <= driver:
            kinds.setdefault(torch_for(driver, capability, torch, on_windows), []).append(number)
    if len(kinds) == 1:
        return next(iter(kinds))
    return "\n".join(f"for a GPU {_CALLED[tuple(who)]}:\n{cure}" for cure, who in kinds.items())


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
