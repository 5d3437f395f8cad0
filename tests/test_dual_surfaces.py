# SPDX-License-Identifier: MIT
"""isosurface and label_surfaces by the dual method: the dual mesh with what a mesh carries, and of labels."""

from pathlib import Path

import mesh_checks as check
import numpy as np
import pytest
import torch
import volumes
from conftest import mesh_hash
from test_isosurface import SPACING, angles, ellipsoid
from test_labels import blobs
from torchmcubes_bw import _core, dual_marching_cubes, fields, grid_interp, isosurface, label_surfaces


def with_nan(vol):
    vol = vol.copy()
    vol[volumes.noise(vol.shape, 9) > 0.8] = np.nan
    return vol


@pytest.mark.parametrize("placement", ["mean", "nets"])
@pytest.mark.parametrize("border", ["open", "closed"])
def test_isosurface_is_the_dual_mesh(placement, border):
    vol, mask = with_nan(volumes.noise((12, 13, 70), 1)), volumes.noise((12, 13, 70), 2) < 0.7
    options = {"mask": mask, "nan": "skip", "border": border, "spacing": SPACING, "origin": (5, -2, 3)}
    mesh = isosurface(vol, 0.1, method="dual", placement=placement, **options)
    assert mesh_hash(*mesh) == mesh_hash(*dual_marching_cubes(vol, 0.1, placement=placement, **options))
    assert mesh.level == 0.1


def test_level_dtype_and_attributes():
    vol = fields.sample("metaballs", 24)
    channels = torch.stack([vol, 2 * vol])
    mesh = isosurface(vol, method="dual", attributes=channels, dtype=torch.float64, spacing=0.5)
    verts, faces = dual_marching_cubes(vol, mesh.level)
    assert torch.equal(mesh.verts, verts.double() * 0.5)
    assert torch.equal(mesh.faces, faces)
    assert torch.equal(mesh.attributes, grid_interp(channels, verts))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normals_are_the_ellipsoids(dtype):
    semi_axes = (17, 22, 30)
    vol, centre = ellipsoid(semi_axes)
    mesh = isosurface(vol.astype(dtype), 0.0, spacing=SPACING, normals=True, method="dual")
    want = (mesh.verts.numpy() - centre) / np.array(semi_axes) ** 2
    want /= np.linalg.norm(want, axis=1, keepdims=True)
    assert mesh.normals.numpy().dtype == dtype
    assert np.abs(np.linalg.norm(mesh.normals.numpy(), axis=1) - 1).max() < 1e-6
    assert angles(mesh.normals.numpy(), want).max() < 1.5


def test_a_caps_normals_point_straight_out():
    mesh = isosurface(torch.full((5, 5, 5), -1.0), 0.0, border="closed", normals=True, method="dual")
    inner = ((mesh.verts > 0) & (mesh.verts < 4)).sum(dim=1) == 2  # away from the box's edges
    assert inner.any()
    assert ((mesh.normals[inner] * (mesh.verts[inner] - 2)).sum(dim=1) == 2).all()
    assert ((mesh.normals * (mesh.verts - 2)).sum(dim=1) > 0).all()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_normals_are_the_same_for_all_thread_counts(count, threads):
    vol = volumes.noise((70, 71, 72), 3)
    threads(1)
    want = isosurface(vol, 0.1, normals=True, method="dual").normals
    threads(count)
    assert torch.equal(isosurface(vol, 0.1, normals=True, method="dual").normals, want)


def test_ties_are_merged():
    vol = np.abs(np.indices((9, 9, 9)) - 4).max(0).astype(np.float32)  # a cube whose faces lie on samples
    kept = isosurface(vol, 2, method="dual")
    mesh = isosurface(vol, 2, method="dual", degenerate="drop")
    assert 0 < len(mesh.faces) <= len(kept.faces)
    assert check.is_closed(mesh.faces)
    areas = np.linalg.norm(
        np.cross(*np.diff(mesh.verts.numpy()[mesh.faces], axis=1).transpose(1, 0, 2)), axis=1
    )
    assert areas.min() > 0


