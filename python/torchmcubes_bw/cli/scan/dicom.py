# SPDX-License-Identifier: MIT
"""DICOM: a folder of slices or a file of frames, each placed where its own header says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from ..progress import counted
from .choice import Choice
from .dicom_places import in_order
from .extras import library
from .scan import Array, Matrix, Scan

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


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


def read(path: Path, choice: Choice) -> Scan:
    """Read one series."""
    pydicom = library("pydicom", "dicom", f"reading {path}")
    headers, strangers = _headers(pydicom, path)
    series = _series(headers, path, choice)
    if series[0][1].get("SOPClassUID") in _SEGMENTATIONS:
        from .dicom_seg import read_segments  # noqa: PLC0415 - a kind of its own

        return read_segments(pydicom, series, path)
    slices = [each for file, header in series for each in slices_of(file, header)]
    said = [f"{strangers} files that are not DICOM were left out"] if strangers else []
    slices, affine, planes = in_order(slices, choice, said)
    return Scan(_samples(pydicom, slices), affine, "mm", "LPS", planes, said=said)


def _headers(pydicom: Any, path: Path) -> tuple[list[tuple[Path, Any]], int]:
    """Return each DICOM file under a folder with its header, and how many others there are."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    found, strangers = [], 0
    for file in counted(files, len(files), "files"):
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            if not path.is_dir():
                raise
            strangers += file.name.upper() != "DICOMDIR"
            continue
        except Exception as error:
            raise CliError(f"cannot read {file}: {' '.join(str(error).split())}") from None
        if header.get("Rows") and header.get("Columns"):  # a report or a directory has no image
            found.append((file, header))
    if not found:
        raise CliError(f"INPUT must be a folder with DICOM images, got none in {path}")
    return found, strangers


def _series(headers: list[tuple[Path, Any]], path: Path, choice: Choice) -> list[tuple[Path, Any]]:
    """Return the files of the only series, or of the one that the user chose."""
    series: dict[str, list[tuple[Path, Any]]] = {}
    for file, header in headers:
        series.setdefault(str(header.get("SeriesInstanceUID", "")), []).append((file, header))
    if choice.series is None and len(series) == 1:
        return next(iter(series.values()))
    told = []
    for number, (uid, files) in enumerate(series.items(), 1):
        text = str(files[0][1].get("SeriesDescription", ""))
        told.append(f"{number} {text!r} of {len(files)} files")
        if choice.series is not None and choice.series in (str(number), uid, text):
            return files
    got = f"got {choice.series}" if choice.series is not None else "which one is not said"
    raise CliError(f"--series must be one of {'; '.join(told)} in {path}, {got}")


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


def _samples(pydicom: Any, slices: list[Slice]) -> Array:
    """Return the slices' samples as one volume, in integers where they are."""
    first = stored(pydicom, slices[0])
    whole = all(part.is_integer() for each in slices for part in each.rescale)
    plain = all(each.rescale == (1.0, 0.0) for each in slices)
    kind = first.dtype if plain else np.dtype(np.int32 if whole and first.itemsize <= 2 else np.float64)
    volume: Array = np.empty((len(slices), *first.shape), kind)
    for z, each in counted(enumerate(slices), len(slices), "slices"):
        values = first if z == 0 else stored(pydicom, each)
        if values.dtype != first.dtype:
            raise CliError(f"slices must be of one type, got {first.dtype} and {values.dtype} in {each.name}")
        slope, intercept = each.rescale
        volume[z] = values if plain else values * kind.type(slope) + kind.type(intercept)
    return volume


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
