# SPDX-License-Identifier: MIT
"""`extract --max-memory`: a volume larger than memory, read by planes and written as it comes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..streaming.ahead import CannotRead
from ..streaming.budget import budget, memory
from ..streaming.slab import Asked, FoundNan, Piece
from ..streaming.sources import Source, mask_source, source
from ..streaming.surface import asked_of, write
from ..streaming.target import check_apart, kind_of
from ..streaming.walk import walk
from . import labels, surface
from . import level as leveling
from .errors import FAILED, CliError
from .job import counting, in_place_of_nan, placed, reach_of, read_beside, real_type, to_normals
from .part import unit_length
from .progress import shown, step
from .scan.read import read
from .scan.scan import Array, Scan
from .target import check_target
from .wanted import Job

_LOOK = 64  # planes that are looked at where the level or the object's side is left to us
_WHOLE = (
    "label",
    "labels",
    "colour",
    "largest",
    "smooth",
    "simplify",
)  # what needs the volume or the mesh whole


def check(output: Path, job: Job) -> None:
    """Refuse what cannot be done plane by plane, before anything is read."""
    for name in _WHOLE:
        if getattr(job, name) != getattr(Job, name):  # its default: 0 is a label
            raise CliError(f"--{name} needs the whole volume in memory: leave it or --max-memory out")
    if job.device.partition(":")[0] not in ("auto", "cpu"):
        raise CliError(f"--device must be auto or cpu with --max-memory, got {job.device}")
    for name, given in (("INPUT", job.source), ("--mask", job.mask)):
        if given is not None:
            whole = Path(given).exists()
            check_apart(output, name, [Path(given if whole else given.rpartition(":")[0] or given)])
    if output.suffix.lower() == ".zarr":
        if not output.resolve().parent.is_dir():
            raise CliError(f"--output must lie in a folder that exists, got {output}")
        kind_of(output)
    else:
        check_target(output, ("ply", "zarr"))


def run(job: Job, output: Path, most: str) -> list[str]:
    """Read, decide, extract and write; return what is to be said of it, a line each."""
    room = memory(most, "--max-memory")
    step("reading")
    job.choice.by_planes = True
    scan = placed(read(job.source, job.choice), job)
    said = list(scan.said)
    mask = None if job.mask is None else _mask(scan, job, said)
    level, above = _decide(scan, mask, job, room, said)
    vol, at, above = _samples(scan, job, level, above)
    which = None if mask is None else mask_source(mask, vol)
    asked = asked_of(
        vol, at, which is not None, job.nan == "skip", job.cap, job.normals, (1, 1, 1), surface.threads()
    )
    carry = _Carrier(scan, asked, above)
    plane = asked.shape[1] * asked.shape[2] * scan.samples.dtype.itemsize / 1e6
    step("extracting")
    pieces = walk(
        asked,
        (vol, which),
        budget(asked, vol, which, room, None, "--max-memory"),
        lambda done, planes: shown(done, planes, "MB", plane),
    )
    try:
        done = write(output, _some(pieces, level), carry.real, carry.normals, carry)
    except FoundNan as error:
        text = str(error).replace("vol", "INPUT").replace("mask", "--mask").split(" (nan=")[0]
        raise CliError(
            f"{text}: --nan skip leaves them out, --nan VALUE takes a value in their place"
        ) from None
    except CannotRead as error:
        raise CliError(str(error).replace(" of vol ", f" of {job.source} "), FAILED) from None
    place = " ".join(each for each in (scan.unit, f"({scan.axes})" if scan.axes else None) if each)
    bounds = " x ".join(f"{a:.6g}..{b:.6g}" for a, b in zip(*carry.bounds, strict=True))
    where = f" {place}" if place else ""
    return [*said, f"{output}: {done.vertices} vertices, {done.triangles} faces, bounds {bounds}{where}"]


def _some(pieces: Iterator[Piece], level: float) -> Iterator[Piece]:
    """Pass the pieces on; that there is nothing in them is an error."""
    found = 0
    for piece in pieces:
        found += len(piece.faces)
        yield piece
    if not found:
        raise CliError(f"no surface: --level {level:g} parts no samples")


def _mask(scan: Scan, job: Job, said: list[str]) -> Callable[[int, int], Array]:
    mask = read_beside(scan, str(job.mask), job, True)
    if mask.samples.shape != scan.samples.shape:
        raise CliError(f"--mask must have the shape of INPUT {scan.samples.shape}, got {mask.samples.shape}")
    return lambda z0, z1: counting(np.asarray(mask.samples[z0:z1]), said)


def _decide(
    scan: Scan, mask: Callable[[int, int], Array] | None, job: Job, room: int, said: list[str]
) -> tuple[float, bool]:
    """Return the level and whether the object is above it; what is not said is seen in some of the planes."""
    level = job.level if job.level is not None else scan.level
    if level is not None and math.isnan(level):
        raise CliError("--level must be a number, got nan")
    if level is not None and job.inside != "auto":
        said.append(f"level {level:g} (as given), object {job.inside} it, on the CPU")
        return level, job.inside == "above"
    nz, ny, nx = scan.samples.shape
    count = max(min(nz, _LOOK, room // (4 * ny * nx * scan.samples.dtype.itemsize)), 2)
    planes = sorted({int(z) for z in np.linspace(0, nz - 1, count)})
    seen = np.concatenate([np.asarray(scan.samples[z : z + 1]) for z in planes])
    valid = None if mask is None else np.concatenate([mask(z, z + 1) for z in planes])
    if seen.dtype.kind == "f":
        valid = ~np.isnan(seen) if valid is None else valid & ~np.isnan(seen)
    rule = "as given"
    if level is None:
        extent = leveling.value_range(seen, valid)
        if labels.label_counts(seen, extent) is not None:
            raise CliError("INPUT looks like a label map: give --level L, or leave --max-memory out")
        level, rule = leveling.choose_level(seen, extent, valid)
    above = leveling.object_is_above(seen, level, valid) if job.inside == "auto" else job.inside == "above"
    looked = f" by {len(planes)} planes" if len(planes) < nz else ""
    said.append(f"level {level:g} ({rule}), object {'above' if above else 'below'} it{looked}, on the CPU")
    return level, above


def _samples(scan: Scan, job: Job, level: float, above: bool) -> tuple[Source, float, bool]:
    """Return the samples as they are cut, at which level, and whether the object is above it."""
    value = None
    if job.nan is not None and job.nan != "skip":
        value = in_place_of_nan(job.nan, scan.samples.dtype)
    turned = job.cap and above  # the core closes what is below: the mirror image of the values is
    if value is None and not turned:
        return source(scan.samples, "INPUT"), level, above
    at = surface.negated(np.empty(0, scan.samples.dtype), level)[1] if turned else level

    def planes(z0: int, z1: int) -> Array:
        found = np.asarray(scan.samples[z0:z1])
        if value is not None and found.dtype.kind == "f":
            found = np.where(np.isnan(found), value, found)
        return surface.negated(found, level)[0] if turned else found

    return source(planes, "INPUT", scan.samples.shape), at, above and not turned


class _Carrier:
    """Carries pieces into the world, their faces outward there, and keeps their bounds."""

    def __init__(self, scan: Scan, asked: Asked, above: bool) -> None:
        steps = scan.affine[:3, :3]
        self.real = real_type(reach_of(scan), steps)
        self.normals = np.dtype(np.float32) if asked.normals else None
        self.bounds = np.full(3, np.inf), np.full(3, -np.inf)
        self._scan = scan
        self._turn = scan.mirrors != above
        self._moves = not np.array_equal(scan.affine, np.eye(4)) or scan.planes is not None
        even = np.array_equal(steps, steps[0, 0] * np.eye(3))
        self._shear = None if even else to_normals(steps)
        self._sign = -1.0 if above else 1.0

    def __call__(self, piece: Piece) -> tuple[Array, Array, Array | None]:
        verts, faces, normals = piece.verts, piece.faces, piece.normals
        if self._turn:
            faces = np.ascontiguousarray(faces[:, ::-1])
        if normals is not None:
            normals = normals * self._sign
            if self._shear is not None:
                normals = unit_length(normals @ self._shear.astype(normals.dtype))
        if self._moves:
            verts = self._scan.to_world(verts)
        verts = verts.astype(self.real, copy=False)
        if len(verts):
            low, high = self.bounds
            np.minimum(low, verts.min(axis=0), out=low)
            np.maximum(high, verts.max(axis=0), out=high)
        return verts, faces, normals
