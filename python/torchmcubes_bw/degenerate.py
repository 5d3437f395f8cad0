# SPDX-License-Identifier: MIT
"""Vertices that fall on one place, and the faces without area between them.

Where a sample equals the level, the vertices of all its crossed edges lie on it; so do those of a closed
border where a corner or an edge of the box is inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]


def merged(verts: NDArray[Any], faces: NDArray[Any]) -> tuple[Indices, Indices]:
    """Merge what lies on one sample and hangs together there, and drop the faces that are left without area.

    Only vertices joined by an edge of the mesh are merged: sheets that touch on a sample stay two, so that
    a closed mesh stays closed and its faces turned as they were.

    Arguments:
        verts: ``(V, 3)`` in voxels.
        faces: ``(F, 3)``.

    Returns:
        ``(kept, faces)``: the vertices that stay, ascending, of those merged the first; and the faces that
        stay, in their order, as indices into them.
    """
    faces = faces.astype(np.int64)
    stands_for = _representatives(verts, faces)
    merges = np.flatnonzero(stands_for != np.arange(len(verts)))
    if len(merges) == 0:
        return np.arange(len(verts)), faces
    faces = stands_for[faces]
    flat = (faces[:, 0] == faces[:, 1]) | (faces[:, 1] == faces[:, 2]) | (faces[:, 2] == faces[:, 0])
    faces = faces[~flat]
    grown = np.zeros(len(verts), dtype=bool)  # only around these can faces have come to lie on each other
    grown[stands_for[merges]] = True
    near = np.flatnonzero(grown[faces].any(axis=1))
    gone = near[~_unpaired(faces[near])]
    faces = np.delete(faces, gone, axis=0)
    kept = np.unique(faces)
    number = np.zeros(len(verts), dtype=np.int64)
    number[kept] = np.arange(len(kept))
    return kept, number[faces]


def _representatives(verts: NDArray[Any], faces: Indices) -> Indices:
    """Return for each vertex the first of those that it is merged with."""
    on_sample = (verts == np.floor(verts)).all(axis=1)
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = ends[on_sample[ends].all(axis=1)]
    ends = ends[(verts[ends[:, 0]] == verts[ends[:, 1]]).all(axis=1)]
    first = np.arange(len(verts))
    while True:  # as often as the longest chain on one sample is long: a few times
        low = np.minimum(first[ends[:, 0]], first[ends[:, 1]])
        if (first[ends] == low[:, None]).all():
            return first
        np.minimum.at(first, ends[:, 0], low)
        np.minimum.at(first, ends[:, 1], low)


def _unpaired(faces: Indices) -> NDArray[np.bool_]:
    """Tell the faces that stay when those that lie on each other the other way round go, pair by pair.

    A sheet folded onto itself has no inside.
    """
    turned = np.take_along_axis(faces, (faces.argmin(axis=1)[:, None] + np.arange(3)) % 3, axis=1)
    direction = np.where(turned[:, 1] < turned[:, 2], 1, -1)
    _, triangle = np.unique(np.sort(faces, axis=1), axis=0, return_inverse=True)
    triangle = triangle.reshape(-1)
    surplus = np.bincount(triangle, weights=direction).astype(np.int64)
    # Each face's number among those of its triangle and direction: the first so many as are surplus stay.
    order = np.lexsort((direction, triangle))
    starts = np.flatnonzero(np.diff(2 * triangle[order] + (direction[order] > 0), prepend=-1))
    rank = np.empty(len(faces), dtype=np.int64)
    rank[order] = np.arange(len(faces)) - np.repeat(starts, np.diff(starts, append=len(faces)))
    kept: NDArray[np.bool_] = (direction * surplus[triangle] > 0) & (rank < np.abs(surplus[triangle]))
    return kept
