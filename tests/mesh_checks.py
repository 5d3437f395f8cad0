# SPDX-License-Identifier: MIT
"""What a mesh is judged by. Every check here is itself tested in test_mesh_checks.py."""

from __future__ import annotations

import numpy as np


def _directed_edges(faces):
    faces = np.asarray(faces, dtype=np.int64)
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def open_edges(faces):
    """Return the directed edges that lack their one partner: not exactly once each way."""
    edges = _directed_edges(faces)
    size = edges.max(initial=0) + 1
    key, back = edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0]
    unique, count = np.unique(key, return_counts=True)
    once = unique[count == 1]
    matched = np.isin(key, once) & np.isin(back, once)
    return edges[~matched]


def is_closed(faces):
    """Every edge belongs to exactly two faces, which run along it in opposite directions."""
    return len(open_edges(faces)) == 0


def is_closed_away_from_border(verts, faces, shape):
    """As `is_closed`, but for edges that lie in the border of a volume of this shape."""
    verts, open_ = np.asarray(verts), open_edges(faces)
    end = np.array(shape[::-1]) - 1
    for low_or_high in (0, end):
        on_border = (verts == low_or_high)[open_]  # (edges, 2 ends, 3 axes)
        open_ = open_[~on_border.all(axis=1).any(axis=1)]
    return len(open_) == 0


def most_faces_on_an_edge(faces):
    """Return how many faces share the edge that most of them share."""
    faces = np.asarray(faces, dtype=np.int64)
    edges = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    return int(np.unique(edges, axis=0, return_counts=True)[1].max(initial=0))


def split_vertices(faces):
    """Return the vertices whose faces, of any number of corners, do not form one fan."""
    faces = np.asarray(faces, dtype=np.int64)
    corner, after, before = (
        faces.ravel(),
        np.roll(faces, -1, axis=1).ravel(),
        np.roll(faces, 1, axis=1).ravel(),
    )
    fan = np.arange(len(corner))  # of each face's corner; two that share an edge at a vertex come to one
    size = corner.max(initial=0) + 1
    order = np.argsort(corner * size + after)
    place = np.searchsorted((corner * size + after)[order], corner * size + before)
    neighbour = order[np.minimum(place, max(len(order) - 1, 0))]
    joined = (corner[neighbour] == corner) & (after[neighbour] == before)
    for _ in range(len(corner)):
        lowest = fan.copy()
        np.minimum.at(lowest, np.flatnonzero(joined), fan[neighbour[joined]])
        np.minimum.at(lowest, neighbour[joined], fan[joined])
        if np.array_equal(lowest, fan):
            break
        fan = lowest
    fans = np.unique(np.stack([corner, fan]), axis=1)[0]
    vertices, count = np.unique(fans, return_counts=True)
    return vertices[count > 1]


def smallest_angles(verts, faces):
    """Return the smallest angle of each triangle, in degrees."""
    a, b, c = _corners(verts, faces)

    def angle(at, p, q):
        u, v = p - at, q - at
        return np.arctan2(np.linalg.norm(np.cross(u, v), axis=1), np.einsum("ij,ij->i", u, v))

    return np.degrees(np.minimum(np.minimum(angle(a, b, c), angle(b, c, a)), angle(c, a, b)))


def uses_every_vertex(verts, faces):
    """No vertex is without a face, no face names a vertex that is not there."""
    faces = np.asarray(faces)
    return np.array_equal(np.unique(faces), np.arange(len(verts)))


def has_distinct_corners(faces):
    """No face names a vertex twice."""
    faces = np.asarray(faces)
    a, b, c = faces.T
    return bool(((a != b) & (b != c) & (c != a)).all())


def euler_number(verts, faces):
    """Return V - E + F: 2 for each closed surface without a handle, 2 less for each handle."""
    edges = np.unique(np.sort(_directed_edges(faces), axis=1), axis=0)
    return len(verts) - len(edges) + len(faces)


def _corners(verts, faces):
    return np.asarray(verts, dtype=np.float64)[np.asarray(faces)].transpose(1, 0, 2)


def area(verts, faces):
    """Return the mesh's area in square voxels."""
    a, b, c = _corners(verts, faces)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def signed_volume(verts, faces):
    """Return the volume enclosed, in cubic voxels: positive where the normals point outward."""
    a, b, c = _corners(verts, faces)
    return np.einsum("ij,ij->", a, np.cross(b, c)) / 6
