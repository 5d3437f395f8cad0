# SPDX-License-Identifier: MIT
"""PLY as it comes: binary and little-endian, in one walk.

A PLY says its counts first and has its faces after its vertices. So the vertices are written behind a header
whose counts follow at the end, the faces to a second file without a name, which is appended when they are all
there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .slab import INT32_MAX
from .whole import spool, whole_file

Array = NDArray[Any]

_ROWS = 2**16  # turned into bytes at a time: they stay in the cache
_HEAD = 512  # bytes: what the header does not need is blanks in its comment
_MOST = 2**32 - 1


class PlyWriter:
    """A mesh on its way into a file."""

    def __init__(self, file: Any, faces: Any, real: np.dtype[Any], normals: bool, comment: str) -> None:
        self.vertices = self.triangles = 0
        self._file, self._faces, self._comment = file, faces, comment
        self._real, self._normals = real, normals
        self._vertex = np.dtype([("at", f"<f{real.itemsize}", 3), ("normal", "<f4", 3)])
        self._rows = np.empty(_ROWS, [("count", "u1"), ("corners", "V12")])  # three numbers, moved as one
        self._rows["count"] = 3
        file.write(b" " * _HEAD)

    def add(self, verts: Array, faces: Array, normals: Array | None) -> None:
        """Write the next rows of the mesh; `faces` counts vertices from the whole mesh's first."""
        self.vertices += len(verts)
        self.triangles += len(faces)
        if self.vertices > _MOST:
            raise ValueError(
                f"a .ply file must have at most {_MOST} vertices, got {self.vertices}: write .zarr"
            )
        if normals is None:
            self._file.write(np.ascontiguousarray(verts, f"<f{self._real.itemsize}").data)
        else:
            for at in _ranges(len(verts)):
                vertices = np.empty(at.stop - at.start, self._vertex)
                vertices["at"], vertices["normal"] = verts[at], normals[at]
                self._file.write(vertices.data)
        for at in _ranges(len(faces)):
            rows = self._rows[: at.stop - at.start]
            rows["corners"] = np.ascontiguousarray(faces[at], "<u4").view("V12")[:, 0]
            self._faces.write(rows.data)

    def finish(self) -> None:
        """Append the faces, and say at the beginning how many there are."""
        self._faces.flush()
        self._file.flush()
        _append(self._file, self._faces)
        self._file.seek(0)
        self._file.write(self._header())

    def _header(self) -> bytes:
        name = "double" if self._real.itemsize == 8 else "float"
        head = [f"element vertex {self.vertices}", *(f"property {name} {axis}" for axis in "xyz")]
        head += [f"property float n{axis}" for axis in "xyz" if self._normals]
        index = "uint" if self.vertices > INT32_MAX else "int"
        head += [f"element face {self.triangles}", f"property list uchar {index} vertex_indices"]
        first, last = (
            "ply\nformat binary_little_endian 1.0\ncomment ",
            "\n".join(["", *head, "end_header", ""]),
        )
        comment = self._comment.ljust(_HEAD - len(first) - len(last))
        return (first + comment + last).encode("ascii")


@contextmanager
def ply_writer(path: Path, real: np.dtype[Any], normals: bool) -> Iterator[PlyWriter]:
    """Write a mesh to a file that is there when it is complete."""
    from .. import __version__  # noqa: PLC0415 - read from the package's metadata

    comment = f"made by torchmcubes-bw {__version__}"
    with whole_file(path) as file, spool(path.parent) as faces:
        writer = PlyWriter(file, faces, real, normals, comment)
        yield writer
        writer.finish()


def _append(file: Any, spooled: Any) -> None:
    """Append a file to another; the system copies where it can, and shares blocks where they can be."""
    at, size = 0, os.fstat(spooled.fileno()).st_size
    copy = getattr(os, "copy_file_range", None)
    try:
        while copy is not None and at < size:
            done = copy(spooled.fileno(), file.fileno(), size - at, at)
            if not done:
                break
            at += done
    except OSError as error:
        if at or error.errno not in (18, 22, 38, 95):  # another device, not of this file system, not known
            raise
    file.seek(0, os.SEEK_END)
    spooled.seek(at)
    shutil.copyfileobj(spooled, file, 2**20)
    file.flush()


def _ranges(count: int) -> Iterator[slice]:
    for start in range(0, count, _ROWS):
        yield slice(start, min(start + _ROWS, count))
