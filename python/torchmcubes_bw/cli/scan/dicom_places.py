# SPDX-License-Identifier: MIT
"""Where DICOM slices lie, and whether they make up a volume: one grid, or an error that names the files."""

from __future__ import annotations

import numpy as np

from ..errors import CliError
from .choice import Choice
from .dicom_slice import Slice
from .scan import Matrix, picked

_UNEVEN = 0.02  # of the step between slices: headers are rounded
_PHASES = (
    "TemporalPositionIdentifier", "TemporalPositionIndex", "AcquisitionNumber", "FrameAcquisitionNumber",
    "EchoNumbers", "EchoTime", "EffectiveEchoTime", "TriggerTime", "NominalCardiacTriggerDelayTime",
    "NominalPercentageOfCardiacPhase", "DiffusionBValue", "AcquisitionTime", "ImageType", "FrameType",
)  # fmt: skip


def in_order(
    slices: list[Slice], choice: Choice, said: list[str]
) -> tuple[list[Slice], Matrix, Matrix | None]:
    """Return the slices along their normal, the affine, and each one's place where they lie unevenly."""
    first = slices[0]
    check_alike(slices)
    if len(slices) == 1:
        raise CliError(f"INPUT must hold at least two slices, got one: {first.name}")
    normal = np.cross(first.x, first.y)
    normal /= np.linalg.norm(normal)
    slices = sorted(slices, key=lambda each: float(each.position @ normal))
    slices = _one_a_place(slices, np.array([each.position @ normal for each in slices]), choice, said)
    positions = np.array([each.position for each in slices])
    if len(slices) == 1:
        raise CliError(f"INPUT must hold at least two slices, got one place: {first.name}")
    step = (positions[-1] - positions[0]) / (len(slices) - 1)
    uneven = _check_even(slices, positions, normal, choice, said)
    affine = np.eye(4)
    affine[:3] = np.column_stack([slices[0].x, slices[0].y, step, positions[0]])
    tell_tilt(step, normal, said)
    return slices, affine, positions if uneven else None


def tell_tilt(step: Matrix, normal: Matrix, said: list[str]) -> None:
    """Say by how much the step from slice to slice leaves their normal."""
    tilt = np.degrees(np.arccos(np.clip(step @ normal / np.linalg.norm(step), -1, 1)))
    if tilt > 0.05:
        said.append(f"the slices are tilted by {tilt:.2f} degrees (gantry tilt): the mesh follows them")


def check_alike(slices: list[Slice]) -> None:
    """Refuse slices of different size, orientation or pixel spacing."""
    first = slices[0]
    shape = (first.header.Rows, first.header.Columns)
    scale = float(np.linalg.norm(first.x))
    for each in slices[1:]:
        other = (each.header.Rows, each.header.Columns)
        if other != shape:
            raise CliError(
                f"slices must be of one size, got {shape[0]} x {shape[1]} in {first.name} "
                f"and {other[0]} x {other[1]} in {each.name}"
            )
        apart = max(np.abs(each.x - first.x).max(), np.abs(each.y - first.y).max())
        if apart > 1e-3 * scale:
            raise CliError(
                f"slices must have one orientation and pixel spacing, {first.name} and {each.name} differ"
            )


def _one_a_place(slices: list[Slice], along: Matrix, choice: Choice, said: list[str]) -> list[Slice]:
    """Return one slice for every place; several are phases of which the user takes one."""
    steps = np.diff(along)
    typical = np.median(steps[steps > 1e-3]) if (steps > 1e-3).any() else 1.0
    starts = np.flatnonzero(np.concatenate([[True], steps > 0.01 * typical]))
    counts = np.diff(np.append(starts, len(slices)))
    if counts.max() == 1:
        return slices
    if len(counts) == 1 and len(slices) > 1 and counts[0] == len(slices):
        names = ", ".join(each.name for each in slices[:3])
        raise CliError(f"slices must lie at different places, got {len(slices)} at one: {names} …")
    if counts.min() != counts.max():
        at = int(starts[counts > 1][0])
        raise CliError(
            f"a slice must lie alone, got {slices[at].name} and {slices[at + 1].name} at the same place "
            f"({_place(slices[at].position)}); {int((counts > 1).sum())} of {len(counts)} places are doubled"
        )
    name, phases = _phases(slices, len(counts), int(counts[0]))
    if not phases:
        raise CliError(
            f"a slice must lie alone, got {counts[0]} at each of {len(counts)} places, "
            f"as {slices[0].name} and {slices[1].name}, and nothing that tells them apart"
        )
    number = picked("--frame", choice.take("frame"), len(phases), f"images at each place, apart by {name}")
    said.append(f"frame {number} of {len(phases)} taken ({name} {list(phases)[number]})")
    return list(phases.values())[number]


def _phases(slices: list[Slice], places: int, count: int) -> tuple[str, dict[str, list[Slice]]]:
    """Part the slices by the first tag whose values give one whole volume each."""
    for name in _PHASES:
        parts: dict[str, list[Slice]] = {}
        for each in slices:
            parts.setdefault(str(each.tag(name)), []).append(each)
        if len(parts) == count and all(len(part) == places for part in parts.values()):
            try:
                ordered = dict(sorted(parts.items(), key=lambda item: float(item[0])))
            except ValueError:
                ordered = dict(sorted(parts.items()))
            return name, ordered
    return "", {}


def _check_even(
    slices: list[Slice], positions: Matrix, normal: Matrix, choice: Choice, said: list[str]
) -> bool:
    """Return whether the slices lie unevenly; without --allow-gaps that is an error."""
    steps = np.diff(positions, axis=0)
    along = steps @ normal
    usual = float(np.median(along))
    line = positions[0] + np.outer(np.arange(len(positions)), (positions[-1] - positions[0])) / len(steps)
    drift = np.abs(positions - line).max()
    odd = np.abs(along - usual) > _UNEVEN * usual
    if not odd.any() and drift <= 0.1 * usual:
        return False
    if odd.any():
        worst = int(np.argmax(np.abs(along - usual)))
        missing = along[worst] / usual - 1
        what = (
            f"{round(missing)} missing" if missing > 0.5 and abs(missing - round(missing)) < 0.1 else "uneven"
        )
        text = (
            f"slices {what} between {slices[worst].name} and {slices[worst + 1].name}: "
            f"{along[worst]:.4g} mm apart where {usual:.4g} mm are usual; {int(odd.sum())} such gaps"
        )
    else:
        text = f"slices shift sideways by up to {drift:.4g} mm along {slices[0].name} … {slices[-1].name}"
    if not choice.allow_gaps:
        raise CliError(f"{text} (--allow-gaps bridges them)")
    said.append(f"{text}: each slice lies where its header says, the surface bridges what is between")
    return True


def _place(position: Matrix) -> str:
    return " ".join(f"{value:g}" for value in position)
