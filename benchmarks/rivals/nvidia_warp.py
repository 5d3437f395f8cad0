# SPDX-License-Identifier: MIT
from __future__ import annotations

import warp
import warp.geometry

from . import Extract, Rival

warp.config.quiet = True  # it greets on stdout otherwise


def rivals(threads: int) -> list[Rival]:
    """Return NVIDIA Warp on the CPU; it has no threads to set there."""

    def ready(vol, level) -> Extract:
        field = warp.array(vol.numpy(), dtype=warp.float32, device="cpu")

        def extract():
            verts, indices = warp.geometry.IsoSurfaceMarchingCubes.extract(field, level)
            return verts.numpy(), indices.numpy().reshape(-1, 3)

        return extract

    return [Rival("Warp", ready, {"warp": warp.__version__})]
