# SPDX-License-Identifier: MIT
"""torchmcubes, answered by torchmcubes-bw: the same names, the same call.

The interface is that of torchmcubes by Tatsuya Yatagawa.
"""

from __future__ import annotations

from torchmcubes_bw import HAS_CUDA, __version__
from torchmcubes_bw._coexistence import warn_of_the_original
from torchmcubes_bw.compat.original import grid_interp, marching_cubes

__all__ = ["HAS_CUDA", "__version__", "grid_interp", "marching_cubes"]

warn_of_the_original(__file__)
del warn_of_the_original
