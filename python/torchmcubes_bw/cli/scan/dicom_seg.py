# SPDX-License-Identifier: MIT
"""DICOM segmentations: frames of segments become one volume of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from .dicom_places import check_alike, tell_tilt
from .dicom_slice import Slice, slices_of, stored
from .scan import Array, Matrix, Scan


def read_segments(pydicom: Any, series: list[tuple[Path, Any]], path: Path) -> Scan:
    """Read a segmentation; segments that overlap have no place in one volume and are refused."""
    if len(series) != 1:
        raise CliError(f"a segmentation must be one file, got {len(series)} in {path}")
    file, header = series[0]
    kind = str(header.get("SegmentationType", ""))
    if kind not in ("BINARY", "LABELMAP"):
        raise CliError(f"a segmentation must be BINARY or LABELMAP, got {kind or 'nothing'} in {file}")
    slices = slices_of(file, header)
    check_alike(slices)
    said: list[str] = []
    low, step, places = _line(header, slices, file, said)
    places += 1  # empty planes need not be in the file: one on either side closes what ends there
    volume: Array = np.zeros((places.max() + 2, header.Rows, header.Columns), np.uint16)
    for k, (each, z) in enumerate(zip(slices, places, strict=True)):
        values = stored(pydicom, each)
        if kind == "LABELMAP":
            volume[z] = values
            continue
        number = int(_group(header, k).SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        _put(volume[z], values != 0, number, file)
    affine = np.eye(4)
    affine[:3] = np.column_stack([low.x, low.y, step, low.position - step])
    scan = Scan(volume, affine, "mm", "LPS", labelled=True, said=said)
    for segment in header.get("SegmentSequence") or []:
        number = int(segment.SegmentNumber)
        scan.names[number] = str(segment.get("SegmentLabel", number))
        if segment.get("RecommendedDisplayCIELabValue"):
            scan.colours[number] = _colour([float(v) for v in segment.RecommendedDisplayCIELabValue])
    return scan


def _group(header: Any, frame: int) -> Any:
    own = header.PerFrameFunctionalGroupsSequence[frame]
    if "SegmentIdentificationSequence" in own:
        return own
    return header.SharedFunctionalGroupsSequence[0]


def _line(header: Any, slices: list[Slice], file: Path, said: list[str]) -> tuple[Slice, Matrix, Array]:
    """Return the lowest frame, the step from plane to plane, and how many steps up each frame lies."""
    normal = np.cross(slices[0].x, slices[0].y)
    normal /= np.linalg.norm(normal)
    positions = np.array([each.position for each in slices])
    along = positions @ normal
    apart = _step(header, along, file)
    low, high = int(np.argmin(along)), int(np.argmax(along))
    places = np.rint((along - along[low]) / apart).astype(int)
    if np.abs(along - along[low] - places * apart).max() > 0.02 * apart:
        raise CliError(f"the frames of {file} must lie {apart:g} mm apart or a multiple of it, and do not")
    step = (positions[high] - positions[low]) / places[high] if places[high] else normal * apart
    drift = np.abs(positions - positions[low] - np.outer(places, step)).max()
    if drift > 0.1 * apart:
        raise CliError(f"the frames of {file} must lie in one line, got some {drift:.4g} mm beside it")
    tell_tilt(step, normal, said)
    return slices[low], step, places


def _step(header: Any, along: Array, file: Path) -> float:
    """Return the distance of neighbouring planes; empty ones need not be in the file."""
    for group in header.get("SharedFunctionalGroupsSequence") or []:
        for measures in group.get("PixelMeasuresSequence") or []:
            if measures.get("SpacingBetweenSlices"):
                return abs(float(measures.SpacingBetweenSlices))
    steps = np.diff(np.unique(np.round(along, 4)))
    if len(steps) == 0:
        raise CliError(f"INPUT must hold at least two slices, got one in {file}")
    return float(steps.min())


def _put(plane: Array, inside: Array, number: int, file: Path) -> None:
    taken = plane[inside]
    if (taken != 0).any():
        other = int(taken[taken != 0][0])
        raise CliError(f"segments must not overlap, {other} and {number} do in {file}")
    plane[inside] = number


def _colour(stored_lab: list[float]) -> tuple[float, float, float]:
    """Return red, green, blue of a colour that DICOM keeps as CIELab in 16 bits a part."""
    lightness, a, b = stored_lab[0] / 65535 * 100, *(v / 65535 * 255 - 128 for v in stored_lab[1:])
    y = (lightness + 16) / 116
    curve = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(curve > 6 / 29, curve**3, 3 * (6 / 29) ** 2 * (curve - 4 / 29)) * [0.9505, 1.0, 1.089]
    linear = (
        np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]) @ xyz
    )
    rgb = np.where(
        linear > 0.0031308, 1.055 * np.clip(linear, 1e-9, None) ** (1 / 2.4) - 0.055, 12.92 * linear
    )
    red, green, blue = (float(part) for part in np.clip(rgb, 0, 1))
    return red, green, blue
