# SPDX-License-Identifier: MIT
"""What `isosurface` returns, and its ways to other libraries."""

import copy
import io
import sys
import types

import numpy as np
import pytest
import torch
import volumes
from torchmcubes_bw import picture
from torchmcubes_bw.mesh import Mesh
from torchmcubes_bw.surfaces import isosurface

BALL = volumes.ball((12, 13, 14), (6.6, 6.2, 5.4), 3.7)
COLOURS = np.stack([np.broadcast_to(axis / 14, BALL.shape) for axis in volumes.grid(BALL.shape)])


@pytest.fixture(scope="module")
def mesh():
    return isosurface(BALL, 0.0, spacing=(1, 2, 3), normals=True, attributes=COLOURS.astype(np.float32))


@pytest.fixture(scope="module")
def bare():
    return isosurface(BALL, 0.0)


def test_repr_says_what_there_is(mesh, bare):
    sizes = f"{len(bare.verts)} vertices, {len(bare.faces)} faces"
    assert repr(bare) == f"Mesh({sizes}, level 0, cpu)"
    assert repr(mesh) == f"Mesh({sizes}, normals, attributes, level 0, cpu)"
    assert repr(Mesh(*bare, level=0.25)) == f"Mesh({sizes}, level 0.25, cpu)"


def test_is_itself_alone(mesh, bare):
    """Tensors have no one answer to `==`; who compares meshes compares their parts."""
    assert mesh == mesh
    assert mesh != copy.deepcopy(mesh)
    assert {mesh, bare, mesh} == {mesh, bare}


def test_unpacks_as_vertices_and_faces(mesh):
    verts, faces = mesh
    assert verts is mesh.verts
    assert faces is mesh.faces


def test_to_moves_every_tensor(mesh, bare):
    moved = mesh.to("meta")
    assert {part.device.type for part in (*moved, moved.normals, moved.attributes)} == {"meta"}
    assert moved.level == mesh.level
    assert mesh.verts.device.type == "cpu"
    assert bare.to("meta").normals is None


def test_trimesh(mesh, bare):
    pytest.importorskip("trimesh")
    theirs = mesh.to_trimesh()
    np.testing.assert_array_equal(theirs.vertices, mesh.verts)
    np.testing.assert_array_equal(theirs.faces, mesh.faces)
    np.testing.assert_allclose(theirs.vertex_normals, mesh.normals, atol=1e-6)
    np.testing.assert_array_equal(theirs.vertex_attributes["values"], mesh.attributes)
    assert theirs.is_watertight
    assert bare.to_trimesh().volume == pytest.approx(4 / 3 * np.pi * 3.7**3, rel=0.05)


@pytest.mark.parametrize("library", ["trimesh", "pyvista"])
@pytest.mark.parametrize("method", ["primal", "dual"])
def test_an_empty_mesh(library, method):
    pytest.importorskip(library)
    ones = torch.ones(4, 4, 4)
    empty = isosurface(ones, 0.0, method=method, normals=True, attributes=torch.ones(3, 4, 4, 4))
    for mesh in (empty, isosurface(ones, 0.0, method=method)):
        theirs = getattr(mesh, f"to_{library}")()
        assert len(theirs.points if library == "pyvista" else theirs.vertices) == 0
        assert mesh._repr_png_() is None


def test_open3d(mesh, bare):
    pytest.importorskip("open3d", reason="open3d is too big for the test extra")
    theirs = mesh.to_open3d()
    np.testing.assert_array_equal(np.asarray(theirs.vertices), mesh.verts)
    np.testing.assert_array_equal(np.asarray(theirs.triangles), mesh.faces)
    np.testing.assert_array_equal(np.asarray(theirs.vertex_normals), mesh.normals)
    np.testing.assert_array_equal(np.asarray(theirs.vertex_colors), mesh.attributes)
    assert theirs.is_watertight()
    assert not bare.to_open3d().has_vertex_colors()


def test_pyvista(mesh, bare):
    pytest.importorskip("pyvista")
    theirs = mesh.to_pyvista()
    np.testing.assert_array_equal(theirs.points, mesh.verts)
    np.testing.assert_array_equal(theirs.regular_faces, mesh.faces)
    np.testing.assert_array_equal(theirs.point_data["Normals"], mesh.normals)
    np.testing.assert_array_equal(theirs.point_data["values"], mesh.attributes)
    assert theirs.is_manifold
    assert bare.to_pyvista().point_data.keys() == []


def test_pytorch3d(mesh, bare, monkeypatch):
    """With a stand-in: PyTorch3D has no wheels for the torch versions that are tested."""
    structures = types.ModuleType("pytorch3d.structures")
    structures.Meshes = types.SimpleNamespace
    monkeypatch.setitem(sys.modules, "pytorch3d", types.ModuleType("pytorch3d"))
    monkeypatch.setitem(sys.modules, "pytorch3d.structures", structures)
    theirs = mesh.to_pytorch3d()
    assert theirs.verts == [mesh.verts]
    assert theirs.faces[0].dtype == torch.int64
    assert torch.equal(theirs.faces[0], mesh.faces.long())
    assert theirs.verts_normals == [mesh.normals]
    assert bare.to_pytorch3d().verts_normals is None


@pytest.mark.parametrize("library", ["trimesh", "open3d", "pyvista", "pytorch3d"])
def test_a_missing_library_is_named(bare, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"^this needs {library}: pip install {library} \("):
        getattr(bare, f"to_{library}")()


def test_picture_shows_the_mesh(bare):
    image = pytest.importorskip("matplotlib.image")
    drawn = image.imread(io.BytesIO(bare._repr_png_()))
    assert drawn.shape == (400, 400, 4)
    background = (drawn == drawn[0, 0]).all(axis=2)
    assert 0.1 < background.mean() < 0.9
    assert len(np.unique(drawn[~background], axis=0)) > 10  # it is shaded


def test_no_picture_without_faces_of_very_many_or_without_matplotlib(bare, monkeypatch):
    assert isosurface(BALL, -100.0)._repr_png_() is None
    many = bare.faces.repeat(1 + picture._MOST_FACES // len(bare.faces), 1)
    assert Mesh(bare.verts, many)._repr_png_() is None
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert bare._repr_png_() is None
