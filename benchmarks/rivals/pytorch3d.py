# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytorch3d
from pytorch3d.ops.marching_cubes import marching_cubes

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return PyTorch3D's marching cubes, a batch of one, vertices in voxels."""

    def ready(vol, level) -> Extract:
        def extract():
            verts, faces = marching_cubes(vol[None], level, return_local_coords=False)
            return verts[0], faces[0]

        return extract

    versions = {"pytorch3d": pytorch3d.__version__}
    return [Rival("PyTorch3D", ready, versions, same_counts=False, devices=("cpu", "cuda"))]
