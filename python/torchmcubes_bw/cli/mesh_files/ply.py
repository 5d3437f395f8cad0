# SPDX-License-Identifier: MIT
"""PLY, binary and little-endian: float32, or double where float32 would move the vertices."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from ..part import Part
from .chunks import bytes_of, ranges


def write(file: BinaryIO, parts: list[Part], comment: str) -> None:
    """Write the parts as one mesh, with the properties that any of them has."""
    double = any(part.verts.dtype == np.float64 for part in parts)
    real, number = ("double", "<f8") if double else ("float", "<f4")
    with_normals = all(part.normals is not None for part in parts)
    coloured = any(part.colours is not None or part.colour is not None for part in parts)
    fields = [("at", number, 3)]
    fields += [("normal", "<f4", 3)] if with_normals else []
    fields += [("colour", "u1", 3)] if coloured else []
    head = ["ply", "format binary_little_endian 1.0", f"comment {comment}"]
    head += [f"element vertex {sum(len(part.verts) for part in parts)}"]
    head += [f"property {real} {axis}" for axis in "xyz"]
    head += [f"property float n{axis}" for axis in "xyz" if with_normals]
    head += [f"property uchar {name}" for name in ("red", "green", "blue") if coloured]
    wide = sum(len(part.verts) for part in parts) > 2**31 - 1
    index, name = ("<u4", "uint") if wide else ("<i4", "int")
    head += [f"element face {sum(len(part.faces) for part in parts)}"]
    head += [f"property list uchar {name} vertex_indices", "end_header", ""]
    file.write("\n".join(head).encode("ascii", "replace"))
    for part in parts:
        _vertices(file, part, np.dtype(fields))
    offset = 0
    for part in parts:
        _faces(file, part, offset, index)
        offset += len(part.verts)


def _vertices(file: BinaryIO, part: Part, row: np.dtype[np.void]) -> None:
    names = row.names or ()
    for at in ranges(len(part.verts), row.itemsize):
        rows = np.empty(at.stop - at.start, row)
        rows["at"] = part.verts[at]
        if "normal" in names and part.normals is not None:
            rows["normal"] = part.normals[at]
        if "colour" in names:
            rows["colour"] = (
                part.colours[at] if part.colours is not None else bytes_of(part.colour or (1, 1, 1))
            )
        file.write(rows.data)


def _faces(file: BinaryIO, part: Part, offset: int, index: str) -> None:
    row = np.dtype([("count", "u1"), ("corners", index, 3)])
    for at in ranges(len(part.faces), row.itemsize):
        rows = np.empty(at.stop - at.start, row)
        rows["count"] = 3
        rows["corners"] = part.faces[at] if offset == 0 else part.faces[at].astype(np.int64) + offset
        file.write(rows.data)
