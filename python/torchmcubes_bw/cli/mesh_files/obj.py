# SPDX-License-Identifier: MIT
"""OBJ: text, with as many digits as the vertices have."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from ..part import Part
from .chunks import bytes_of, ranges


def write(file: BinaryIO, parts: list[Part], comment: str) -> None:
    """Write each part as an object; colours stand behind the vertices, as most programs read them."""
    file.write(f"# {comment}\n".encode("ascii", "replace"))
    coloured = any(part.colours is not None or part.colour is not None for part in parts)
    offset = 1
    for part in parts:
        file.write(f"o {'_'.join(part.name.split()) or 'surface'}\n".encode())
        for at in ranges(len(part.verts), 40):
            # repr gives the shortest text that reads back as the same number, in float32 as in float64
            rows = [" ".join(map(str, row)) for row in part.verts[at]]
            if coloured:
                uniform = np.tile(bytes_of(part.colour or (1, 1, 1)), (at.stop - at.start, 1))
                colours = (part.colours[at] if part.colours is not None else uniform) / 255
                rows = [f"{r} {c[0]:.4f} {c[1]:.4f} {c[2]:.4f}" for r, c in zip(rows, colours, strict=True)]
            file.write(("v " + "\nv ".join(rows) + "\n").encode())
        for at in ranges(len(part.faces), 24):
            text = [f"f {a} {b} {c}\n" for a, b, c in (part.faces[at].astype(np.int64) + offset).tolist()]
            file.write("".join(text).encode())
        offset += len(part.verts)
