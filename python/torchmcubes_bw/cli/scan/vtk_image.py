# SPDX-License-Identifier: MIT
"""VTK's images: `.vti`, and the older `.vtk`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from .choice import Choice
from .extras import library
from .scan import Scan, affine_of


def read(path: Path, choice: Choice) -> Scan:
    """Read a grid of points and one of its arrays; what VTK reports as wrong is an error."""
    library("vtkmodules", "vtk", f"reading {path}", "vtk")
    from vtkmodules.util.numpy_support import vtk_to_numpy  # noqa: PLC0415 - an extra

    image = _image(path)
    points = image.GetPointData()
    names = [points.GetArrayName(k) or str(k) for k in range(points.GetNumberOfArrays())]
    if not names:
        raise CliError(f"INPUT must hold samples at the points of a grid, got none in {path}")
    choice.take("key")
    if choice.key is None and len(names) > 1 and points.GetScalars() is not None:
        array = points.GetScalars()
    elif choice.key is None and len(names) == 1:
        array = points.GetArray(0)
    elif choice.key in names:
        array = points.GetArray(names.index(str(choice.key)))
    else:
        raise CliError(f"--key must be one of {', '.join(names)} in {path}, got {choice.key}")
    nx, ny, nz = image.GetDimensions()
    values = vtk_to_numpy(array)  # type: ignore[no-untyped-call]
    if values.ndim != 1 or len(values) != nx * ny * nz:
        raise CliError(f"INPUT must hold one value a point, got {values.shape} in {path}")
    direction = np.array([image.GetDirectionMatrix().GetData()[k] for k in range(9)]).reshape(3, 3)
    affine = affine_of(image.GetSpacing(), image.GetOrigin(), direction)
    affine[:3, 3] += affine[:3, :3] @ image.GetExtent()[::2]  # the extent need not begin at 0
    return Scan(np.array(values.reshape(nz, ny, nx)), affine)


def _image(path: Path) -> Any:
    from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringOutputWindow  # noqa: PLC0415 - an extra
    from vtkmodules.vtkIOLegacy import vtkStructuredPointsReader  # noqa: PLC0415
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader  # noqa: PLC0415

    # What VTK has to say goes here: of half a file it makes a warning and a volume with garbage in it.
    window, before = vtkStringOutputWindow(), vtkOutputWindow.GetInstance()
    vtkOutputWindow.SetInstance(window)
    try:
        reader: Any = (
            vtkXMLImageDataReader() if path.suffix.lower() == ".vti" else vtkStructuredPointsReader()
        )
        reader.SetFileName(str(path))
        if path.suffix.lower() == ".vtk":
            reader.ReadAllScalarsOn()
        reader.Update()
        image = reader.GetOutput()
    finally:
        vtkOutputWindow.SetInstance(before)
    said = " ".join(window.GetOutput().split())
    if said:
        raise CliError(f"cannot read {path}: {said.split('): ', 1)[-1][:300]}")
    return image
