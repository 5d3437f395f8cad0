# SPDX-License-Identifier: MIT
"""What this build holds."""

from __future__ import annotations

from typing import Any

from . import _core

__version__: str = _core.__version__

HAS_CUDA: bool = False
"""Whether GPU kernels are aboard. Says nothing about the machine: see ``torch.cuda.is_available()``."""


def build_info() -> dict[str, Any]:
    """Tell what this build holds and what it uses on this machine.

    Returns:
        A dictionary of plain values: ``version``; ``simd``, the CPU's SIMD level in use; ``simd_levels``,
        those this machine can run, best first; ``cuda``, whether GPU kernels are aboard.

    Raises:
        RuntimeError: the environment variable ``TORCHMCUBES_SIMD`` names no level of this machine.

    >>> build_info()["simd"] in build_info()["simd_levels"]
    True
    """
    return {
        "version": __version__,
        "simd": _core.simd_level(),
        "simd_levels": _core.simd_levels(),
        "cuda": HAS_CUDA,
    }
