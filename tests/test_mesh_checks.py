# SPDX-License-Identifier: MIT
"""The judges, judged: for each check a mesh it must accept and one it must reject."""

import mesh_checks as check
import numpy as np
import pytest

TETRAHEDRON = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
OUTWARD = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def test_closed_accepts_a_tetrahedron():
    assert check.is_closed(OUTWARD)


@pytest.mark.parametrize(
    "faces",
    [
        OUTWARD[:3],  # a hole
        np.array([[0, 1, 2], *OUTWARD[1:]]),  # one face turned over
        np.array([*OUTWARD, OUTWARD[0]]),  # a face twice
    ],
    ids=["hole", "flipped", "doubled"],
)
def test_closed_rejects(faces):
    assert not check.is_closed(faces)


def test_closed_rejects_an_edge_of_four_faces():
    # Two tetrahedra that share the edge 0-1: every edge is balanced, and yet no manifold.
    other = np.array([0, 1, 4, 5])[OUTWARD]
    assert not check.is_closed(np.concatenate([OUTWARD, other]))


def test_border_edges_may_be_open_but_no_others():
    verts = TETRAHEDRON + [0, 1, 1]
    without_x0 = np.delete(OUTWARD, 2, axis=0)  # the face with x = 0
    assert check.is_closed_away_from_border(verts, without_x0, (4, 4, 4))
    without_slope = np.delete(OUTWARD, 3, axis=0)
    assert not check.is_closed_away_from_border(verts, without_slope, (4, 4, 4))
    at_end = [3, 3, 3] - verts  # turned over, but as open
    assert check.is_closed_away_from_border(at_end, without_x0, (4, 4, 4))


def test_most_faces_on_an_edge():
    assert check.most_faces_on_an_edge(OUTWARD) == 2
    assert check.most_faces_on_an_edge(OUTWARD[:1]) == 1
    other = np.array([0, 1, 4, 5])[OUTWARD]
    assert check.most_faces_on_an_edge(np.concatenate([OUTWARD, other])) == 4


def test_split_vertices():
    assert len(check.split_vertices(OUTWARD)) == len(check.split_vertices(OUTWARD[:3])) == 0
    other = np.array([0, 4, 5, 6])[OUTWARD]  # two tetrahedra that touch in vertex 0
    assert check.split_vertices(np.concatenate([OUTWARD, other])).tolist() == [0]
    quads = np.array([[0, 1, 2, 3], [4, 5, 2, 6]])
    assert check.split_vertices(quads).tolist() == [2]
    assert len(check.split_vertices(np.array([[0, 1, 2, 3], [3, 2, 6, 7]]))) == 0


def test_smallest_angles():
    assert check.smallest_angles(TETRAHEDRON, OUTWARD) == pytest.approx([45, 45, 45, 60])


def test_uses_every_vertex():
    assert check.uses_every_vertex(TETRAHEDRON, OUTWARD)
    assert not check.uses_every_vertex(np.zeros((5, 3)), OUTWARD)
    assert not check.uses_every_vertex(np.zeros((3, 3)), OUTWARD)


def test_distinct_corners():
    assert check.has_distinct_corners(OUTWARD)
    assert not check.has_distinct_corners(np.array([[0, 1, 1]]))


def test_euler_number():
    assert check.euler_number(TETRAHEDRON, OUTWARD) == 2
    assert check.euler_number(TETRAHEDRON, OUTWARD[:3]) == 1


def test_area_and_volume():
    assert check.area(TETRAHEDRON, OUTWARD) == pytest.approx(1.5 + np.sqrt(3) / 2)
    assert check.signed_volume(TETRAHEDRON, OUTWARD) == pytest.approx(1 / 6)
    assert check.signed_volume(TETRAHEDRON, OUTWARD[:, ::-1]) == pytest.approx(-1 / 6)
