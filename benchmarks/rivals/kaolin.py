# SPDX-License-Identifier: MIT
from __future__ import annotations

from importlib import metadata

from kaolin.ops.conversions import voxelgrids_to_trianglemeshes

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return Kaolin's marching cubes, a batch of one."""

    def ready(vol, level) -> Extract:
        def extract():
            verts, faces = voxelgrids_to_trianglemeshes(vol[None], level)
            return verts[0], faces[0]

        return extract

    versions = {"kaolin": metadata.version("kaolin")}
    return [Rival("Kaolin", ready, versions, same_counts=False, devices=("cuda",))]
