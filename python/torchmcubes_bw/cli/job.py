# SPDX-License-Identifier: MIT
"""What `extract` and `view` do between the words of the user and a mesh in the world."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import labels, surface
from . import level as leveling
from .colour import colours_at
from .errors import CliError
from .part import Part, face_normals, largest, merge_coincident, simplify, smooth, unit_length
from .progress import step
from .scan.choice import Choice
from .scan.read import read
from .scan.scan import Scan
from .wanted import Job

Array = NDArray[Any]

_SAME = 1e-6  # of a voxel
_NAN = "--nan must be skip or a number"
_MOST = 1e100  # a coordinate: the volume of three such steps is a number still
_FINE = 1e-3  # of a voxel: vertices that float32 would move further are written in float64


@dataclass
class Result:
    """Meshes in the world, and what was decided on the way."""

    parts: list[Part]
    scan: Scan
    said: list[str]
    several: bool  # labels, of which each has a file of its own where the format has no names

    @property
    def place(self) -> str:
        """The unit and the axes of the coordinates, as far as they are known."""
        known = (self.scan.unit, f"({self.scan.axes})" if self.scan.axes else None)
        return " ".join(each for each in known if each)


def run(job: Job) -> Result:
    """Read, decide, extract and mend."""
    if job.level is not None and math.isnan(job.level):
        raise CliError("--level must be a number, got nan")
    if job.nan not in (None, "skip"):
        leveling.number(str(job.nan), _NAN)
    step("reading")
    scan = placed(read(job.source, job.choice), job)
    said = list(scan.said)
    step("looking at the samples")
    known = job.level is not None or scan.level is not None
    if known and job.nan is None and job.mask is None:
        valid, extent = None, None  # the core sees a NaN by itself: the samples are read once
    else:
        valid, extent = _valid(scan, job, said)
    device, where = surface.choose_device(job.device)
    wanted = _wanted_labels(scan, job, extent, valid)
    if wanted:
        parts = _label_parts(scan, wanted, job, valid, device, said)
        listed = ", ".join(str(each) for each in wanted[:12])
        rest = f" and {len(wanted) - 12} more" if len(wanted) > 12 else ""
        said.append(f"labels {listed}{rest}, {where}")
    else:
        parts = [_surface(scan, job, extent, valid, device, where, said)]
    step("mending")
    colours = None if job.colour is None else _beside(scan, job.colour, job, False)
    for part in parts:
        _mend(part, job, said)
        if colours is not None:
            part.colours = colours_at(part.verts, colours, said)
    return Result(parts, scan, said, len(wanted) > 1)


def placed(scan: Scan, job: Job) -> Scan:
    """Put a scan where the user wants it; the origin is one of the mesh's own axes and unit."""
    if job.axes is not None:
        scan.turn_to(job.axes)
    elif scan.axes is not None:
        scan.turn_to("LPS")
    scan.place(job.spacing, None)
    if job.units is not None:
        scan.convert_to(job.units)
    scan.place(None, job.origin)
    reach, finest = reach_of(scan), float(np.abs(scan.affine[:3, :3]).max(axis=0).min())
    if not (reach <= _MOST and finest >= 1 / _MOST):
        raise CliError(
            f"INPUT must lie within {_MOST:g} of the origin in voxels of {1 / _MOST:g} or more, "
            f"got {finest:g} up to {reach:g}: mend --spacing, --origin"
        )
    if reach * 2.0**-53 > _FINE * finest:
        raise CliError(
            f"INPUT must lie where float64 holds a thousandth of a voxel, "
            f"got voxels of {finest:g} at {reach:g}: mend --spacing, --origin"
        )
    return scan


def reach_of(scan: Scan) -> float:
    """Return the greatest coordinate of the volume's corners."""
    corners = [(x, y, z) for z, y, x in product(*((0.0, float(n - 1)) for n in scan.samples.shape))]
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.abs(scan.to_world(np.array(corners))).max())


