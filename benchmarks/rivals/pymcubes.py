# SPDX-License-Identifier: MIT
from __future__ import annotations

from importlib.metadata import version

import mcubes

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return PyMCubes; it has no threads to set."""

    def ready(vol, level) -> Extract:
        samples = vol.numpy()
        return lambda: mcubes.marching_cubes(samples, level)

    return [
        Rival("PyMCubes", ready, {"PyMCubes": version("PyMCubes")}, reads=("float32", "float64", "int16"))
    ]