def test_words_that_do_not_go_together():
    vol = fields.sample("sphere", 8)
    with pytest.raises(ValueError, match='method must be "primal" or "dual", got "x"'):
        isosurface(vol, 0.0, method="x")
    with pytest.raises(ValueError, match='placement must be "mean" where method is "primal", got "nets"'):
        isosurface(vol, 0.0, placement="nets")
    with pytest.raises(ValueError, match='normals must be False where placement is "nets", got True'):
        isosurface(vol, 0.0, method="dual", placement="nets", normals=True)
    with pytest.raises(ValueError, match='placement must be "mean" where method is "primal", got "nets"'):
        label_surfaces(np.ones((3, 3, 3), int), placement="nets")


def turned(faces):
    return faces[:, [0, 2, 1]]


@pytest.mark.parametrize("placement", ["mean", "nets"])
@pytest.mark.parametrize("shape", [(5, 6, 7), (9, 8, 70), (2, 3, 140), (1, 5, 5), (2, 2, 2)])
def test_a_labels_mesh_is_that_of_its_own_volume(shape, placement):
    labels, world = blobs(shape, 4), {"spacing": SPACING, "origin": (3, 4, 5)}
    surfaces = label_surfaces(labels, method="dual", placement=placement, **world)
    assert surfaces.labels.tolist() == sorted(set(np.unique(labels)) - {0})
    for label, verts, faces in surfaces:
        want_verts, want_faces = dual_marching_cubes(labels == label, 0.5, placement=placement, **world)
        assert torch.equal(verts, want_verts), label
        assert torch.equal(faces, turned(want_faces)), label


@pytest.mark.parametrize("placement", ["mean", "nets"])
def test_closed_labels(placement):
    for label, verts, faces in label_surfaces(
        blobs((9, 8, 70), 5), border="closed", method="dual", placement=placement, background=None
    ):
        assert check.is_closed(faces), label
        assert check.most_faces_on_an_edge(faces) == 2
        assert len(check.split_vertices(faces)) == 0
        assert check.signed_volume(verts, faces) > 0


def test_a_label_at_the_border_ends_on_it():
    """Where no face is ambiguous it is the closed surface of the volume that is inside in the label."""
    labels = (volumes.ball((20, 21, 22), (2.3, 18.7, 10.1), 6.2) < 0).astype(np.uint8)
    _, verts, faces = next(iter(label_surfaces(labels, border="closed", method="dual")))
    want_verts, want_faces = dual_marching_cubes(1 - labels, 0.5, border="closed")
    assert torch.equal(verts, want_verts)

    def rolled(faces):
        return sorted(tuple(np.roll(face, -int(np.argmin(face)))) for face in faces.numpy())

    assert rolled(faces) == rolled(want_faces)


def test_nets_smooth_a_label():
    centre = (23.7, 23.4, 23.6)
    labels = np.where(volumes.ball((48, 48, 48), centre, 20) < 0, 5, 0)

    def distance(**options):
        verts, _ = label_surfaces(labels, **options)[5]
        return np.abs(np.linalg.norm(verts.numpy() - centre, axis=1) - 20).mean()

    assert distance(method="dual", placement="nets") < distance() / 3


@pytest.mark.parametrize("count", [1, 2, 7])
def test_labels_are_the_same_for_all_thread_counts(count, threads):
    labels = blobs((60, 70, 80), 9, size=9)
    threads(1)
    want = label_surfaces(labels, method="dual", placement="nets")
    threads(count)
    got = label_surfaces(labels, method="dual", placement="nets")
    assert mesh_hash(got.verts, got.faces) == mesh_hash(want.verts, want.faces)


SNIPPET = """
import sys; sys.path.insert(0, {tests!r})
import test_dual_surfaces as t
print(t.mesh_hash(*t.label_surfaces(t.blobs((20, 21, 130), 6), method="dual", border="closed")[3]))
print(t.isosurface(t.volumes.noise((9, 10, 130)), 0.1, method="dual", normals=True).normals.sum().item())
"""


def test_simd_levels(run_python):
    code = SNIPPET.format(tests=str(Path(__file__).parent))
    assert len({str(run_python(code, TORCHMCUBES_SIMD=level)) for level in _core.simd_levels()}) == 1
