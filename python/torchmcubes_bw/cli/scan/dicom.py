# SPDX-License-Identifier: MIT
"""DICOM: a folder of slices or a file of frames, each placed where its own header says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from ..progress import counted
from .choice import Choice
from .dicom_places import in_order
from .dicom_seg import read_segments
from .dicom_slice import Slice, slices_of, stored
from .extras import library
from .scan import Array, Scan

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


def read(path: Path, choice: Choice) -> Scan:
    """Read one series."""
    pydicom = library("pydicom", "dicom", f"reading {path}")
    headers, strangers = _headers(pydicom, path)
    series = _series(headers, path, choice)
    if series[0][1].get("SOPClassUID") in _SEGMENTATIONS:
        return read_segments(pydicom, series, path)
    choice.take("allow_gaps")
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
    choice.take("series")
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


def _samples(pydicom: Any, slices: list[Slice]) -> Array:
    """Return the slices' samples as one volume, in integers where they are."""
    first = stored(pydicom, slices[0])
    plain = all(each.rescale == (1.0, 0.0) for each in slices)
    whole = all(_in_int32(first.dtype, *rescale) for rescale in {each.rescale for each in slices})
    kind = first.dtype if plain else np.dtype(np.int32 if whole else np.float64)
    volume: Array = np.empty((len(slices), *first.shape), kind)
    for z, each in counted(enumerate(slices), len(slices), "slices"):
        values = first if z == 0 else stored(pydicom, each)
        if values.dtype != first.dtype:
            raise CliError(f"slices must be of one type, got {first.dtype} and {values.dtype} in {each.name}")
        slope, intercept = each.rescale
        volume[z] = values if plain else values * kind.type(slope) + kind.type(intercept)
    return volume


def _in_int32(stored_as: np.dtype[Any], slope: float, intercept: float) -> bool:
    """Whether every value of a stored type is rescaled to an integer of 32 bits."""
    if stored_as.kind not in "iu" or not (slope.is_integer() and intercept.is_integer()):
        return False
    ends = np.iinfo(stored_as)
    most = np.iinfo(np.int32)
    return all(most.min <= int(slope) * end + int(intercept) <= most.max for end in (ends.min, ends.max))
