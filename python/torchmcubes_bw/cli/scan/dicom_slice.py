# SPDX-License-Identifier: MIT
"""One slice of DICOM: where its header says that it lies, and its values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from .scan import Array, Matrix


@dataclass
class Slice:
    """One plane of samples: of which file, which frame in it, and where it lies.

    Attributes:
        path, frame: the file, and the frame's index where the file holds several.
        header: the file's header.
        position: of its first sample. x, y: the steps to the next column and the next row.
        rescale: slope and intercept from a stored value to a sample.
    """

    path: Path
    frame: int | None
    header: Any
    position: Matrix
    x: Matrix
    y: Matrix
    rescale: tuple[float, float]

    @property
    def name(self) -> str:
        """How an error names it."""
        return self.path.name if self.frame is None else f"frame {self.frame} of {self.path.name}"


def slices_of(file: Path, header: Any) -> list[Slice]:
    """Return the slices of a file: one, or a frame each."""
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if frames is None:
        if int(header.get("NumberOfFrames", 1) or 1) > 1:
            raise CliError(f"{file} must say where each of its frames lies, and does not")
        return [_slice(file, None, header, [header])]
    shared = header.get("SharedFunctionalGroupsSequence") or []
    return [_slice(file, k, header, [frame, *shared, header]) for k, frame in enumerate(frames)]


def _slice(file: Path, frame: int | None, header: Any, groups: list[Any]) -> Slice:
    def find(sequence: str, name: str) -> Any:
        for group in groups:
            within = group.get(sequence) or [group]
            if within[0].get(name) is not None:
                return within[0].get(name)
        return None

    position = find("PlanePositionSequence", "ImagePositionPatient")
    orientation = find("PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = find("PixelMeasuresSequence", "PixelSpacing")
    for name, value, length in (
        ("ImagePositionPatient", position, 3),
        ("ImageOrientationPatient", orientation, 6),
        ("PixelSpacing", spacing, 2),
    ):
        numbers: Any = [] if value is None else np.asarray(value, dtype=np.float64)
        if len(numbers) != length or not np.isfinite(numbers).all():
            raise CliError(f"{file} must say where it lies: its {name} is {value}")
    x, y = np.asarray(orientation, dtype=np.float64).reshape(2, 3)
    rows, columns = (float(each) for each in spacing)  # between rows comes first
    slope = find("PixelValueTransformationSequence", "RescaleSlope")
    intercept = find("PixelValueTransformationSequence", "RescaleIntercept")
    rescale = (1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept))
    return Slice(file, frame, header, np.asarray(position, dtype=np.float64), x * columns, y * rows, rescale)


_open: dict[Path, Array] = {}  # the last file of frames, decoded


def stored(pydicom: Any, each: Slice) -> Array:
    """Return a slice's values as they are stored."""
    if each.frame is not None and each.path in _open:
        return np.asarray(_open[each.path][each.frame])
    if int(each.header.get("SamplesPerPixel", 1)) != 1:
        raise CliError(f"{each.path} must hold one value a pixel, got colours")
    try:
        values: Array = pydicom.dcmread(each.path).pixel_array
    except Exception as error:
        raise CliError(f"cannot read {each.path}: {' '.join(str(error).split())}") from None
    if each.frame is None:
        return values
    values = values.reshape(-1, *values.shape[-2:])
    _open.clear()
    _open[each.path] = values
    return np.asarray(values[each.frame])
