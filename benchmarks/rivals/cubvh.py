# SPDX-License-Identifier: MIT
from __future__ import annotations

from importlib import metadata

import cubvh
import torch

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return cubvh's sparse marching cubes, given the cells that are crossed and their corners."""

    def ready(vol, level) -> Extract:
        i, j, k = (slice(0, side - 1) for side in vol.shape)
        corners = torch.stack([vol[a:, b:, c:][i, j, k] for a, b, c in _CORNERS], -1)
        inside = corners < level
        crossed = inside.any(-1) & ~inside.all(-1)
        coords, values = crossed.nonzero().int(), corners[crossed]
        return lambda: cubvh.sparse_marching_cubes(coords, values, level)

    versions = {"cubvh": metadata.version("cubvh")}
    # Eight corners as float32 twice (the slices, their stack), their signs, what is crossed.
    options = {"same_counts": False, "devices": ("cuda",), "ready_bytes": 2 * 8 * 4 + 8 + 4}
    return [Rival("cubvh, crossed cells only", ready, versions, **options)]


# Corner order of Lorensen and Cline's figure: around the lower face, then the upper.
_CORNERS = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]
