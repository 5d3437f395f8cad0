# SPDX-License-Identifier: MIT
"""The mesh on its way to the file: without what viewers and printers stumble over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import CliError
from .scan.extras import library

Array = NDArray[Any]

_FACES = 2**16  # looked at together
_PLAIN = 16  # powers of two that the simplification computes well with


@dataclass
class Part:
    """A mesh with a name.

    Attributes:
        verts: (V, 3) in the world, float64 where float32 would move them. faces: (F, 3), outward.
        name: of a label. colour: of the whole part, red, green, blue from 0 to 1.
        normals: (V, 3) float32 of length 1. colours: (V, 3) uint8.
        centre: (3,) in the world, where the vertices are told from it.
    """

    verts: Array
    faces: Array
    name: str = "surface"
    colour: tuple[float, float, float] | None = None
    normals: Array | None = None
    colours: Array | None = None
    centre: Array | None = None

    def keep(self, faces: Array) -> None:
        """Take other faces, and leave out the vertices that none of them uses."""
        used = np.zeros(len(self.verts), bool)
        used[faces.ravel()] = True
        if used.all():
            self.faces = faces
            return
        place = np.cumsum(used, dtype=faces.dtype) - 1
        self.verts, self.faces = self.verts[used], np.take(place, faces)
        self.normals = None if self.normals is None else self.normals[used]
        self.colours = None if self.colours is None else self.colours[used]


def merge_coincident(part: Part, candidates: Array) -> tuple[int, int]:
    """Let vertices at one place be one, and drop the faces that this leaves without area.

    `candidates` are the vertices that may lie upon another. Returns how many vertices and faces went.
    """
    if len(candidates) < 2:
        return 0, 0
    places = part.verts[candidates] + 0.0  # -0.0 lies where 0.0 does
    order = np.lexsort(places.T)
    equal = np.concatenate([[False], (np.diff(places[order], axis=0) == 0).all(axis=1)])
    if not equal.any():
        return 0, 0
    # The lowest index of those at one place stays, whatever order the sorting left them in.
    lowest = np.minimum.reduceat(candidates[order], np.flatnonzero(~equal))
    target = np.arange(len(part.verts), dtype=part.faces.dtype)
    target[candidates[order]] = lowest[np.cumsum(~equal) - 1]
    return _redirect(part, target)


def _redirect(part: Part, target: Array) -> tuple[int, int]:
    """Let each vertex be its target; return how many vertices and faces that leaves out.

    Few vertices move, and a run of faces uses a run of vertices: most runs are not looked into.
    """
    moves = target != np.arange(len(target), dtype=target.dtype)
    doubtful = np.zeros(len(target), bool)  # corners of faces that go: does another face use them?
    kept = seen = 0
    for faces, some in _runs(part.faces, np.flatnonzero(moves)):
        start, seen = seen, seen + len(faces)
        if some:
            moved = target[faces]
            flat = (moved[:, 0] == moved[:, 1]) | (moved[:, 1] == moved[:, 2]) | (moved[:, 2] == moved[:, 0])
            doubtful[moved[flat].ravel()] = True
            faces = moved[~flat]
        if some or kept < start:
            part.faces[kept : kept + len(faces)] = faces
        kept += len(faces)
    dropped, part.faces = len(part.faces) - kept, part.faces[:kept]
    for faces, some in _runs(part.faces, np.flatnonzero(doubtful)):
        if some:
            doubtful[faces[doubtful[faces]]] = False
    gone = np.flatnonzero(moves | doubtful)
    for faces, some in _runs(part.faces, gone):
        faces -= np.searchsorted(gone, faces if some else faces[0, 0]).astype(faces.dtype)
    part.verts = np.delete(part.verts, gone, axis=0)
    part.normals = None if part.normals is None else np.delete(part.normals, gone, axis=0)
    part.colours = None if part.colours is None else np.delete(part.colours, gone, axis=0)
    return len(gone), dropped


def _runs(faces: Array, vertices: Array) -> Iterator[tuple[Array, bool]]:
    """Yield the faces in runs, and whether any of the vertices (in order) may be among a run's."""
    for start in range(0, len(faces), _FACES):
        run = faces[start : start + _FACES]
        first, end = np.searchsorted(vertices, [run.min(), run.max() + 1])
        yield run, bool(first < end)


