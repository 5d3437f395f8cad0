# SPDX-License-Identifier: MIT
"""NRRD, MetaImage, and whatever else SimpleITK reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from .choice import Choice
from .extras import library
from .scan import Scan, affine_of
from .units import unit_named

_DETACHED = (".mhd", ".nhdr", ".xdmf")
_MOST_PACKED = 1100  # times: no deflate stream holds more


def read(path: Path, _choice: Choice) -> Scan:
    """Read an image and its place, which ITK gives in LPS."""
    sitk = library("SimpleITK", "io", f"reading {path}")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    sitk.ProcessObject.SetGlobalWarningDisplay(True)
    try:
        reader.ReadImageInformation()
        _check_claim(reader, path)
        image = reader.Execute()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("sitk::ERROR: ")
        raise CliError(f"cannot read {path}: {reason}") from None
    parts = image.GetNumberOfComponentsPerPixel()
    if image.GetDimension() != 3 or parts != 1:
        shape = image.GetSize()[::-1]
        raise CliError(
            f"INPUT must hold a volume of 3 dimensions and one value a voxel, "
            f"got shape {shape} and {parts} in {path}"
        )
    affine = affine_of(image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    unit, axes = _meaning(path)
    return Scan(sitk.GetArrayFromImage(image), affine, unit=unit, axes=axes)


def _check_claim(reader: Any, path: Path) -> None:
    """Refuse a header that names more samples than the file can hold, before memory is asked for."""
    samples = int(np.prod(reader.GetSize(), dtype=object)) * reader.GetNumberOfComponents()
    if path.suffix.lower() not in _DETACHED and samples > _MOST_PACKED * path.stat().st_size:
        raise CliError(f"cannot read {path}: its header names {samples} samples, more than it can hold")


def _meaning(path: Path) -> tuple[str | None, str | None]:
    """Return the unit that the file names, if any, and the axes: ITK turns what is anatomical to LPS."""
    kind = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(65536).split(b"\n\n")[0].decode("latin1")
    if kind in (".mha", ".mhd"):
        units = re.search(r"^DistanceUnits *= *(\S+)", head, re.MULTILINE)
        return unit_named(units[1]) if units else None, "LPS"
    if kind not in (".nrrd", ".nhdr"):
        return None, None
    space = re.search(r"^space: *(\S+)", head, re.MULTILINE)
    units = re.search(r'^space units: *"([^"]*)"', head, re.MULTILINE)
    anatomical = space is not None and re.search(r"left|right|^[LR][AP][SI]", space[1], re.IGNORECASE)
    return unit_named(units[1]) if units else None, "LPS" if anatomical else None
