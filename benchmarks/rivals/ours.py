# SPDX-License-Identifier: MIT
from __future__ import annotations

import torchmcubes_bw

from ..volumes import DTYPES
from . import OURS, Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return this package itself: the mesh all others are compared with."""
    versions = {"torchmcubes-bw": torchmcubes_bw.__version__}

    def ready(vol, level) -> Extract:
        return lambda: torchmcubes_bw.marching_cubes(vol, level)

    def interpolate(vol, points):
        return lambda: torchmcubes_bw.grid_interp(vol, points)

    options = {"devices": ("cpu", "cuda"), "reads": DTYPES, "interpolate": interpolate}
    return [Rival(OURS, ready, versions, **options)]
