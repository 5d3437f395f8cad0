# SPDX-License-Identifier: MIT
"""degenerate="drop": nothing twice on one sample, no face without area, and still closed."""

import mesh_checks as check
import numpy as np
import pytest
import torch
import volumes
from scipy import ndimage
from torchmcubes_bw.surfaces import isosurface


def noise(rng, shape):
    return rng.integers(0, 4, shape) - 1


def plateaus(rng, shape):
    return np.rint(ndimage.gaussian_filter(rng.standard_normal(shape) * 6, 1)).astype(int)


def mostly_the_level(rng, shape):
    return rng.choice([-1, 0, 1], shape, p=[0.2, 0.6, 0.2])


def blobs(rng, shape):
    return -ndimage.binary_dilation(rng.random(shape) < 0.05).astype(int)


def areas(verts, faces):
    a, b, c = verts.astype(np.float64)[faces].transpose(1, 0, 2)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def spanned(verts, faces):
    """Return the sum of the faces' areas as vectors, which depends on the mesh's border alone."""
    a, b, c = verts.astype(np.float64)[faces].transpose(1, 0, 2)
    return np.cross(b - a, c - a).sum(axis=0) / 2


def kept_and_dropped(vol, **options):
    meshes = (isosurface(vol, 0, degenerate=word, **options) for word in ("keep", "drop"))
    return [tuple(part.numpy() for part in mesh) for mesh in meshes]


@pytest.mark.parametrize("kind", [noise, plateaus, mostly_the_level, blobs])
@pytest.mark.parametrize("border", ["padded", "closed"])
def test_stays_closed_without_flat_faces(kind, border):
    flat = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        vol = kind(rng, tuple(rng.integers(3, 14, 3))).astype(np.int16)
        options = {"border": "closed"}
        if border == "padded":
            vol, options = np.pad(vol, 1, constant_values=3), {}
        (verts, faces), (left_verts, left) = kept_and_dropped(vol, **options)
        flat += (areas(verts, faces) == 0).sum()
        assert check.is_closed(left), seed
        assert check.uses_every_vertex(left_verts, left), seed
        assert (areas(left_verts, left) > 0).all(), seed
        want = check.signed_volume(verts, faces)
        assert check.signed_volume(left_verts, left) == pytest.approx(want, abs=1e-3), seed
    assert flat > 100


@pytest.mark.parametrize("selects", [False, True])
def test_an_open_border_stays_where_it_was(selects):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        vol = mostly_the_level(rng, tuple(rng.integers(2, 12, 3))).astype(np.int8)
        mask = rng.random(vol.shape) < 0.97 if selects else None
        (verts, faces), (left_verts, left) = kept_and_dropped(vol, mask=mask)
        edges = np.concatenate([left[:, [0, 1]], left[:, [1, 2]], left[:, [2, 0]]])
        assert len(np.unique(edges, axis=0)) == len(edges), seed
        assert check.uses_every_vertex(left_verts, left), seed
        assert (areas(left_verts, left) > 0).all(), seed
        assert selects or check.is_closed_away_from_border(left_verts, left, vol.shape), seed
        # The border has not moved: what it spans is the same.
        np.testing.assert_allclose(spanned(left_verts, left), spanned(verts, faces), atol=1e-3)


def test_trimesh_finds_it_watertight():
    """It holds a mesh for open that has faces without area."""
    trimesh = pytest.importorskip("trimesh")
    vol = np.rint(volumes.ball((24, 25, 26), (12, 12, 12), 9)).astype(np.int16)
    dropped = isosurface(vol, 0, degenerate="drop").to_trimesh()
    assert dropped.is_watertight
    assert dropped.is_winding_consistent
    assert dropped.euler_number == 2
    loaded = trimesh.Trimesh(dropped.vertices, dropped.faces, process=True)
    assert loaded.is_watertight
    kept = isosurface(vol, 0).to_trimesh()
    assert not trimesh.Trimesh(kept.vertices, kept.faces, process=True).is_watertight
    assert dropped.volume == pytest.approx(kept.volume)


def test_sheets_that_touch_stay_apart():
    """Two cubes of samples share a corner, which equals the level."""
    vol = np.ones((7, 7, 7), dtype=np.int8)
    vol[1:3, 1:3, 1:3] = vol[4:6, 4:6, 4:6] = -1
    vol[3, 3, 3] = 0
    vol[3, 2, 2] = vol[2, 3, 2] = vol[2, 2, 3] = vol[3, 4, 4] = vol[4, 3, 4] = vol[4, 4, 3] = 0
    verts, faces = kept_and_dropped(vol)[1]
    assert check.is_closed(faces)
    assert check.euler_number(verts, faces) == 4


def test_a_neck_without_thickness_is_cut():
    """Where two edges come to lie in one place, each sheet gets vertices of its own there."""
    found = 0
    for seed in range(20):
        vol = np.pad(noise(np.random.default_rng(seed), (9, 9, 9)), 1, constant_values=3).astype(np.int8)
        verts, faces = kept_and_dropped(vol)[1]
        assert check.is_closed(faces)
        found += len(verts) - len(np.unique(verts, axis=0))
    assert found > 20


def test_without_ties_nothing_changes():
    vol = volumes.ball((20, 20, 20), (9.3, 9.6, 9.1), 6.2)
    (verts, faces), (left_verts, left) = kept_and_dropped(vol)
    np.testing.assert_array_equal(verts, left_verts)
    np.testing.assert_array_equal(faces, left)


def test_normals_and_attributes_go_with_their_vertices():
    vol = np.rint(volumes.ball((18, 18, 18), (9, 9, 9), 6)).astype(np.int16)
    z, y, x = np.meshgrid(*[np.arange(18.0)] * 3, indexing="ij")
    places = np.stack([x, y, z])
    mesh = isosurface(vol, 0, degenerate="drop", normals=True, attributes=places, dtype=torch.float64)
    np.testing.assert_allclose(mesh.attributes, mesh.verts, atol=1e-5)
    outward = mesh.verts.numpy() - 9
    cosines = (mesh.normals.numpy() * outward).sum(1) / np.linalg.norm(outward, axis=1)
    assert cosines.min() > 0.9
    assert len(mesh.verts) < len(isosurface(vol, 0).verts)