def face_normals(part: Part) -> Array:
    """Return the normals of the vertices: the mean of their faces', by area, of length 1."""
    count = len(part.verts)
    total = np.zeros((3, count))
    centre = part.verts[0] if count else 0  # differences far from the origin keep their digits
    moved = part.verts - centre
    corners = np.ascontiguousarray(np.ldexp(moved, -exponent(moved)).T, np.float32)
    for start in range(0, len(part.faces), _FACES):
        faces = part.faces[start : start + _FACES]
        low = int(faces.min())
        span = int(faces.max()) - low + 1  # a run of faces uses a run of vertices: sums stay in the cache
        local = np.ascontiguousarray(faces.T, np.intp) - low
        across = _cross(*(np.take(corners[:, low : low + span], at, axis=1) for at in local))
        for axis in range(3):
            for at in local:
                total[axis, low : low + span] += np.bincount(at, across[axis], span)
    return unit_length(total.T)


def _cross(a: Array, b: Array, c: Array) -> Array:
    """Return (b - a) x (c - a) of points (3, N)."""
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    return np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])


def exponent(values: Array) -> int:
    """Return the power of two that is just above all the values' sizes."""
    return int(np.frexp(max(values.max(initial=0), -values.min(initial=0)))[1])


def unit_length(vectors: Array) -> Array:
    """Return vectors (V, 3) at length 1 in float32; what has no direction points up."""
    result = np.empty(vectors.shape, np.float32)
    for start in range(0, len(vectors), _FACES):
        some = vectors[start : start + _FACES].astype(np.float64)
        length = np.sqrt(np.einsum("ij,ij->i", some, some))
        flat = ~((length > 0) & (length < np.inf))
        some /= np.where(flat, 1, length)[:, None]
        some[flat] = (0, 0, 1)
        result[start : start + _FACES] = some
    return result


def largest(part: Part) -> str:
    """Keep the connected piece with the most faces."""
    library("scipy", "mesh", "--largest")
    from scipy import sparse  # noqa: PLC0415 - an extra
    from scipy.sparse import csgraph  # noqa: PLC0415

    a, b, c = part.faces.T
    links = np.concatenate([a, b]), np.concatenate([b, c])
    graph = sparse.coo_matrix((np.ones(len(links[0]), np.int8), links), (len(part.verts),) * 2)
    pieces, label = csgraph.connected_components(graph, directed=False)
    sizes = np.bincount(label[a], minlength=pieces)
    part.keep(part.faces[label[a] == sizes.argmax()])
    rest = int((sizes > 0).sum()) - 1
    return f"--largest: kept {sizes.max()} of {sizes.sum()} faces, left out {rest} pieces"


def smooth(part: Part, rounds: int) -> str:
    """Smooth by Taubin's rule (1995), which does not shrink."""
    trimesh = library("trimesh", "cli", "--smooth")
    library("scipy", "mesh", "--smooth")
    mesh = trimesh.Trimesh(part.verts, part.faces, process=False)
    before = mesh.volume
    mean = trimesh.smoothing.laplacian_calculation(mesh)
    # An edge of four faces counts once in a row and twice in what it was divided by.
    mean = mean.multiply(1 / mean.sum(axis=1)).tocsr()
    trimesh.smoothing.filter_taubin(mesh, iterations=rounds, laplacian_operator=mean)
    moved = np.linalg.norm(mesh.vertices - part.verts, axis=1).max(initial=0)
    part.verts, part.normals = np.asarray(mesh.vertices).astype(part.verts.dtype), None
    change = (mesh.volume / before - 1) * 100 if before else 0.0
    return f"--smooth {rounds}: vertices moved by at most {moved:.4g}, volume by {change:+.2f} %"


def simplify(part: Part, fraction: float) -> str:
    """Leave a fraction of the faces, by quadric error (Garland and Heckbert 1997)."""
    fast = library("fast_simplification", "mesh", "--simplify", "fast-simplification")
    count = len(part.faces)
    wanted = max(4, round(count * fraction))
    centre = part.verts.mean(axis=0, dtype=np.float64)  # it computes in float32
    moved = part.verts - centre
    power = exponent(moved)
    power = power if abs(power) > _PLAIN else 0
    verts, faces = fast.simplify(
        np.ldexp(moved, -power).astype(np.float32), part.faces.astype(np.int32), target_count=wanted
    )
    if len(faces) == 0:
        raise CliError(f"--simplify {fraction:g} must leave some faces, got none of {count}")
    part.verts = (np.ldexp(verts.astype(np.float64), power) + centre).astype(part.verts.dtype)
    part.faces, part.normals, part.colours = np.asarray(faces, part.faces.dtype), None, None
    return f"--simplify {fraction:g}: {len(faces)} of {count} faces"
