# SPDX-License-Identifier: MIT
"""Marching cubes and trilinear interpolation, slow and obvious: what the package must equal bit for bit.

The 256 cases are derived here a second time, by other means than in csrc/core: from sets of corners and
from the winding's definition, not from a walk around faces.
"""

from __future__ import annotations

from itertools import product

import numpy as np

# Corner c sits at (x, y, z) = the bits of c.
CORNERS = [np.array([c & 1, c >> 1 & 1, c >> 2 & 1]) for c in range(8)]


def _edges():
    """Return the twelve edges as (lower corner, upper corner), in their numbering."""
    edges = []
    for axis in range(3):
        a_axis, b_axis = [k for k in range(3) if k != axis]
        for b, a in product(range(2), range(2)):
            low = (a << a_axis) + (b << b_axis)
            edges.append((low, low + (1 << axis)))
    return edges


EDGES = _edges()
MIDPOINTS = [(CORNERS[low] + CORNERS[high]) / 2 for low, high in EDGES]
FACES = [[c for c in range(8) if CORNERS[c][axis] == side] for axis in range(3) for side in range(2)]


def _on_face(edge, face):
    return EDGES[edge][0] in face and EDGES[edge][1] in face


def _segments(inside):
    """Return the directed segments (from edge, to edge) that a case draws on the cube's faces.

    On a face each group of inside corners joined along the face's sides is cut off by one segment, with
    the group on the segment's right as seen from outside the cube.
    """
    segments = []
    for face in FACES:
        centre = sum(CORNERS[c] for c in face) / 4
        outward = centre - 0.5
        for group in _groups(face, inside):
            crossed = [
                e for e in range(12) if _on_face(e, face) and len({EDGES[e][0], EDGES[e][1]} & group) == 1
            ]
            if not crossed:
                continue
            first, last = crossed
            middle = sum(CORNERS[c] for c in group) / len(group)
            along = MIDPOINTS[last] - MIDPOINTS[first]
            to_group = middle - (MIDPOINTS[first] + MIDPOINTS[last]) / 2
            right = np.dot(np.cross(along, outward), to_group) > 0
            segments.append((first, last) if right else (last, first))
    return segments


def _groups(face, inside):
    """Return the inside corners of a face, grouped along the face's sides."""
    left = {c for c in face if c in inside}
    groups = []
    while left:
        group, todo = set(), [left.pop()]
        while todo:
            c = todo.pop()
            group.add(c)
            near = {d for d in left if np.abs(CORNERS[c] - CORNERS[d]).sum() == 1}
            left -= near
            todo += near
        groups.append(group)
    return groups


def _loops(inside):
    follows = dict(_segments(inside))
    loops = []
    for start in sorted(follows):
        if any(start in loop for loop in loops):
            continue
        loop = [start]
        while follows[loop[-1]] != start:
            loop.append(follows[loop[-1]])
        loops.append(loop)
    return loops


def flat_diagonals(loop, apex):
    """Count the diagonals of the fan around loop[apex] that lie in a face of the cube."""
    others = [loop[(apex + k) % len(loop)] for k in range(2, len(loop) - 1)]
    return sum(
        any(_on_face(loop[apex], face) and _on_face(other, face) for face in FACES) for other in others
    )


def triangles_of_case(case):
    """Return the triangles of a case, three edge numbers each, in the table's order."""
    inside = {c for c in range(8) if case >> c & 1}
    triangles = []
    for loop in _loops(inside):
        apex = min(range(len(loop)), key=lambda k: (flat_diagonals(loop, k), loop[k]))
        fan = loop[apex:] + loop[:apex]
        triangles += [(fan[0], fan[k], fan[k + 1]) for k in range(1, len(fan) - 1)]
    return triangles


TABLE = [triangles_of_case(case) for case in range(256)]


def real_type(dtype):
    """Return the type in which a volume's vertices are computed."""
    wide = (np.float64, np.int32, np.int64, np.uint32, np.uint64)
    return np.float64 if dtype in wide else np.float32


def marching_cubes(vol, thresh, counts=None, closed=False):
    """Extract the isosurface of a NumPy volume in the canonical order.

    `counts` tells which samples do; a cell with a corner that does not yields nothing. A closed border is one
    layer of outside samples around the volume.
    """
    real = real_type(vol.dtype)
    coordinate = np.float64 if vol.dtype == np.float64 else np.float32
    samples = vol.astype(real)
    with np.errstate(over="ignore"):
        level = real(thresh)
    inside = samples < level
    counts = np.ones(vol.shape, bool) if counts is None else counts
    if closed:
        samples, inside, counts = (
            np.pad(samples, 1),
            np.pad(inside, 1),
            np.pad(counts, 1, constant_values=True),
        )
    cells = _cells_that_count(counts)
    verts, ids = _vertices(samples, inside, cells, level, real, closed)
    faces = _faces(inside, cells, ids)
    return (
        np.array(verts, dtype=coordinate).reshape(-1, 3),
        np.array(faces, dtype=np.int32).reshape(-1, 3),
    )


