# SPDX-License-Identifier: MIT
"""Marching cubes of a `dask.array`: slabs as tasks, on threads, processes or a cluster.

Every slab's mesh is counted, the counts are summed in a tree, and every slab gets its final addresses: the
chunks of the vertices and faces, one after another, are the mesh that `torchmcubes_bw.isosurface` gives of
the whole volume, byte for byte. Which worker does a task, and how often, never shows: a worker that dies
costs its tasks' time and nothing else.

In a lazy graph a slab's vertices are final at once, and its faces count from the slab's own first vertex
until the sum of those before it is known: what waits for that is the mesh, not the volume.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import placement
from .arguments.level import level as checked_level
from .arguments.masked import refuse_masked
from .arguments.options import one_of
from .streaming.ply import ply_writer
from .streaming.rows import new_zarr_array, zarr_group
from .streaming.slab import INT32_MAX, Asked, Planes, count, planes_of
from .streaming.sources import sample_dtype
from .streaming.surface import Written, placed, slab_height
from .streaming.target import PART, check_apart, kind_of, places_of
from .streaming.whole import whole_folder

try:
    import dask
    import dask.array as da
except ImportError as missing:
    raise ImportError(
        f"torchmcubes_bw.dask needs dask: pip install 'torchmcubes-bw[dask]' ({missing})"
    ) from None

Array = NDArray[Any]
Counts = tuple[int, int]  # vertices, triangles

_SLAB_BYTES = 128 * 2**20  # of samples: what a slab is made of where the chunks say nothing
_FAN = 16  # counts that one task of the scan sums


def marching_cubes(
    vol: Any,
    thresh: Any,
    *,
    spacing: Any = 1,
    origin: Any = 0,
    mask: Any = None,
    nan: str = "raise",
    border: str = "open",
    slab_planes: int | None = None,
) -> tuple[Any, Any]:
    """Extract the isosurface of a `dask.array` as lazy vertices and faces.

    Arguments:
        vol: ``(Nz, Ny, Nx)``, of any chunks. What is not in whole planes is rechunked, with a warning that
            says what that moves.
        thresh: Where the surface lies.
        mask: A bool array of `vol`'s shape, of Dask or NumPy, True where a sample counts.
        spacing, origin, nan, border: as in `torchmcubes_bw.isosurface`.
        slab_planes: Planes a slab, 1 or more. None: the array's own chunks along z, or 128 MB of samples.

    Returns:
        ``(verts, faces)``, two arrays of Dask with a chunk a slab, whose sizes are not known before they are
        computed. Faces are int64 where the whole mesh has more vertices than int32 counts, which nobody knows
        before either: they are announced as int32.

    Raises:
        TypeError, ValueError: An argument is not as described. When computed: a NaN that counts; the text
            names its slab.
    """
    slabs = _slabs(vol, thresh, spacing, origin, mask, nan, border, slab_planes)
    meshes = slabs.meshes()
    size, number = dask.delayed(_size, pure=True), dask.delayed(_numbered, pure=True)
    starts = _scan([size(mesh) for mesh in meshes])
    verts = [da.from_delayed(mesh[0], (np.nan, 3), slabs.asked.coordinate) for mesh in meshes]
    faces = [
        da.from_delayed(number(mesh[1], start), (np.nan, 3), np.dtype(np.int32))
        for mesh, start in zip(meshes, starts, strict=True)
    ]
    return da.concatenate(verts), da.concatenate(faces)


def write(
    vol: Any,
    thresh: Any,
    output: str | os.PathLike[str],
    *,
    spacing: Any = 1,
    origin: Any = 0,
    mask: Any = None,
    nan: str = "raise",
    border: str = "open",
    slab_planes: int | None = None,
) -> Written:
    """Extract the isosurface of a `dask.array` into a folder that all workers reach: whole, or not there.

    Arguments:
        output: ``name.zarr``: a group of `verts` and `faces`, each chunk written by one task; the volume is
            read twice, to be counted and to be emitted. A name without an ending: a folder with a PLY a slab,
            whose faces count from the slab's own first vertex, and a ``manifest.json`` that says which part
            begins where, in one reading; `join` makes one PLY of it. A folder is replaced where it holds
            nothing but such a mesh; never what `vol` or `mask` is read from, as far as they tell.
        vol, thresh, and all others: as in `marching_cubes`.

    Returns:
        Where it was written, and its numbers of vertices and triangles.

    Raises:
        As `marching_cubes`; OSError where it cannot be written; RuntimeError where the volume was another
        when it was read again.
    """
    path = Path(output)
    check_apart(path, "vol", places_of(vol))
    check_apart(path, "mask", places_of(mask))
    kind = kind_of(path)
    if kind == "ply":
        raise ValueError(f"output must end in .zarr, or be a folder without an ending, got {path}")
    slabs = _slabs(vol, thresh, spacing, origin, mask, nan, border, slab_planes)
    with whole_folder(path) as folder:
        counts = slabs.write_zarr(folder) if kind == "zarr" else slabs.write_parts(folder)
    vertices, triangles = _total(counts)
    return Written(path, vertices, triangles)


def join(parts: str | os.PathLike[str], output: str | os.PathLike[str]) -> Written:
    """Make one PLY of the parts that `write` has written.

    Arguments:
        parts: The folder.
        output: ``name.ply``; it is there when it is complete.

    Returns:
        Where it was written, and its numbers of vertices and triangles.

    Raises:
        ValueError: `parts` is no such folder, or not as its manifest says; `output` is no ``.ply``.
        OSError: It cannot be written.
    """
    folder, path = Path(parts), Path(output)
    if path.suffix.lower() != ".ply":
        raise ValueError(f"output must end in .ply, got {path}")
    kind_of(path)
    manifest = _read_manifest(folder)
    check_apart(path, "parts", (folder / part.file for part in manifest.parts))
    with ply_writer(path, manifest.vertex, normals=False) as writer:
        for part in manifest.parts:
            if (writer.vertices, writer.triangles) != (part.first_vertex, part.first_triangle):
                raise ValueError(f"parts must follow one another, and {part.file} does not")
            verts, faces = _read_part(folder / part.file, part, manifest.vertex)
            writer.add(verts, faces.astype(np.int64) + part.first_vertex, None)
    return Written(path, writer.vertices, writer.triangles)


class _Part(NamedTuple):
    """A slab's PLY, and where its rows lie in the whole mesh."""

    file: str
    first_vertex: int
    first_triangle: int
    vertices: int
    triangles: int


