# SPDX-License-Identifier: MIT
"""The builds of torch that exist: each release's torchvision, and the CUDA versions it was built with.

Sources: torch's support matrix in its RELEASE.md, as changed for 2.9 and 2.10
(github.com/pytorch/pytorch/pull/164471), 2.11 (175253) and 2.12 (182849); that 2.12 and 2.13 have no cu128,
by a look into the index (github.com/pytorch/FBGEMM/pull/5976); 2.7 and 2.8 by
pytorch.org/get-started/previous-versions. The pairs are what torchvision's own metadata on PyPI requires.
"""

from __future__ import annotations

# The releases, oldest first: torch, its torchvision, the indexes that hold both.
BUILDS = {
    "2.7.1": ("0.22.1", ("cu126", "cu128")),
    "2.8.0": ("0.23.0", ("cu126", "cu128")),
    "2.9.1": ("0.24.1", ("cu126", "cu128", "cu130")),
    "2.10.0": ("0.25.0", ("cu126", "cu128", "cu130")),
    "2.11.0": ("0.26.0", ("cu126", "cu128", "cu130")),
    "2.12.1": ("0.27.1", ("cu126", "cu130")),
    "2.13.0": ("0.28.0", ("cu126", "cu130")),
}
# The CUDA version a driver must speak for an index, best first.
DRIVERS = {"cu130": (13, 0), "cu128": (12, 8), "cu126": (12, 0)}


def serves(index: str, capability: tuple[int, int]) -> bool:
    """Tell whether an index's wheels have kernels for a GPU.

    cu126 holds 5.0 to 9.0. The others hold 7.5 to 12.0, of which 12.0 serves 12.1 too; only cu130 knows 11.0,
    and has the PTX for what comes after.
    """
    if index == "cu126":
        return (5, 0) <= capability < (10, 0)
    return capability >= (7, 5) and (index == "cu130" or (capability < (13, 0) and capability != (11, 0)))


def release_of(torch: str, index: str) -> str:
    """Return the release to take from an index: the one at hand if it is there, else the newest there."""
    own = torch.partition("+")[0]
    held = [release for release, (_, indexes) in BUILDS.items() if index in indexes]
    return own if own in held else held[-1]


def is_older(release: str, torch: str) -> bool:
    """Tell whether a release is older than the torch at hand."""
    return _numbers(release) < _numbers(torch)


def _numbers(version: str) -> list[int]:
    """Return 2, 13, 0 of "2.13.0+cu130", and 2, 14 of "2.14.0a0+git123"."""
    parts = version.partition("+")[0].split(".")
    return [int(part) for part in parts if part.isdigit()]


def command(release: str, index: str) -> str:
    """Return how to install a release with its torchvision.

    The local label is what makes pip replace the same release from another index.
    """
    vision, _ = BUILDS[release]
    pair = f"torch=={release}+{index} torchvision=={vision}+{index}"
    return f"pip install {pair} --index-url https://download.pytorch.org/whl/{index}"
