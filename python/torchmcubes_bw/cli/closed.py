# SPDX-License-Identifier: MIT
"""Whether a mesh is closed, as programs see it that read the file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_FACES = 2**16  # looked at together: their edges are sorted in the cache


def is_closed(faces: Array, vertices: int) -> bool:
    """Every edge has exactly two faces, which run along it in opposite directions.

    The faces of a volume come in the order of its planes: an edge whose lower vertex no later face can have
    is judged at once, the others wait. In a mesh of any other order all of them wait to the end.
    """
    if len(faces) == 0:
        return True
    starts = range(0, len(faces), _FACES)
    lowest = [int(faces[start : start + _FACES].min()) for start in starts]
    later = np.minimum.accumulate([*lowest[1:], vertices][::-1])[::-1]  # of the vertices of all later faces
    waiting: list[Array] = []
    for start, bound in zip(starts, later.tolist(), strict=True):
        waiting.append(_edges(faces[start : start + _FACES], vertices))
        # All that wait are sorted again: not before there is as much to judge as was looked at.
        if bound <= lowest[start // _FACES] and bound < vertices:
            continue
        edges = np.concatenate(waiting)
        edges.sort()
        done = int(np.searchsorted(edges, bound * vertices * 2)) if bound < vertices else len(edges)
        if not _paired(edges[:done]):
            return False
        waiting = [edges[done:]]
    return True


def _edges(faces: Array, vertices: int) -> Array:
    """Return the three edges of each face: lower vertex, higher vertex and direction in one number."""
    edges = np.empty((3, len(faces)), np.int64)
    corners = [np.ascontiguousarray(faces[:, k], np.int64) for k in range(3)]
    for k, edge in enumerate(edges):
        a, b = corners[k], corners[(k + 1) % 3]
        np.minimum(a, b, out=edge)
        edge *= vertices
        edge += np.maximum(a, b)
        edge *= 2
        edge += a > b
    return edges.ravel()


def _paired(edges: Array) -> bool:
    """Whether of each edge there is one use in either direction, next to one another as they are sorted."""
    if len(edges) % 2:
        return False
    forth, back = edges[::2], edges[1::2]
    if not (forth & 1 == 0).all() or not (back == forth + 1).all():
        return False
    return bool((forth[1:] != forth[:-1]).all())
