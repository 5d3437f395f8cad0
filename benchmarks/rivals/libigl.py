# SPDX-License-Identifier: MIT
from __future__ import annotations

from importlib.metadata import version

import igl
import numpy as np

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return libigl; it takes a list of grid points, which is made beforehand."""

    def ready(vol, level) -> Extract:
        nz, ny, nx = vol.shape
        samples = vol.numpy().ravel().astype(np.float64)
        points = np.empty((nz, ny, nx, 3))
        points[..., 0] = np.arange(nx)
        points[..., 1] = np.arange(ny)[:, None]
        points[..., 2] = np.arange(nz)[:, None, None]
        points = points.reshape(-1, 3)

        def extract():
            verts, faces, *_ = igl.marching_cubes(samples, points, nx, ny, nz, level)
            return verts, faces

        return extract

    return [Rival("libigl", ready, {"libigl": version("libigl")}, ready_bytes=8 + 3 * 8)]
