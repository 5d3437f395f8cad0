# SPDX-License-Identifier: MIT
"""PyMCubes, scikit-image and VTK as witnesses, on volumes without ties."""

import mesh_checks as check
import numpy as np
import pytest
import volumes
from scipy.spatial import cKDTree
from torchmcubes_bw import marching_cubes

VOLUMES = {
    "ball": volumes.ball((40, 42, 44), (20.1, 21.2, 18.3), 13.7),
    "torus": volumes.torus(48, 14.3, 5.1),
    "gyroid": volumes.gyroid(48) + 0.0137,
    "noise": volumes.noise((24, 25, 67)),
    "closed noise": volumes.noise((24, 25, 67), outside_border=True),
}


def assert_same_surface(ours, theirs):
    verts, faces = (part.numpy() for part in ours)
    their_verts, their_faces = theirs
    assert len(verts) == len(their_verts)
    assert len(faces) == len(their_faces)
    for a, b in ((verts, their_verts), (their_verts, verts)):
        assert cKDTree(a).query(b)[0].max() < 1e-3


def assert_same_winding(name, ours, theirs):
    """Compare the volumes enclosed; the cells' polygons are split along other diagonals."""
    if name in ("ball", "torus", "closed noise"):
        want = check.signed_volume(*theirs)
        got = check.signed_volume(*(part.numpy() for part in ours))
        assert got == pytest.approx(want, rel=0.05 if "noise" in name else 1e-3)


@pytest.mark.parametrize("name", VOLUMES)
def test_pymcubes(name):
    mcubes = pytest.importorskip("mcubes")
    vol = VOLUMES[name]
    ours = marching_cubes(vol, 0.0)
    verts, faces = mcubes.marching_cubes(vol, 0.0)
    assert_same_surface(ours, (verts[:, ::-1], faces))
    assert_same_winding(name, ours, (verts[:, ::-1], faces.astype(np.int64)))


@pytest.mark.parametrize("name", VOLUMES)
def test_vtk_flying_edges(name):
    pytest.importorskip("vtkmodules")
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    vol = VOLUMES[name]
    image = vtkImageData()
    image.SetDimensions(vol.shape[::-1])
    # VTK's inside is the higher side; turned round, ambiguous faces are decided as ours are.
    image.GetPointData().SetScalars(numpy_to_vtk(-vol.ravel()))
    filter_ = vtkFlyingEdges3D()
    filter_.SetInputData(image)
    filter_.SetValue(0, 0.0)
    filter_.ComputeNormalsOff()
    filter_.Update()
    mesh = filter_.GetOutput()
    verts = vtk_to_numpy(mesh.GetPoints().GetData())
    faces = vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    ours = marching_cubes(vol, 0.0)
    assert_same_surface(ours, (verts, faces))
    assert_same_winding(name, ours, (verts, faces))


@pytest.mark.parametrize("name", ["ball", "torus", "gyroid"])
def test_scikit_image_lorensen(name):
    measure = pytest.importorskip("skimage.measure")
    vol = VOLUMES[name]
    verts, faces, _, _ = measure.marching_cubes(vol, 0.0, method="lorensen")
    ours = marching_cubes(vol, 0.0)
    # It merges vertices of neighbouring cells, so only the surfaces are compared, not the counts.
    verts, faces = verts[:, ::-1], faces[:, ::-1]
    assert cKDTree(verts).query(ours[0].numpy())[0].max() < 1e-3
    assert len(faces) == len(ours[1])
    assert_same_winding(name, ours, (verts, faces))