def _cells_that_count(counts):
    """Return a set of the cells (z, y, x) whose eight corners count."""
    sides = [range(n - 1) for n in counts.shape]
    return {
        (z, y, x) for z, y, x in product(*sides) if all(counts[z + c[2], y + c[1], x + c[0]] for c in CORNERS)
    }


def _is_used(cells, lower, axis):
    """Tell whether one of the cells around the edge of a lower voxel (x, y, z) counts."""
    around = [(lower[k],) if k == axis else (lower[k] - 1, lower[k]) for k in range(3)]
    return any((z, y, x) in cells for x, y, z in product(*around))


def _vertices(samples, inside, cells, level, real, closed):
    """Return the vertices in canonical order, and the id of each by (lower voxel, axis)."""
    nz, ny, nx = samples.shape
    verts, ids = [], {}
    for z in range(nz):
        for axes in ((0, 1), (2,)):
            for y, x, axis in product(range(ny), range(nx), axes):
                lower, upper = (x, y, z), (x + (axis == 0), y + (axis == 1), z + (axis == 2))
                if upper[0] >= nx or upper[1] >= ny or upper[2] >= nz:
                    continue
                if inside[z, y, x] == inside[upper[::-1]] or not _is_used(cells, lower, axis):
                    continue
                ends = (samples[z, y, x], samples[upper[::-1]])
                position = _closed_vertex if closed else _vertex
                ids[x, y, z, axis] = len(verts)
                verts.append(position(lower, axis, ends, level, real, samples.shape))
    return verts, ids


def _vertex(lower, axis, ends, level, real, _shape):
    vertex = [real(k) for k in lower]
    vertex[axis] = vertex[axis] + _fraction(*ends, level, real)
    return vertex


def _closed_vertex(lower, axis, ends, level, real, shape):
    """Return the vertex on an edge of the grid with its outside layer: on the border where it leads there."""
    last = shape[2 - axis] - 2
    within = _vertex([k - 1 for k in lower], axis, ends, level, real, shape)
    if lower[axis] == 0:
        within[axis] = real(0)
    if lower[axis] == last:
        within[axis] = real(last - 1)
    return within


def _fraction(a, b, level, real):
    with np.errstate(all="ignore"):
        if np.isinf(b - a):
            a, b, level = a * real(0.5), b * real(0.5), level * real(0.5)
        t = (level - a) / (b - a)
    return real(0.5) if np.isnan(t) else min(max(t, real(0)), real(1))


def _faces(inside, cells, ids):
    faces = []
    for z, y, x in sorted(cells):
        case = sum(int(inside[z + dz, y + dy, x + dx]) << c for c, (dx, dy, dz) in enumerate(CORNERS))
        for triangle in TABLE[case]:
            corners = []
            for edge in triangle:
                dx, dy, dz = CORNERS[EDGES[edge][0]]
                corners.append(ids[x + dx, y + dy, z + dz, edge // 4])
            faces.append(corners)
    return faces


def grid_interp(vol, points):
    """Interpolate a stack of NumPy volumes (C, Nz, Ny, Nx) of float32 or float64 at points (P, 3)."""
    real = vol.dtype.type
    values = np.empty((len(points), len(vol)), real)
    for p, c in product(range(len(points)), range(len(vol))):
        values[p, c] = _trilinear(vol[c], points[p].astype(real), real)
    return values


def _trilinear(vol, point, real):
    if np.isnan(point).any():
        return real(np.nan)
    (x0, x1, tx), (y0, y1, ty), (z0, z1, tz) = [
        _locate(point[axis], vol.shape[2 - axis], real) for axis in range(3)
    ]
    rows = [_lerp(vol[z, y, x0], vol[z, y, x1], tx, real) for z in (z0, z1) for y in (y0, y1)]
    return _lerp(_lerp(rows[0], rows[1], ty, real), _lerp(rows[2], rows[3], ty, real), tz, real)


def _locate(at, n, real):
    at = min(max(at, real(0)), real(n - 1))
    low = int(np.floor(at))
    return low, min(low + 1, n - 1), real(at) - real(low)


def _lerp(a, b, t, real):
    if t == 0 and not np.isfinite([a, b]).all():
        return a
    with np.errstate(invalid="ignore"):
        return real(real(a * (real(1) - t)) + real(b * t))
