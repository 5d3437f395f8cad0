# SPDX-License-Identifier: MIT
from __future__ import annotations

import warp
import warp.geometry

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return NVIDIA Warp; it has no threads to set on the CPU."""
    warp.init()

    def ready(vol, level) -> Extract:
        field = warp.from_torch(vol)

        def extract():
            verts, indices = warp.geometry.IsoSurfaceMarchingCubes.extract(field, level)
            return warp.to_torch(verts), warp.to_torch(indices).reshape(-1, 3)

        return extract

    return [Rival("Warp", ready, {"warp": warp.__version__}, devices=("cpu", "cuda"))]
