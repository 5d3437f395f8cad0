# SPDX-License-Identifier: MIT
"""Dual marching cubes, slow and obvious: what the package must equal bit for bit.

A cell is valid where all its corners count. A patch is a loop of a cell's case; where two cells that share an
ambiguous face would each join both of its segments in one loop, both cut that face the other way, that is,
both take the loops of the opposite case. An edge is live where the four cells around it are valid: it bears
a quad. A vertex stands for a run of live edges of a patch: the whole of it, except at borders.
"""

from __future__ import annotations

import numpy as np
import reference
from reference import CORNERS, EDGES, FACES

LOOPS = [reference._loops({c for c in range(8) if case >> c & 1}) for case in range(256)]
STEPS = [(axis, side) for axis in range(3) for side in (-1, 1)]


def pinched_faces(case):
    """Return the faces (axis, step) whose two segments belong to one loop of the case."""
    found = []
    for face, step in zip(FACES, STEPS, strict=True):
        inside = [c for c in face if case >> c & 1]
        if len(inside) != 2 or np.abs(CORNERS[inside[0]] - CORNERS[inside[1]]).sum() != 2:
            continue
        edges = {e for e in range(12) if reference._on_face(e, face)}
        if sum(bool(edges & set(loop)) for loop in LOOPS[case]) == 1:
            found.append(step)
    return found


PINCHED = [pinched_faces(case) for case in range(256)]


def cases_of(inside):
    """Return the case of each cell of a volume of inside-flags."""
    nz, ny, nx = (n - 1 for n in inside.shape)
    cases = np.zeros((nz, ny, nx), dtype=int)
    for c, (dx, dy, dz) in enumerate(CORNERS):
        cases |= inside[dz : dz + nz, dy : dy + ny, dx : dx + nx].astype(int) << c
    return cases


def valid_cells(counts):
    """Return which cells have eight corners that count."""
    return cases_of(counts) == 255


def _patch_cases(cases, valid):
    """Return the cases whose loops the cells take: their own, or the opposite one."""
    result = cases.copy()
    for z, y, x in np.argwhere(valid):
        for axis, step in PINCHED[cases[z, y, x]]:
            there = [z, y, x]
            there[2 - axis] += step
            if not _is_valid(valid, there):
                continue
            if (axis, -step) in PINCHED[cases[tuple(there)]]:
                result[z, y, x] = 255 - cases[z, y, x]
    return result


def _is_valid(valid, cell):
    return all(0 <= k < n for k, n in zip(cell, valid.shape, strict=True)) and valid[tuple(cell)]


def _cells_around(x, y, z, axis):
    """Return the four cells (z, y, x) around a voxel's edge, right-handed around its axis."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    cells = []
    for du, dv in ((-1, -1), (0, -1), (0, 0), (-1, 0)):
        cell = [x, y, z]
        cell[u] += du
        cell[v] += dv
        cells.append(tuple(cell[::-1]))
    return cells


def _live(valid, cell, edge):
    """Whether the edge of a cell bears a quad."""
    dx, dy, dz = CORNERS[EDGES[edge][0]]
    z, y, x = cell
    return all(_is_valid(valid, c) for c in _cells_around(x + dx, y + dy, z + dz, edge // 4))


def runs(loop, live):
    """Return the runs of live edges along a loop, the first after the first edge that is not live."""
    dead = [k for k, edge in enumerate(loop) if edge not in live]
    if not dead:
        return [loop]
    turned = loop[dead[0] + 1 :] + loop[: dead[0]]
    found = [[]]
    for edge in turned:
        if edge in live:
            found[-1].append(edge)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _mean(loop, cell, fraction, border, real, coordinate):
    """Return the mean of a loop's crossings: fixed sums, so that every backend rounds alike."""
    z, y, x = cell
    place = []
    for axis, at in enumerate((x, y, z)):
        t = [real(0)] * 4
        upper = 0
        for edge in loop:
            corner = CORNERS[EDGES[edge][0]]
            if edge // 4 == axis:
                dx, dy, dz = corner
                t[edge % 4] = fraction(x + dx, y + dy, z + dz, axis)
            else:
                upper += corner[axis]
        total = real(real(t[0] + t[1]) + real(t[2] + t[3])) + real(upper)
        place.append(coordinate(real(at - border) + real(total * (real(1) / real(len(loop))))))
    return place


