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
from .units import in_one_unit, no_lengths, unit_named

_DETACHED = (".mhd", ".nhdr", ".xdmf")
_ANATOMICAL = r"^space: *((left|right)[- ]?(anterior|posterior)[- ]?superior|[LR][AP]S)\s*$"
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
    words, axes = _meaning(path)
    factors, unit = in_one_unit(words)
    said = []
    if unit is not None:  # of the world's axes: its rows
        affine[:3] *= np.array(factors)[:, None]
    elif any(map(unit_named, words)):
        said.append(no_lengths(words))
    return Scan(sitk.GetArrayFromImage(image), affine, unit=unit, axes=axes, said=said)


def _check_claim(reader: Any, path: Path) -> None:
    """Refuse a header that names more samples than the file can hold, before memory is asked for."""
    samples = int(np.prod(reader.GetSize(), dtype=object)) * reader.GetNumberOfComponents()
    if path.suffix.lower() not in _DETACHED and samples > _MOST_PACKED * path.stat().st_size:
        raise CliError(f"cannot read {path}: its header names {samples} samples, more than it can hold")


def _meaning(path: Path) -> tuple[list[str], str | None]:
    """Return the world's units, an axis each, as the file has them, and its axes, LPS if anatomical."""
    kind = path.suffix.lower()
    with path.open("rb") as file:
        head = re.split(rb"\r?\n\r?\n", file.read(65536))[0].decode("latin1")
    if kind in (".mha", ".mhd"):
        units = re.search(r"^DistanceUnits *= *(\S+)", head, re.MULTILINE)
        return [units[1]] * 3 if units else [], "LPS"
    if kind not in (".nrrd", ".nhdr"):
        return [], None
    listed = re.search(r"^space units: *(.*)", head, re.MULTILINE | re.IGNORECASE)
    words = re.findall(r'"([^"]*)"', listed[1]) if listed else []
    return words, "LPS" if re.search(_ANATOMICAL, head, re.MULTILINE | re.IGNORECASE) else None