def _beside(scan: Scan, source: str, job: Job, is_mask: bool) -> Scan:
    """Read a second volume; what the user said about the place of the first is true of it too.

    One of the same shape, whose file says no place, lies where the first does.
    """
    other = read_beside(scan, source, job, is_mask)
    same = other.samples.shape == scan.samples.shape
    if same and other.axes is None and other.planes is None and np.array_equal(other.affine, np.eye(4)):
        other.affine, other.planes = scan.affine, scan.planes
        return other
    if other.axes is not None and scan.axes is not None:
        other.turn_to(scan.axes)
    if same:
        other.place(job.spacing, None)
    if other.unit is not None and scan.unit is not None:
        other.convert_to(scan.unit)
    if same:
        other.place(None, job.origin)
    return other


def read_beside(scan: Scan, source: str, job: Job, is_mask: bool) -> Scan:
    """Read a second volume as the first was read: a sample's size, a NIfTI's affine, a .raw file's shape."""
    said = job.choice
    choice = Choice(said.size, affine=said.affine, by_planes=said.by_planes)
    for name in ("size", "affine", "dtype"):
        choice.take(name)  # said of the first: what does not fit the second is no mistake
    path = Path(source)
    if path.suffix.lower() == ".raw" and path.is_file():
        choice.shape, choice.dtype = scan.samples.shape, said.dtype
        of_input = said.dtype is None or job.source.lower().endswith(".raw")
        if is_mask and of_input and path.stat().st_size == scan.samples.size:
            choice.dtype = "uint8"  # a byte each: 0 is 0 in every type of that size
    try:
        return read(source, choice)
    except CliError as error:
        if choice.affine is None or not str(error).startswith("--affine "):
            raise
    choice.affine = None  # the file has one affine only
    return read(source, choice)


def _valid(scan: Scan, job: Job, said: list[str]) -> tuple[Array | None, leveling.Range]:
    """Return which samples are valid, None where all are, and the range of those."""
    valid = None if job.mask is None else _mask(scan, job, said)
    extent = leveling.value_range(scan.samples, valid)
    if extent.nan == 0:
        return valid, _not_empty(extent)
    if job.nan is None:
        first = [int(k) for k in np.argwhere(np.isnan(scan.samples))[0]]
        samples = "NaN samples" if extent.nan != 1 else "NaN sample"
        raise CliError(
            f"INPUT must not contain NaN, got {extent.nan} {samples}, the first at {first}: "
            "--nan skip leaves them out, --nan VALUE takes a value in their place"
        )
    if job.nan == "skip":
        said.append(f"{extent.nan} NaN samples left out (--nan skip)")
        whole = ~np.isnan(scan.samples)
        return (whole if valid is None else whole & valid), _not_empty(extent)
    value = in_place_of_nan(job.nan, scan.samples.dtype)
    said.append(f"{extent.nan} NaN samples taken as {value:g} (--nan)")
    scan.samples = np.where(np.isnan(scan.samples), value, scan.samples)
    return valid, leveling.value_range(scan.samples, valid)


def in_place_of_nan(text: str, dtype: np.dtype[Any]) -> Any:
    """Return the number that --nan gives, in the samples' type."""
    value = leveling.number(text, _NAN)
    if dtype.kind != "f":
        return value
    with np.errstate(over="ignore"):
        held = dtype.type(value)
    if math.isfinite(value) and not np.isfinite(held):
        raise CliError(f"--nan must be a number that the samples' type {dtype.name} can hold, got {text}")
    return held


def _not_empty(extent: leveling.Range) -> leveling.Range:
    if math.isnan(extent.low):
        raise CliError("INPUT must have valid samples, got none: all are NaN or masked")
    return extent


def _mask(scan: Scan, job: Job, said: list[str]) -> Array:
    """Read the mask: a volume of the same grid, valid where it is not 0."""
    mask = _beside(scan, str(job.mask), job, True)
    if mask.samples.shape != scan.samples.shape:
        raise CliError(f"--mask must have the shape of INPUT {scan.samples.shape}, got {mask.samples.shape}")
    voxel = np.abs(scan.affine[:3, :3]).max()
    known = mask.axes is not None and scan.axes is not None
    if known and not np.allclose(mask.affine, scan.affine, atol=0.05 * voxel):
        raise CliError("--mask must lie where INPUT does, and does not: its affine is another")
    return counting(mask.samples, said)


