# SPDX-License-Identifier: MIT
"""What this build holds."""

from __future__ import annotations

from typing import Any

from . import _core
from .backends.kernel_files import manifest

__version__: str = _core.__version__

HAS_CUDA: bool = bool(manifest()["cubins"] or manifest()["ptx"])
"""Whether GPU kernels are aboard. Says nothing about the machine: see ``torch.cuda.is_available()``."""


def build_info() -> dict[str, Any]:
    """Tell what this build holds and what it uses on this machine.

    Returns:
        A dictionary of plain values: ``version``; ``simd``, the CPU's SIMD level in use; ``simd_levels``,
        those this machine can run, best first; ``cuda``, whether GPU kernels are aboard;
        ``cuda_compiler`` and ``cuda_options``, what made them; ``cuda_cubins`` and ``cuda_ptx``, the compute
        capabilities they are for, as ``"9.0"``.

    Raises:
        RuntimeError: the environment variable ``TORCHMCUBES_SIMD`` names no level of this machine.

    >>> build_info()["simd"] in build_info()["simd_levels"]
    True
    """
    aboard = manifest()
    return {
        "version": __version__,
        "simd": _core.simd_level(),
        "simd_levels": _core.simd_levels(),
        "cuda": HAS_CUDA,
        "cuda_compiler": aboard["compiler"],
        "cuda_options": aboard["options"],
        "cuda_cubins": [f"{c // 10}.{c % 10}" for c in aboard["cubins"]],
        "cuda_ptx": [f"{c // 10}.{c % 10}" for c in aboard["ptx"]],
    }