class _Manifest(NamedTuple):
    """What a folder of parts holds."""

    vertex: np.dtype[Any]
    parts: list[_Part]


class _Place(NamedTuple):
    """From voxels to the world."""

    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]


class _Slabs:
    """The volume in slabs: what each looks at, its counts, and where its mesh begins."""

    def __init__(self, asked: Asked, place: _Place, vol: Any, mask: Any) -> None:
        self.asked, self.place = asked, place
        self._vol, self._mask = vol, mask
        edges = [0, *accumulate(vol.chunks[0])]
        owned = [0, *(z + asked.border for z in edges[1:-1]), asked.grid_planes]
        self.ranges = list(pairwise(owned))

    def _seen(self, begin: int, end: int) -> tuple[int, list[Any], list[Any]]:
        """Return the first plane that a slab looks at, and the blocks of what it does, not put together."""
        first, last = self.asked.seen(begin, end)
        mask = [] if self._mask is None else _blocks(self._mask, first, last)
        return first, _blocks(self._vol, first, last), mask

    def meshes(self, starts: Sequence[Any] | None = None, counts: Sequence[Any] | None = None) -> list[Any]:
        """Return each slab's mesh, a task each; without addresses its faces begin with its own vertices."""
        make = dask.delayed(_mesh, pure=True, nout=2)
        none = [None] * len(self.ranges)
        return [
            make(self.asked, self.place, *each, *self._seen(*each), start or (0, 0, 0), wanted)
            for each, start, wanted in zip(self.ranges, starts or none, counts or none, strict=True)
        ]

    def write_parts(self, folder: Path) -> list[Counts]:
        """Write a PLY a slab, and last the manifest."""
        names = [f"part-{k:06d}.ply" for k in range(len(self.ranges))]
        store = dask.delayed(_write_part)
        tasks = [store(str(folder / name), mesh) for name, mesh in zip(names, self.meshes(), strict=True)]
        counts = list(dask.compute(*tasks))
        parts = [
            {
                "file": name, "first_vertex": start[0], "first_triangle": start[1],
                "vertices": size[0], "triangles": size[1],
            }
            for name, start, size in zip(names, _starts(counts), counts, strict=True)
        ]  # fmt: skip
        vertices, triangles = _total(counts)
        manifest = {"vertex": self.asked.coordinate.name, "vertices": vertices, "triangles": triangles}
        text = json.dumps({**manifest, "parts": parts}, indent=1)
        (folder / "manifest.json").write_text(text + "\n", "utf-8")
        return counts

    def write_zarr(self, folder: Path) -> list[Counts]:
        """Write two arrays, each chunk by one task, when all slabs are counted."""
        count_slab = dask.delayed(_count, pure=True)
        tasks = [count_slab(self.asked, *each, *self._seen(*each)) for each in self.ranges]
        counts = list(dask.compute(*tasks))
        total = _total(counts)
        starts = [(*start, total[0]) for start in _starts(counts)]
        meshes = self.meshes(starts, counts)
        group = zarr_group(folder)
        index = np.dtype(np.int64 if total[0] > INT32_MAX else np.int32)
        store = dask.delayed(_store)
        tasks = []
        for k, (name, dtype) in enumerate((("verts", self.asked.coordinate), ("faces", index))):
            target = new_zarr_array(group, name, total[k], dtype)
            edges = [start[k] for start in starts] + [total[k]]
            for first in range(0, total[k], target.chunks[0]):
                last = min(first + target.chunks[0], total[k])
                with_rows = range(bisect_right(edges, first) - 1, bisect_left(edges, last))
                parts = [(edges[n] - first, meshes[n][k]) for n in with_rows if edges[n] < edges[n + 1]]
                tasks.append(store(str(folder), name, first, last, parts))
        dask.compute(*tasks)
        return counts


