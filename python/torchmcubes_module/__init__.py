# SPDX-License-Identifier: MIT
"""The names of torchmcubes' compiled module, answered by torchmcubes-bw.

``mcubes_cuda`` and ``grid_interp_cuda`` exist where GPU kernels are aboard: code tests for them.
"""

from __future__ import annotations

from torchmcubes_bw import HAS_CUDA
from torchmcubes_bw._coexistence import warn_of_the_original
from torchmcubes_bw.compat.original import grid_interp as grid_interp_cpu
from torchmcubes_bw.compat.original import marching_cubes as mcubes_cpu

__all__ = ["grid_interp_cpu", "mcubes_cpu"]

if HAS_CUDA:
    mcubes_cuda = mcubes_cpu
    grid_interp_cuda = grid_interp_cpu
    __all__ += ["grid_interp_cuda", "mcubes_cuda"]

warn_of_the_original(__file__)
del warn_of_the_original
