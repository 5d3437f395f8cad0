# SPDX-License-Identifier: MIT
from __future__ import annotations

from importlib import metadata

import isoext

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return isoext; its grid, which holds the samples, is made beforehand."""

    def ready(vol, level) -> Extract:
        sides = list(vol.shape)
        grid = isoext.UniformGrid(sides, aabb_min=[0, 0, 0], aabb_max=[side - 1 for side in sides])
        grid.set_values(vol)
        return lambda: isoext.marching_cubes(grid, level=level)

    versions = {"isoext": metadata.version("isoext")}
    return [Rival("isoext", ready, versions, same_counts=False, devices=("cuda",), ready_bytes=4)]
