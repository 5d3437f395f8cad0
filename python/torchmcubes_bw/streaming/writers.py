# SPDX-License-Identifier: MIT
"""Where the pieces go: a `.ply`, a zarr group, a folder of `.npy` files, or memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .ply import ply_writer
from .rows import MemoryRows, NpyRows, ZarrRows, zarr_group
from .slab import INT32_MAX
from .target import kind_of
from .whole import whole_folder

Array = NDArray[Any]


class Writer(Protocol):
    """Takes the mesh piece by piece."""

    vertices: int
    triangles: int

    def add(self, verts: Array, faces: Array, normals: Array | None) -> None:
        """Take the next rows of the mesh."""


class Columns:
    """A mesh as arrays that grow: `verts`, `faces`, and `normals` where there are any."""

    def __init__(
        self, rows: Callable[[str, np.dtype[Any]], Any], real: np.dtype[Any], normals: np.dtype[Any] | None
    ) -> None:
        self.vertices = self.triangles = 0
        self.arrays = {"verts": rows("verts", real), "faces": rows("faces", np.dtype(np.int32))}
        if normals is not None:
            self.arrays["normals"] = rows("normals", normals)

    def add(self, verts: Array, faces: Array, normals: Array | None) -> None:
        """Append to each; faces are int32 until a vertex's number needs more, and then all int64."""
        self.vertices += len(verts)
        self.triangles += len(faces)
        whole = self.arrays["faces"]
        if self.vertices > INT32_MAX and whole.dtype != np.int64:
            whole.widen(np.dtype(np.int64))
        whole.append(faces)
        self.arrays["verts"].append(verts)
        if normals is not None:
            self.arrays["normals"].append(normals)

    def release(self) -> None:
        """Let go of the files, whatever is in them: what has been closed stays as it is."""
        for rows in self.arrays.values():
            rows.release()

    def close(self) -> dict[str, Any]:
        """Return what each has become."""
        return {name: rows.close() for name, rows in self.arrays.items()}


def in_memory(real: np.dtype[Any], normals: np.dtype[Any] | None) -> Columns:
    """Return a writer to memory."""
    return Columns(lambda _, dtype: MemoryRows(dtype), real, normals)


@contextmanager
def writer_to(path: Path, real: np.dtype[Any], normals: np.dtype[Any] | None) -> Iterator[Writer]:
    """Write to what a name's ending says, in types for the two; it is there when it is complete."""
    kind = kind_of(path)
    if kind == "ply":
        with ply_writer(path, real, normals is not None) as ply:
            yield ply
        return
    with whole_folder(path) as folder:
        if kind == "zarr":
            group = zarr_group(folder)
            columns = Columns(lambda name, dtype: ZarrRows(group, name, dtype), real, normals)
        else:
            columns = Columns(lambda name, dtype: NpyRows(folder / f"{name}.npy", dtype), real, normals)
        try:
            yield columns
            columns.close()
        finally:
            columns.release()
