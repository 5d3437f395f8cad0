# SPDX-License-Identifier: MIT
"""What is said of a mesh, by the command line and the benchmarks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_closed(faces: NDArray[Any]) -> bool:
    """Every edge has exactly two faces, which run along it in opposite directions."""
    faces = faces.astype(np.int64)
    a, b = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    size = int(faces.max(initial=0)) + 1
    forth, back = np.sort(a * size + b), np.sort(b * size + a)
    return bool(np.array_equal(forth, back) and (forth[1:] != forth[:-1]).all())


def signed_volume(verts: NDArray[Any], faces: NDArray[Any]) -> float:
    """Return the volume enclosed, positive where the normals point outward."""
    a, b, c = np.asarray(verts, dtype=np.float64)[faces].transpose(1, 0, 2)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)
