# SPDX-License-Identifier: MIT
from __future__ import annotations

import torchmcubes_bw

from . import Extract, Rival

NAME = "torchmcubes-bw"


def rivals(threads: int) -> list[Rival]:
    """Return this package itself: the mesh all others are compared with."""
    versions = {"torchmcubes-bw": torchmcubes_bw.__version__}

    def ready(vol, level) -> Extract:
        return lambda: torchmcubes_bw.marching_cubes(vol, level)

    return [Rival(NAME, ready, versions, devices=("cpu", "cuda"))]
