# SPDX-License-Identifier: MIT
"""STL, binary: triangles in float32, each with its normal."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from ..errors import CliError
from ..part import Part, exponent
from .chunks import ranges

_ROW = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])


def write(file: BinaryIO, parts: list[Part], comment: str) -> None:
    """Write the parts as one heap of triangles."""
    count = sum(len(part.faces) for part in parts)
    if count > 2**32 - 1:
        raise CliError(f"an .stl file must have at most 4294967295 faces, got {count}: write .ply")
    head = comment.encode("ascii", "replace")[:80].ljust(80)  # never "solid", which means text
    file.write(head + count.to_bytes(4, "little"))
    for part in parts:
        verts = np.ascontiguousarray(part.verts, np.float32)
        for at in ranges(len(part.faces), _ROW.itemsize):
            rows = np.zeros(at.stop - at.start, _ROW)
            corners = np.take(verts, part.faces[at].astype(np.intp), axis=0)
            rows["corners"] = corners
            rows["normal"] = _normals(corners)
            file.write(rows.data)


def _normals(corners: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> object:
    """Return the unit normals of triangles (F, 3, 3), zero where there is no area."""
    corners = np.ldexp(corners, -exponent(corners))  # or squares of 1e20 would be no numbers
    a, b, c = (corners[:, k].T for k in range(3))
    ux, uy, uz = b - a
    vx, vy, vz = c - a
    normal = np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])
    length = np.sqrt((normal * normal).sum(axis=0))
    return (normal / np.where(length > 0, length, 1)).T