def _slabs(
    vol: Any,
    thresh: Any,
    spacing: Any,
    origin: Any,
    mask: Any,
    nan: Any,
    border: Any,
    slab_planes: int | None,
) -> _Slabs:
    if not isinstance(vol, da.Array):
        raise TypeError(f"vol must be a dask.array.Array, got {type(vol).__name__}")
    if vol.ndim != 3:
        raise ValueError(f"vol must have 3 dimensions (Nz, Ny, Nx), got shape {vol.shape}")
    if np.isnan(np.array(vol.shape, float)).any():
        raise ValueError(f"vol must have chunks of known sizes, got shape {vol.shape}")
    if 0 in vol.shape:
        raise ValueError(f"vol must have no empty side, got shape {vol.shape}")
    dtype = sample_dtype(vol.dtype, "vol")
    if mask is not None:
        mask = da.asarray(mask)
        if mask.dtype != bool:
            raise TypeError(f"mask must have dtype bool, got {mask.dtype}")
        if mask.shape != vol.shape:
            raise ValueError(f"mask must have the shape of vol, {vol.shape}, got shape {mask.shape}")
    skip = one_of(nan, "nan", ("raise", "skip")) == "skip" and dtype.kind == "f"
    closed = one_of(border, "border", ("open", "closed")) == "closed"
    level, height = checked_level(thresh), slab_height(slab_planes)
    place = _Place(placement.spacing(spacing), placement.origin(origin))
    nz, ny, nx = (int(n) for n in vol.shape)
    asked = Asked((nz, ny, nx), dtype.name, level, mask is not None, skip, closed)
    rows = _in_planes(vol, height)
    if mask is not None:
        mask = mask.rechunk(rows.chunks)
    return _Slabs(asked, place, rows, mask)


