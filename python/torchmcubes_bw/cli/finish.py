# SPDX-License-Identifier: MIT
"""The end of `extract`: what is written where, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .closed import is_closed
from .errors import CliError, warn
from .job import Result
from .labels import safe
from .part import Array, Part, exponent, merge_coincident
from .scan.units import METRES
from .target import check_target
from .write import write


def closed(result: Result) -> list[bool]:
    """Tell of each part whether it is closed."""
    return [is_closed(part.faces, len(part.verts)) for part in result.parts]


def fit(result: Result, kind: str) -> None:
    """Put the vertices where a format that holds float32 only puts them: what falls together is one."""
    far = [part for part in result.parts if part.verts.dtype == np.float64]
    if kind not in ("stl", "glb") or not far:
        return
    _check_far(result, kind)
    for part in far:
        if kind == "glb":
            part.centre = _centre(part.verts)
            part.verts = part.verts - part.centre
        part.verts = part.verts.astype(np.float32)
        merge_coincident(part, np.arange(len(part.verts)))
        if len(part.faces) == 0:
            raise CliError(f"a .{kind} file must have faces with an area in float32, got none: write .ply")
    if kind == "stl":
        warn("the mesh lies far from the origin and .stl holds float32 only: vertices move; write .ply")
    else:
        warn("the mesh lies far from the origin: the .glb's node carries it, not every program reads that")


def _centre(verts: Array) -> Array:
    """Return the middle of vertices, to whole units or, where the mesh is small, to a part of its size."""
    low, high = verts.min(axis=0), verts.max(axis=0)
    power = min(0, exponent(high - low) - 2)
    return np.asarray(np.ldexp(np.rint(np.ldexp((low + high) / 2, -power)), power))


def write_all(output: Path, kind: str, result: Result) -> list[tuple[Path, Part]]:
    """Write one file, or one a label where the format has no names; return which part went where."""
    unit = METRES[result.scan.unit] if result.scan.unit else 1.0
    if kind in ("glb", "obj") or not result.several:
        write(output, result.parts, unit)
        return [(output, part) for part in result.parts]
    files = [output.with_name(f"{output.stem}_{safe(part.name)}{output.suffix}") for part in result.parts]
    written = list(zip(files, result.parts, strict=True))
    for file in files:  # all of them before any is written
        check_target(file)
    for file, part in written:
        write(file, [part], unit)
    return written


def _check_far(result: Result, kind: str) -> None:
    """Refuse coordinates that a format cannot hold."""
    reach = max(float(np.abs(part.verts).max()) for part in result.parts)
    least, most = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
    if not least <= reach <= most:
        raise CliError(
            f"a .{kind} file must have coordinates that float32 holds, from {least:g} to {most:g}, "
            f"got {reach:g}: write .ply"
        )


def lines(written: list[tuple[Path, Part]], closed: list[bool], place: str, seconds: float) -> list[str]:
    """Return the closing lines, one a part."""
    named = len(written) > 1
    return [
        _line(file, part, state, place, seconds, named)
        for (file, part), state in zip(written, closed, strict=True)
    ]


def _line(file: Path, part: Part, closed: bool, place: str, seconds: float, named: bool) -> str:
    centre = np.float32(0) if part.centre is None else part.centre
    low, high = part.verts.min(axis=0) + centre, part.verts.max(axis=0) + centre
    bounds = " x ".join(f"{a:.6g}..{b:.6g}" for a, b in zip(low, high, strict=True))
    name = f"{part.name}, " if named else ""
    state = "closed" if closed else "open"
    counts = f"{len(part.verts)} vertices, {len(part.faces)} faces"
    where = f" {place}" if place else ""
    return f"{file}: {name}{counts}, {state}, bounds {bounds}{where}, {seconds:.2f} s"
