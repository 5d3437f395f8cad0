# SPDX-License-Identifier: MIT
"""Surfaces of volumes that are larger than memory."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .budget import budget, memory
from .slab import Asked, Piece
from .sources import Source, mask_source, source
from .target import check_apart, kind_of, places_of
from .walk import Progress, walk
from .writers import in_memory, writer_to

if TYPE_CHECKING:
    import torch

    from ..mesh import Mesh

Array = NDArray[Any]
Triple = tuple[float, float, float]


class Written(NamedTuple):
    """A mesh that was written: where, and how large it is."""

    path: Path
    vertices: int
    triangles: int


def stream_surface(
    vol: Any,
    level: SupportsFloat,
    output: str | os.PathLike[str] | None = None,
    *,
    shape: Sequence[int] | None = None,
    spacing: Any = 1,
    origin: Any = 0,
    mask: Any = None,
    nan: str = "raise",
    border: str = "open",
    normals: bool = False,
    dtype: torch.dtype | None = None,
    max_memory: int | str = "2GB",
    slab_planes: int | None = None,
    progress: Progress | None = None,
) -> Mesh | Written:
    """Extract the isosurface of a volume that is larger than memory, slab by slab, in one walk.

    The mesh is that of `isosurface`, byte for byte: every slab is emitted at its final addresses, so there is
    nothing to weld. The next slab is read in a thread while one is worked on. It is computed on the CPU.

    Arguments:
        vol: ``(Nz, Ny, Nx)``: anything with `shape`, `dtype` and slicing (`numpy.memmap`, zarr, h5py, a
            tensor on any device), or a function ``f(z0, z1)`` that returns planes z0 to z1 - 1, called with
            ``(0, 1)`` first, for their dtype. Slices are taken along z alone.
        level: Where the surface lies.
        output: ``name.ply``; ``name.zarr``, a group; a name without an ending, a folder of `.npy` files; the
            latter two hold `verts`, `faces` and, where they are wanted, `normals`. It is there when it is
            complete and not before, even if the process is killed, and replaces a file, or a folder that
            holds nothing but such a mesh; never what `vol` or `mask` is read from, as far as they tell. None:
            the mesh is returned.
        shape: ``(Nz, Ny, Nx)``, for a function; of anything else None, or its own.
        spacing, origin, nan, border, normals, dtype: as in `isosurface`.
        mask: A bool volume of `vol`'s shape, True where a sample counts; a function, too.
        max_memory: What the walk may take beside what the process holds already, and beside a mesh that is
            returned: bytes, or as ``"2GB"``, ``"1.5GiB"``.
        slab_planes: Planes read at a time. None: as many as the memory allows and are worth it, whole chunks
            where the volume is stored in some.
        progress: Called as ``progress(planes done, planes)`` after every slab.

    Returns:
        A `Mesh` on the CPU, or, with `output`, where it was written and its numbers of vertices and triangles
        (`Written`).

    Raises:
        TypeError, ValueError: An argument is not as described. A NaN that counts; the text names the slab.
        RuntimeError: Planes that cannot be read; the text names them, and says why.
        OSError: The output cannot be written.

    >>> import torch
    >>> vol = torch.ones(4, 4, 4)
    >>> vol[1:, 1:, 1:] = -1
    >>> stream_surface(vol, 0.0, border="closed", slab_planes=1)
    Mesh(54 vertices, 104 faces, level 0, cpu)
    """
    from ..arguments import placement  # noqa: PLC0415 - torch, without which the command line does
    from ..arguments.level import level as checked_level  # noqa: PLC0415
    from ..arguments.options import one_of  # noqa: PLC0415

    planes = source(vol, shape=shape)
    which = None if mask is None else mask_source(mask, planes)
    if output is not None:
        check_apart(Path(output), "vol", places_of(vol))
        check_apart(Path(output), "mask", places_of(mask))
        kind_of(Path(output))
    skip = one_of(nan, "nan", ("raise", "skip")) == "skip"
    closed = one_of(border, "border", ("open", "closed")) == "closed"
    apart, first = placement.spacing(spacing), placement.origin(origin)
    at = checked_level(level, "level")
    import torch  # noqa: PLC0415

    asked = asked_of(planes, at, which is not None, skip, closed, normals, apart, torch.get_num_threads())
    if dtype not in (None, torch.float32, torch.float64):
        raise ValueError(f"dtype must be torch.float32, torch.float64 or None, got {dtype}")
    real = asked.coordinate if dtype is None else np.dtype(str(dtype).removeprefix("torch."))
    room = budget(asked, planes, which, memory(max_memory), slab_height(slab_planes))
    directions = asked.coordinate if normals else None
    pieces = walk(asked, (planes, which), room, progress)

    def carry(piece: Piece) -> tuple[Array, Array, Array | None]:
        return placed(piece.verts, apart, first, real, asked.threads), piece.faces, piece.normals

    if output is not None:
        path = Path(output)
        return write(path, pieces, real, directions, carry)
    from ..mesh import Mesh  # noqa: PLC0415

    columns = in_memory(real, directions)
    for piece in pieces:
        columns.add(*carry(piece))
    arrays = {name: torch.from_numpy(array) for name, array in columns.close().items()}
    return Mesh(arrays["verts"], arrays["faces"], arrays.get("normals"), level=at)


def asked_of(
    vol: Source,
    level: float,
    masked: bool,
    skip_nan: bool,
    closed: bool,
    normals: bool,
    spacing: Triple,
    threads: int,
) -> Asked:
    """Return what is asked of a volume; integers hold no NaN to skip."""
    skips = skip_nan and "float" in vol.dtype
    return Asked(vol.shape, vol.dtype, level, masked, skips, closed, normals, spacing, threads)


def write(
    path: Path,
    pieces: Iterator[Piece],
    real: np.dtype[Any],
    normals: np.dtype[Any] | None,
    carry: Callable[[Piece], tuple[Array, Array, Array | None]],
) -> Written:
    """Write a mesh as it comes, each piece as `carry` turns it.

    Raises:
        OSError: it cannot be written: which, why, and at which planes.
    """
    planes = "the first planes"
    try:
        with writer_to(path, real, normals) as writer:
            for piece in pieces:
                planes = f"planes {piece.begin} to {piece.end - 1}"
                writer.add(*carry(piece))
            planes = "the end"
        return Written(path, writer.vertices, writer.triangles)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"cannot write {path}: {reason}, at {planes}") from error
    finally:
        close = getattr(pieces, "close", None)  # ends the thread that reads
        if close is not None:
            close()


def placed(verts: Array, spacing: Triple, origin: Triple, real: np.dtype[Any], threads: int) -> Array:
    """Carry vertices from voxels to the world: in place, or copied to another type."""
    if verts.dtype == real and spacing == (1, 1, 1) and origin == (0, 0, 0):
        return verts
    to = verts if verts.dtype == real else np.empty(verts.shape, real)
    double = np.float64
    _core.place(
        verts.ctypes.data,
        verts.dtype == double,
        to.ctypes.data,
        real == double,
        len(verts),
        spacing,
        origin,
        threads,
    )
    return to


def slab_height(planes: Any) -> int | None:
    """Check a caller's own number of planes a slab."""
    if planes is None:
        return None
    try:
        height = None if isinstance(planes, bool) else operator.index(planes)
    except TypeError:
        height = None
    if height is None:
        raise TypeError(f"slab_planes must be an integer, got {type(planes).__name__}")
    if height < 1:
        raise ValueError(f"slab_planes must be at least 1, got {height}")
    return height
