# SPDX-License-Identifier: MIT
"""PyMCubes' call, side by side with PyMCubes."""

import mesh_checks as check
import numpy as np
import pytest
import torch
import volumes
from torchmcubes_bw.compat.mcubes import marching_cubes

BALL = volumes.ball((20, 22, 24), (10.1, 11.2, 8.3), 6.7)
NOISE = volumes.noise((11, 12, 13), seed=3)
STEPS = np.random.default_rng(5).integers(0, 4, (9, 10, 11))  # many samples equal to the level
CASES = {
    "ball": (BALL, 0.0),
    "float64": (BALL.astype(np.float64), 0.3),
    "noise": (NOISE, 0.0),
    "strided": (NOISE[::2, :, ::3], 0.1),
    "bool": (BALL < 0, 0.5),
    "ties of floats": (STEPS.astype(np.float32) - 2, 0),
    "ties of bytes": (STEPS.astype(np.uint8), 0),
    "ties of int64": (STEPS, 1),
    "a level between floats": ((STEPS / 10).astype(np.float32), 0.1),
    "a side of length 1": (np.zeros((1, 4, 4)), 0.5),
    "nothing": (np.zeros((5, 5, 5)), 0.5),
}


def in_order(verts):
    return verts[np.lexsort(np.round(verts, 3).T)]


@pytest.mark.parametrize("name", CASES)
def test_same_vertices_and_faces(name):
    mcubes = pytest.importorskip("mcubes")
    vol, level = CASES[name]
    verts, faces = marching_cubes(vol, level)
    theirs, their_faces = mcubes.marching_cubes(vol, level)
    assert (verts.dtype, verts.shape) == (theirs.dtype, theirs.shape)
    assert (faces.dtype, faces.shape) == (their_faces.dtype, their_faces.shape)
    np.testing.assert_allclose(in_order(verts), in_order(theirs), atol=1e-5)
    if name in ("ball", "float64"):
        want = check.signed_volume(theirs, their_faces.astype(np.int64))
        assert check.signed_volume(verts, faces.astype(np.int64)) == pytest.approx(want, rel=1e-3)


def test_a_quadric_of_integers():
    """The sphere of PyMCubes' own suite; its samples are int64, and some equal the level."""
    x, y, z = np.mgrid[:60, :60, :60]
    verts, faces = marching_cubes((x - 30) ** 2 + (y - 30) ** 2 + (z - 30) ** 2 - 25**2, 0.0)
    assert check.is_closed(faces.astype(np.int64))
    np.testing.assert_allclose(np.linalg.norm(verts - 30, axis=1), 25, atol=0.02)


def test_a_cube_of_ones():
    """The cube that PyMCubes' own suite exports: all its triangles have their corners."""
    solid = np.zeros((10, 10, 10))
    solid[2:-2, 2:-2, 2:-2] = 1
    verts, faces = marching_cubes(solid, 0.5)
    assert check.uses_every_vertex(verts, faces)
    assert (verts.min(), verts.max()) == (1.5, 7.5)


def test_nan_yields_nothing_where_pymcubes_yields_nan():
    mcubes = pytest.importorskip("mcubes")
    vol = np.where(np.abs(BALL) < 2.5, BALL, np.nan)
    assert np.isnan(mcubes.marching_cubes(vol, 0.0)[0]).any()
    verts, faces = marching_cubes(vol, 0.0)
    dense = marching_cubes(BALL, 0.0)
    np.testing.assert_array_equal(verts, dense[0])
    np.testing.assert_array_equal(faces, dense[1])


def test_tensors_give_tensors():
    verts, faces = marching_cubes(torch.from_numpy(NOISE), torch.tensor(0.0))
    arrays = marching_cubes(NOISE, 0.0)
    assert (verts.dtype, faces.dtype) == (torch.float64, torch.int64)
    np.testing.assert_array_equal(verts.numpy(), arrays[0])
    np.testing.assert_array_equal(faces.numpy(), arrays[1].astype(np.int64))


@pytest.mark.parametrize(
    "arguments, error, text",
    [
        (([[[1]]], 0), TypeError, "volume must be a torch.Tensor or numpy.ndarray, got list"),
        ((np.zeros((3, 3)), 0), ValueError, "volume must have 3 dimensions (M, N, P), got shape (3, 3)"),
        (
            (np.zeros((0, 3, 3)), 0),
            ValueError,
            "volume must have no side shorter than 1, got shape (0, 3, 3)",
        ),
        ((BALL, "a"), TypeError, "isovalue must be a number, got str"),
    ],
)
def test_errors(arguments, error, text):
    with pytest.raises(error) as caught:
        marching_cubes(*arguments)
    assert str(caught.value) == text