def counting(mask: Array, said: list[str]) -> Array:
    """Return where a mask lets samples count; that NaN, as 0, does not is said once."""
    missing = np.isnan(mask) if mask.dtype.kind == "f" else None
    if missing is None or not missing.any():
        return np.asarray(mask != 0)
    text = "NaN samples of --mask taken as 0"
    if text not in said:
        said.append(text)
    return np.asarray((mask != 0) & ~missing)


def _wanted_labels(scan: Scan, job: Job, extent: leveling.Range | None, valid: Array | None) -> list[int]:
    """Return the labels to take, none where a level is wanted; ask where it is not said."""
    asked = job.label is not None or job.labels is not None
    if asked and job.level is not None:
        raise CliError("--level cuts samples, --label and --labels take labels: leave one out")
    if not asked and (job.level is not None or not scan.labelled):
        if extent is not None and job.level is None and scan.level is None:
            _no_label_map(scan, extent if valid is None else leveling.value_range(scan.samples))
        return []
    scan.samples = labels.integers(scan.samples, valid)
    counts = labels.counted(scan.samples, extent or leveling.value_range(scan.samples), valid)
    if counts is None:
        raise CliError("INPUT must hold at most 65536 values far apart to take labels from, got more")
    if job.label is not None:
        chosen = [job.label]
    elif job.labels is None or job.labels == "all":
        chosen = [label for label in counts if label != 0]
    else:
        try:
            chosen = list(dict.fromkeys(int(each) for each in job.labels.split(",")))
        except ValueError:
            raise CliError(f"--labels must be all or integers as 1,7, got {job.labels}") from None
    missing = [label for label in chosen if label not in counts]
    if missing or not chosen:
        option = "--label" if job.label is not None else "--labels"
        raise CliError(f"{option} must be of {labels.told(counts, scan.names)}, got {missing or 'none'}")
    return chosen


def _no_label_map(scan: Scan, extent: leveling.Range) -> None:
    counts = labels.label_counts(scan.samples, extent)
    if counts is not None:
        listed = labels.told(counts, scan.names)
        raise CliError(
            f"INPUT looks like a label map with {listed}: choose --label N, --labels all or --level L"
        )


def _label_parts(
    scan: Scan, wanted: list[int], job: Job, valid: Array | None, device: str, said: list[str]
) -> list[Part]:
    parts = []
    names = labels.distinct({label: scan.names.get(label, f"label {label}") for label in wanted})
    found = surface.labels(scan.samples, wanted, device, valid, job.cap, job.normals)
    for label, verts, faces, normals in found:
        colour = scan.colours.get(label, labels.colour_of(label))
        part = _to_world(Part(verts, faces, names[label], colour, normals), scan)
        if len(part.faces) == 0:
            said.append(f"{part.name}: no surface")
            continue
        parts.append(part)
    if not parts:
        raise CliError(f"no surface: {_thin(scan) or 'no cell has valid samples in a label and beside it'}")
    return parts


def _surface(
    scan: Scan,
    job: Job,
    extent: leveling.Range | None,
    valid: Array | None,
    device: str,
    where: str,
    said: list[str],
) -> Part:
    level, rule = _level(scan, job, extent, valid)
    if job.inside == "auto":
        above = leveling.object_is_above(scan.samples, level, valid)
    else:
        above = job.inside == "above"
    step("extracting")
    try:
        verts, faces, normals = surface.extract(
            scan.samples, level, device, valid, job.cap, above, job.normals
        )
    except surface.HasNan:
        _valid(scan, job, said)  # says where
        raise
    if len(faces) == 0:
        raise CliError(_nothing(scan, level, rule, extent or leveling.value_range(scan.samples)))
    said.append(f"level {level:g} ({rule}), object {'above' if above else 'below'} it, {where}")
    part = _to_world(Part(verts, faces, normals=normals), scan)
    if len(part.faces) == 0:
        raise CliError(f"no surface: at --level {level:g} ({rule}) all of its faces are without area")
    return part


def _level(scan: Scan, job: Job, extent: leveling.Range | None, valid: Array | None) -> tuple[float, str]:
    if job.level is not None:
        return job.level, "as given"
    if scan.level is not None:
        return scan.level, "the sample's own"
    return leveling.choose_level(scan.samples, extent or leveling.value_range(scan.samples), valid)


