# SPDX-License-Identifier: MIT
"""The one walk over a volume: slab by slab, each emitted at its final addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from .ahead import Slab, slabs
from .budget import Budget
from .slab import Asked, Piece, count, emit
from .sources import Source

Progress = Callable[[int, int], object]  # planes done, and all


def walk(
    asked: Asked,
    sources: tuple[Source, Source | None],
    budget: Budget,
    progress: Progress | None = None,
) -> Iterator[Piece]:
    """Yield the mesh in pieces, in order: together they are the mesh of the whole volume."""
    vertices = triangles = 0
    for slab in slabs(asked, sources, budget.planes):
        for piece in _pieces(asked, slab, slab.begin, slab.end, (vertices, triangles), budget.mesh):
            vertices += len(piece.verts)
            triangles += len(piece.faces)
            yield piece
        if progress is not None:
            progress(min(slab.end, asked.shape[0]), asked.shape[0])


def _pieces(
    asked: Asked, slab: Slab, begin: int, end: int, at: tuple[int, int], most: int
) -> Iterator[Piece]:
    """Yield the mesh of a slab, in as many parts as keep each below `most` bytes."""
    if begin == end:
        return
    plan = count(asked, begin, end, slab.planes, slab.mask)
    parts = min(-(-mesh_bytes(asked, plan.vertices, plan.triangles) // most), end - begin)
    if parts <= 1:
        yield emit(asked, plan, begin, end, *at)
        return
    del plan
    edges = [begin + (end - begin) * k // parts for k in range(parts + 1)]
    for first, last in pairwise(edges):
        for piece in _pieces(asked, slab, first, last, at, most):
            at = (at[0] + len(piece.verts), at[1] + len(piece.faces))
            yield piece


def mesh_bytes(asked: Asked, vertices: int, triangles: int) -> int:
    """Return what a mesh takes in memory."""
    return vertices * asked.coordinate.itemsize * (6 if asked.normals else 3) + triangles * 12
