# SPDX-License-Identifier: MIT
"""The 256 cases, proved one by one."""

import reference
from torchmcubes_bw import _core

TABLE = _core.case_table()


def boundary(case):
    """Return the directed edges of a case's triangles that no other of its triangles takes back."""
    edges = [(tri[k], tri[(k + 1) % 3]) for tri in TABLE[case] for k in range(3)]
    return {edge for edge in edges if edge[::-1] not in edges}


def test_edges_are_numbered_alike():
    assert [tuple(edge) for edge in _core.edge_corners()] == reference.EDGES


def test_table_equals_the_one_derived_independently():
    assert [[tuple(tri) for tri in case] for case in TABLE] == reference.TABLE


def test_every_case_uses_just_its_crossed_edges():
    for case in range(256):
        crossed = {e for e, (a, b) in enumerate(reference.EDGES) if (case >> a & 1) != (case >> b & 1)}
        assert {e for tri in TABLE[case] for e in tri} == crossed, case


def test_boundaries_lie_on_the_faces_and_turn_once_through_every_crossed_edge():
    for case in range(256):
        loop = boundary(case)
        for a, b in loop:
            assert any(
                reference._on_face(a, face) and reference._on_face(b, face) for face in reference.FACES
            ), case
        starts = sorted(a for a, _ in loop)
        assert starts == sorted({e for tri in TABLE[case] for e in tri}), case


def test_no_inner_edge_lies_in_a_face():
    """Else two cells could draw the same one: an edge of four triangles."""
    for case in range(256):
        for loop in reference._loops({c for c in range(8) if case >> c & 1}):
            best = min(reference.flat_diagonals(loop, apex) for apex in range(len(loop)))
            assert best == 0, case


def segments_on(case, axis, side):
    """Return the segments a case leaves on a face, named by their edges' places in that face."""
    face = reference.FACES[2 * axis + side]
    shift = (1 << axis) if side else 0
    return {
        tuple(tuple(corner - shift for corner in reference.EDGES[e]) for e in segment)
        for segment in boundary(case)
        if all(reference._on_face(e, face) for e in segment)
    }


def test_neighbours_agree_on_every_shared_face():
    for axis in range(3):
        bit = 1 << axis
        drawn = {}
        for case in range(256):
            corners = tuple(case >> c & 1 for c in range(8) if not c & bit)
            drawn[corners] = segments_on(case, axis, 0)
        for case in range(256):
            corners = tuple(case >> c & 1 for c in range(8) if c & bit)
            mine = segments_on(case, axis, 1)
            assert {(b, a) for a, b in mine} == drawn[corners], (axis, case)


def test_triangle_counts():
    assert max(map(len, TABLE)) == 5
    # The sum over all cases is a fingerprint of the ambiguity rule.
    assert sum(map(len, TABLE)) == sum(map(len, reference.TABLE)) == 820
    assert TABLE[0] == TABLE[255] == []
