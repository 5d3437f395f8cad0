# SPDX-License-Identifier: MIT
from __future__ import annotations

from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkSMPTools, vtkVersion
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return VTK's Flying Edges on one thread and on as many as we use, without normals."""
    vtkSMPTools.SetBackend("STDThread")
    versions = {"vtk": f"{vtkVersion.GetVTKVersion()} ({vtkSMPTools.GetBackend()})"}
    counts = [1] if threads == 1 else [1, threads]
    return [_rival(count, versions) for count in counts]


def _rival(threads: int, versions: dict[str, str]) -> Rival:
    def before() -> None:
        vtkSMPTools.Initialize(threads)

    return Rival(
        f"VTK Flying Edges, {threads} thr.",
        _ready,
        versions,
        reads=("float32", "float64", "int16"),
        before=before,
    )


def _ready(vol, level) -> Extract:
    image = vtkImageData()
    image.SetDimensions(tuple(vol.shape[::-1]))
    samples = vol.numpy().ravel()
    image.GetPointData().SetScalars(numpy_to_vtk(samples))

    def extract():
        flying_edges = vtkFlyingEdges3D()
        flying_edges.SetInputData(image)
        flying_edges.SetValue(0, level)
        flying_edges.ComputeNormalsOff()
        flying_edges.ComputeGradientsOff()
        flying_edges.ComputeScalarsOff()  # the level, once a vertex
        flying_edges.Update()
        mesh = flying_edges.GetOutput()
        faces = vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3)
        return vtk_to_numpy(mesh.GetPoints().GetData()), faces

    extract.keeps = (image, samples)
    return extract
