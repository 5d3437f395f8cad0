# SPDX-License-Identifier: MIT
"""Meshes judged as surfaces: closed, turned outward, of the right topology, area and volume."""

import mesh_checks as check
import numpy as np
import pytest
import volumes
from torchmcubes_bw import marching_cubes


def extract(vol, thresh=0.0):
    verts, faces = marching_cubes(vol, thresh)
    return verts.numpy(), faces.numpy()


def test_ball():
    radius = 20.3
    verts, faces = extract(volumes.ball((50, 49, 48), (23.1, 24.2, 24.7), radius))
    assert check.is_closed(faces)
    assert check.uses_every_vertex(verts, faces)
    assert check.has_distinct_corners(faces)
    assert check.euler_number(verts, faces) == 2
    assert check.signed_volume(verts, faces) == pytest.approx(4 / 3 * np.pi * radius**3, rel=2e-3)
    assert check.area(verts, faces) == pytest.approx(4 * np.pi * radius**2, rel=4e-3)
    distance = np.linalg.norm(verts - [23.1, 24.2, 24.7], axis=1)
    assert np.abs(distance - radius).max() < 0.01  # linear interpolation of a curved distance


def test_torus():
    major, minor = 18.0, 7.0
    verts, faces = extract(volumes.torus(60, major, minor))
    assert check.is_closed(faces)
    assert check.euler_number(verts, faces) == 0
    want = 2 * np.pi**2 * major * minor**2
    assert check.signed_volume(verts, faces) == pytest.approx(want, rel=5e-3)
    assert check.area(verts, faces) == pytest.approx(4 * np.pi**2 * major * minor, rel=5e-3)


def test_shell_has_two_surfaces():
    ball = volumes.ball((40, 40, 40), (19.5, 19.4, 19.3), 12)
    verts, faces = extract(np.abs(ball) - 2.5)
    assert check.is_closed(faces)
    assert check.euler_number(verts, faces) == 4
    want = 4 / 3 * np.pi * (14.5**3 - 9.5**3)
    assert check.signed_volume(verts, faces) == pytest.approx(want, rel=2e-3)


def test_a_density_turns_inward():
    """High inside: right-hand normals point to higher values, so the signed volume is negative."""
    verts, faces = extract(-volumes.ball((20, 20, 20), (9.5, 9.4, 9.3), 6))
    assert check.signed_volume(verts, faces) < 0


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_closed(seed):
    verts, faces = extract(volumes.noise((40, 41, 70), seed, outside_border=True))
    assert len(faces) > 100_000
    assert check.is_closed(faces)
    assert check.uses_every_vertex(verts, faces)
    assert check.has_distinct_corners(faces)


def test_noise_that_touches_the_border_is_closed_away_from_it():
    vol = volumes.noise((20, 21, 66))
    verts, faces = extract(vol)
    assert not check.is_closed(faces)
    assert check.is_closed_away_from_border(verts, faces, vol.shape)


def test_quantised_noise_is_closed():
    """Ties make triangles without area, never holes."""
    vol = np.round(volumes.noise((30, 30, 30), outside_border=True)).astype(np.int8)
    for thresh in (0, 1, 0.5):
        _, faces = extract(vol, thresh)
        assert len(faces) > 0
        assert check.is_closed(faces)
