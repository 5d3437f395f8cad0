# SPDX-License-Identifier: MIT
"""One slice of DICOM: where its header says that it lies, and its values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
        groups: the file's functional groups that hold for it, its own before the shared ones.
    """

    path: Path
    frame: int | None
    header: Any
    position: Matrix
    x: Matrix
    y: Matrix
    rescale: tuple[float, float]
    groups: list[Any]

    @property
    def name(self) -> str:
        """How an error names it."""
        return self.path.name if self.frame is None else f"frame {self.frame} of {self.path.name}"

    def tag(self, name: str) -> Any:
        """Return a tag's value of this slice, else of the whole file; None where neither has it."""
        return self._grouped[name] if name in self._grouped else self.header.get(name)

    @cached_property
    def _grouped(self) -> dict[str, Any]:
        """What the functional groups say, by name, each looked through once."""
        found: dict[str, Any] = {}
        for group in reversed(self.groups):
            for sequence in group:
                if sequence.VR == "SQ" and sequence.value:
                    found.update((element.keyword, element.value) for element in sequence.value[0])
        return found


def slices_of(file: Path, header: Any) -> list[Slice]:
    """Return the slices of a file: one, or a frame each."""
    if "ModalityLUTSequence" in header:
        raise CliError(f"{file} must give its values by slope and intercept, got ModalityLUTSequence")
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if frames is None:
        if int(header.get("NumberOfFrames", 1) or 1) > 1:
            raise CliError(f"{file} must say where each of its frames lies, and does not")
        return [_slice(file, None, header, [])]
    shared = header.get("SharedFunctionalGroupsSequence") or []
    return [_slice(file, k, header, [frame, *shared]) for k, frame in enumerate(frames)]


def _slice(file: Path, frame: int | None, header: Any, groups: list[Any]) -> Slice:
    def find(sequence: str, name: str) -> Any:
        for group in [*groups, header]:
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
    at = np.asarray(position, dtype=np.float64)
    return Slice(file, frame, header, at, x * columns, y * rows, rescale, groups)


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
