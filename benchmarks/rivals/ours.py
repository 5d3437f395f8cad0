# SPDX-License-Identifier: MIT
from __future__ import annotations

import torchmcubes_bw

from . import Rival

NAME = "torchmcubes-bw"


def rivals(threads: int) -> list[Rival]:
    """Return this package itself: the mesh all others are compared with."""
    versions = {"torchmcubes-bw": torchmcubes_bw.__version__}
    return [Rival(NAME, lambda vol, level: lambda: torchmcubes_bw.marching_cubes(vol, level), versions)]