def dual_marching_cubes(vol, level, mask=None, skip_nan=False, closed=False, rounds=0):
    """Return (verts, quads) of a NumPy volume in the canonical order."""
    real = reference.real_type(vol.dtype)
    coordinate = np.float64 if vol.dtype == np.float64 else np.float32
    samples = vol.astype(real)
    counts = np.ones(vol.shape, dtype=bool) if mask is None else mask.astype(bool)
    if skip_nan:
        counts = counts & ~np.isnan(samples)
    with np.errstate(over="ignore"):
        level = real(level)
    inside = samples < level
    border = int(closed)
    if closed:
        inside, counts = np.pad(inside, 1), np.pad(counts, 1, constant_values=True)

    def fraction(x, y, z, axis):
        low = np.array([x, y, z]) - border
        high = low + np.eye(3, dtype=int)[axis]
        if low[axis] < 0:
            return real(1)
        if high[axis] >= vol.shape[2 - axis]:
            return real(0)
        return reference._fraction(samples[tuple(low[::-1])], samples[tuple(high[::-1])], level, real)

    verts, ids = _vertices(inside, counts, fraction, border, real, coordinate)
    quads = np.array(_quads(inside, counts, ids), dtype=np.int32).reshape(-1, 4)
    verts = np.array(verts, dtype=coordinate).reshape(-1, 3)
    cells = {vertex: cell for (cell, _), vertex in ids.items()}
    lows = np.array([cells[k][::-1] for k in range(len(verts))], dtype=coordinate).reshape(-1, 3) - border
    for _ in range(rounds):
        verts = _stepped(verts, quads, lows, coordinate(0.7))
        verts = _stepped(verts, quads, lows, coordinate(-0.7))
    return verts, quads


def crossings(vol, level, mask=None, skip_nan=False, closed=False):
    """Return for each vertex the edges that it is the mean of, as (lower sample (x, y, z), axis)."""
    counts = np.ones(vol.shape, dtype=bool) if mask is None else np.asarray(mask)
    if skip_nan:
        counts = counts & ~np.isnan(vol)
    inside, border = vol < level, int(closed)
    if closed:
        inside, counts = np.pad(inside, 1), np.pad(counts, 1, constant_values=True)
    return [
        [(np.array(cell[::-1]) + CORNERS[EDGES[edge][0]] - border, edge // 4) for edge in loop]
        for cell, loop, _ in _patches(inside, counts)
    ]


def _patches(inside, counts):
    """Return the vertices in their order: cell (z, y, x), the loop, and the run of it."""
    valid = valid_cells(counts)
    cases = _patch_cases(cases_of(inside), valid)
    found = []
    for z, y, x in np.argwhere(valid & (cases % 255 > 0)):
        cell = (int(z), int(y), int(x))
        for loop in LOOPS[cases[cell]]:
            live = [edge for edge in loop if _live(valid, cell, edge)]
            found += [(cell, loop, run) for run in runs(loop, live)]
    return found


def _vertices(inside, counts, fraction, border, real, coordinate):
    """Return the vertices, and the id of each by (cell, edge)."""
    verts, ids = [], {}
    for cell, loop, run in _patches(inside, counts):
        ids.update({(cell, edge): len(verts) for edge in run})
        verts.append(_mean(loop, cell, fraction, border, real, coordinate))
    return verts, ids


def _quads(inside, counts, ids):
    """Return the quads of the live crossed edges, wound so that normals point to higher values."""
    valid = valid_cells(counts)
    quads = []
    crossed = np.zeros((*inside.shape, 3), dtype=bool)  # the edges from each voxel along x, y and z
    for axis in range(3):
        np.moveaxis(crossed[..., axis], 2 - axis, 0)[:-1] = np.diff(np.moveaxis(inside, 2 - axis, 0), axis=0)
    for z, y, x, axis in np.argwhere(crossed).tolist():
        cells = _cells_around(x, y, z, axis)
        if not all(_is_valid(valid, cell) for cell in cells):
            continue
        quad = []
        for cell in cells:
            corner = np.array([x, y, z]) - np.array(cell[::-1])
            low = corner[0] + 2 * corner[1] + 4 * corner[2]
            edge = next(e for e in range(12) if EDGES[e] == (low, low + (1 << axis)))
            quad.append(ids[cell, edge])
        quads.append(quad if inside[z, y, x] else [quad[0], quad[3], quad[2], quad[1]])
    return quads


def _stepped(verts, quads, lows, share):
    """Return the vertices a share of the way towards the mean of their neighbours, within their cells."""
    neighbours = [[] for _ in verts]
    for quad in quads:
        for k in range(4):
            neighbours[quad[k]] += [quad[k - 1], quad[(k + 1) % 4]]
    moved = verts.copy()
    for v, around in enumerate(neighbours):
        total = np.zeros(3, dtype=verts.dtype)
        for other in around:
            total = total + verts[other]
        mean = total / verts.dtype.type(len(around))
        moved[v] = np.clip(verts[v] + share * (mean - verts[v]), lows[v], lows[v] + 1)
    return moved


def triangles(verts, quads, spacing=(1, 1, 1)):
    """Return the quads cut along their shorter diagonals, that between corners 0 and 2 where equal."""
    spacing = np.array(spacing, dtype=verts.dtype)
    faces = []
    for quad in quads:
        a, b, c, d = verts[quad]
        first, second = _squared((a - c) * spacing), _squared((b - d) * spacing)
        a, b, c, d = quad
        faces += [(a, b, c), (a, c, d)] if first <= second else [(b, c, d), (b, d, a)]
    return np.array(faces, dtype=np.int32).reshape(-1, 3)


def _squared(step):
    x, y, z = step
    return x * x + y * y + z * z