def _in_planes(vol: Any, planes: int | None) -> Any:
    """Return the array in chunks of whole planes; say what it costs where it is not."""
    whole = all(len(sides) == 1 for sides in vol.chunks[1:])
    if whole and planes is None:
        return vol
    plane = vol.shape[1] * vol.shape[2] * vol.dtype.itemsize
    tall = max(vol.chunks[0])
    if planes is not None:
        height = min(planes, vol.shape[0])
    else:
        height = max(1, min(tall, -(-_SLAB_BYTES // plane)) if whole else _layer(tall, plane))
    rows = vol.rechunk((height, -1, -1))
    if not whole:
        warnings.warn(
            f"vol has chunks of {vol.chunksize}, and is rechunked to slabs of {height} planes: "
            f"{vol.nbytes / 1e9:.3g} GB move between tasks; a slab is {height * plane / 1e6:.3g} MB",
            stacklevel=4,
        )
    return rows


def _layer(tall: int, plane: int) -> int:
    """Return a slab's height: a layer of chunks, if that is no more than a slab should be."""
    return tall if tall * plane <= 4 * _SLAB_BYTES else max(1, _SLAB_BYTES // plane)


def _blocks(array: Any, first: int, last: int) -> list[Any]:
    """Return some planes as the blocks they lie in, cut where that is needed."""
    return list(array[first:last].to_delayed(optimize_graph=False).ravel())


def _scan(counts: list[Any]) -> list[Any]:
    """Return, as tasks, where each slab begins, and how many vertices there are: a tree of sums."""
    add, spread = dask.delayed(_sum, pure=True), dask.delayed(_starts_from, pure=True)
    levels = [counts]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([add(below[k : k + _FAN]) for k in range(0, len(below), _FAN)])
    total = levels[-1][0]
    starts: list[Any] = [(0, 0)]
    for below in levels[-2::-1]:
        groups = [spread(starts[k // _FAN], below[k : k + _FAN]) for k in range(0, len(below), _FAN)]
        starts = [groups[k // _FAN][k % _FAN] for k in range(len(below))]
    pair = dask.delayed(_with_total, pure=True)
    return [pair(start, total) for start in starts]


def _sum(counts: list[Counts]) -> Counts:
    return _total(counts)


def _total(counts: list[Counts]) -> Counts:
    return sum(v for v, _ in counts), sum(t for _, t in counts)


def _starts_from(first: Counts, counts: list[Counts]) -> list[Counts]:
    return [(first[0] + v, first[1] + t) for v, t in _starts(counts)]


def _starts(counts: list[Counts]) -> list[Counts]:
    vertices = accumulate((v for v, _ in counts), initial=0)
    triangles = accumulate((t for _, t in counts), initial=0)
    return list(zip(vertices, triangles, strict=True))[:-1]


def _with_total(start: Counts, total: Counts) -> tuple[int, int, int]:
    return (*start, total[0])


def _joined(blocks: list[Array], at: int, first: int, last: int, dtype: str, name: str) -> Planes:
    """Return some planes of blocks that follow one another from plane `at` on; in one, nothing is copied."""
    found = []
    for block in blocks:
        low, high = max(first - at, 0), min(last - at, len(block))
        if low < high:
            planes = f"{name}[{at + low}:{at + high}]"
            refuse_masked(block[low:high], planes, f": pass dask.array.ma.filled({name}, ...)")
            found.append(block[low:high])
        at += len(block)
    whole = np.concatenate(found) if len(found) > 1 else found[0]
    return planes_of(np.ascontiguousarray(whole, dtype), first)


def _parts(asked: Asked, begin: int, end: int, first: int, blocks: list[Array]) -> list[tuple[int, int]]:
    """Part a slab so that what looks into its neighbours is few planes, and the rest lies in one block."""
    starts = list(accumulate((len(block) for block in blocks), initial=first))
    largest = max(range(len(blocks)), key=lambda k: len(blocks[k]))
    low, high = starts[largest], starts[largest + 1]
    inner = low + asked.border + asked.more if low > 0 else begin
    outer = high - 1 + asked.border - asked.more if high < asked.shape[0] else end
    inner, outer = max(inner, begin), min(outer, end)
    if inner >= outer:
        return [(begin, end)]
    return [(a, b) for a, b in pairwise((begin, inner, outer, end)) if a < b]


def _plans(
    asked: Asked, begin: int, end: int, first: int, blocks: list[Array], mask: list[Array]
) -> Iterator[tuple[Any, Any]]:
    """Yield the counted parts of a slab, and what keeps their samples."""
    for a, b in _parts(asked, begin, end, first, blocks):
        seen = asked.seen(a, b)
        samples = _joined(blocks, first, *seen, asked.dtype, "vol")
        selected = _joined(mask, first, *seen, "bool", "mask") if mask else None
        yield count(asked, a, b, samples, selected), (samples, selected)


def _count(asked: Asked, begin: int, end: int, first: int, blocks: list[Array], mask: list[Array]) -> Counts:
    plans = _plans(asked, begin, end, first, blocks, mask)
    return _total([(plan.vertices, plan.triangles) for plan, _ in plans])


def _mesh(
    asked: Asked,
    place: _Place,
    begin: int,
    end: int,
    first: int,
    blocks: list[Array],
    mask: list[Array],
    start: tuple[int, int, int],
    wanted: Counts | None,
) -> tuple[Array, Array]:
    plans = list(_plans(asked, begin, end, first, blocks, mask))
    vertices, triangles = _total([(plan.vertices, plan.triangles) for plan, _ in plans])
    if wanted is not None and tuple(wanted) != (vertices, triangles):
        planes = f"planes {begin} to {end - 1}"
        raise RuntimeError(f"vol must not change while it is read: {planes} were others when counted")
    wide = start[2] > INT32_MAX
    verts = np.empty((vertices, 3), asked.coordinate)
    faces = np.empty((triangles, 3), np.int64 if wide else np.int32)
    v = t = 0
    for plan, _ in plans:
        plan.emit(start[0] + v, verts[v:].ctypes.data, faces[t:].ctypes.data, wide)
        v, t = v + plan.vertices, t + plan.triangles
    return placed(verts, *place, asked.coordinate, 1), faces


def _size(mesh: tuple[Array, Array]) -> Counts:
    return len(mesh[0]), len(mesh[1])


def _numbered(faces: Array, start: tuple[int, int, int]) -> Array:
    """Give a slab's faces the numbers that their vertices have in the whole mesh."""
    return faces + np.dtype(np.int64 if start[2] > INT32_MAX else np.int32).type(start[0])


def _store(folder: str, name: str, first: int, last: int, parts: list[tuple[int, Array]]) -> None:
    """Write one chunk of a zarr array: rows of the slabs that have some in it, each from its place on."""
    import zarr  # noqa: PLC0415 - an extra

    array: Any = zarr.open_group(folder, mode="r+")[name]
    rows = [part[max(-at, 0) : last - first - at] for at, part in parts]
    array[first:last] = np.concatenate(rows)


def _write_part(path: str, mesh: tuple[Array, Array]) -> Counts:
    """Write a slab's PLY: whole or not at all, since a task may run twice."""
    verts, faces = mesh
    with ply_writer(Path(path), verts.dtype, normals=False) as writer:
        writer.add(verts, faces, None)
    return _size(mesh)


def _read_manifest(folder: Path) -> _Manifest:
    path = folder / "manifest.json"
    try:
        text = path.read_bytes()
    except OSError:
        raise ValueError(f"parts must be a folder with a manifest.json, got {folder}") from None
    try:
        found = json.loads(text)
        parts = [_Part(**part) for part in found["parts"]]
        whole = found["vertex"] in ("float32", "float64") and all(map(_is_part, parts))
        sizes = (found["vertices"], found["triangles"])
        if whole and sizes == _total([(part.vertices, part.triangles) for part in parts]):
            return _Manifest(np.dtype(found["vertex"]), parts)
    except (ValueError, TypeError, LookupError, RecursionError):  # damage is of any kind
        pass
    raise ValueError(f"{path} must be as dask.write has written it, and is not")


def _is_part(part: _Part) -> bool:
    counts = all(type(number) is int and number >= 0 for number in part[1:])
    return counts and isinstance(part.file, str) and re.fullmatch(PART, part.file) is not None


def _read_part(path: Path, part: _Part, real: np.dtype[Any]) -> tuple[Array, Array]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"parts must hold what manifest.json lists, and {path}: {error.strerror}") from None
    head, end, _ = data.partition(b"end_header\n")
    body = len(head) + len(end)
    rows = np.dtype([("count", "u1"), ("corners", "<u4", 3)])
    if not end or len(data) - body != 3 * real.itemsize * part.vertices + rows.itemsize * part.triangles:
        raise ValueError(f"{path} must have the size that manifest.json says, got {len(data)} bytes")
    verts = np.frombuffer(data, real, 3 * part.vertices, body).reshape(-1, 3)
    return verts, np.frombuffer(data, rows, part.triangles, body + verts.nbytes)["corners"]