def _nothing(scan: Scan, level: float, rule: str, extent: leveling.Range) -> str:
    """Say why there is no surface."""
    parted = f"--level {level:g} ({rule}) parts no samples of {extent.low:g} to {extent.high:g}"
    return f"no surface: {_thin(scan) or parted}"


def _thin(scan: Scan) -> str | None:
    thin = [f"{axis} has 1" for axis, n in zip("zyx", scan.samples.shape, strict=True) if n == 1]
    return f"a volume needs two samples a side, got shape {scan.samples.shape} ({thin[0]})" if thin else None


def _to_world(part: Part, scan: Scan) -> Part:
    """Carry a part into the world, its faces outward there too."""
    if scan.mirrors:
        part.faces = np.ascontiguousarray(part.faces[:, ::-1])
    moves = not np.array_equal(scan.affine, np.eye(4)) or scan.planes is not None
    indices = part.verts
    at_one_place = _snap_to_samples(indices)
    steps = scan.affine[:3, :3]
    if part.normals is not None and not np.array_equal(steps, steps[0, 0] * np.eye(3)):
        part.normals = unit_length(part.normals @ to_normals(steps).astype(part.normals.dtype))
    if part.normals is not None:
        part.normals = part.normals.astype(np.float32, copy=False)
    if moves:
        part.verts = scan.to_world(indices)
    reach = float(np.abs(part.verts).max(initial=0))
    if real_type(reach, steps) == np.float32:
        part.verts = part.verts.astype(np.float32, copy=False)
    if moves or part.verts.dtype != indices.dtype:
        moved = _moved(reach, part.verts.dtype, scan)
        if moved > _SAME:
            at_one_place = _near_samples(indices, moved)
    # What lies at one place in the file: vertices on samples, and what rounding has moved together.
    merge_coincident(part, at_one_place)
    return part


def _moved(reach: float, real: np.dtype[Any], scan: Scan) -> float:
    """Return how many voxels may lie, along an axis, between two points that rounding puts on one place."""
    steps = scan.affine[None, :3, :3]
    if scan.planes is not None:
        gaps = np.diff(scan.planes, axis=0)
        steps = np.repeat(steps, len(gaps), axis=0)
        steps[:, :, 2] = gaps
    size = np.abs(steps).max()
    voxels = np.abs(np.linalg.inv(steps / size)).sum(axis=2).max() / size
    return float(2 * reach * np.finfo(real).eps * voxels)


def real_type(reach: float, steps: Array) -> np.dtype[Any]:
    """Return the type for coordinates up to `reach` with voxels of such steps."""
    narrow = np.finfo(np.float32)
    moved = max(reach * 2.0**-24, float(narrow.smallest_subnormal) / 2)
    fits = reach <= float(narrow.max) and moved <= _FINE * np.linalg.norm(steps, axis=0).min()
    return np.dtype(np.float32 if fits else np.float64)


def to_normals(steps: Array) -> Array:
    """Return what carries normals (V, 3), as rows, into the world, up to their length."""
    size = np.abs(steps).max()  # or the inverse of large and of small steps would not fit float32
    return np.linalg.inv(steps / size)


def _snap_to_samples(verts: Array) -> Array:
    """Put the vertices that lie all but on a sample right there, in place; return which they are.

    Others of the sample's edges may end there too, and what is thinner than that has no area for a reader.
    """
    found = _near_samples(verts, _SAME)
    verts[found] = np.rint(verts[found])
    return found


def _near_samples(verts: Array, within: float) -> Array:
    """Return which vertices (V, 3), in indices, lie so near a sample along each axis."""
    flags = np.empty(len(verts), bool)
    for start in range(0, len(verts), 2**16):
        some = verts[start : start + 2**16]
        flags[start : start + 2**16] = (np.abs(some - np.rint(some)) < within).all(axis=1)
    return np.flatnonzero(flags)


def _mend(part: Part, job: Job, said: list[str]) -> None:
    name = f"{part.name}: " if part.name != "surface" else ""
    if job.largest:
        said.append(name + largest(part))
    if job.smooth:
        said.append(name + smooth(part, job.smooth))
    if job.simplify is not None:
        said.append(name + simplify(part, job.simplify))
    if part.normals is None and job.normals:
        part.normals = face_normals(part)
