# SPDX-License-Identifier: MIT
"""`torchmcubes-bw extract`: a volume becomes a mesh file."""

from __future__ import annotations

import signal
import time
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from .. import fields, marching_cubes
from ..arguments.volume import volume
from ..backends import cpu
from ..backends.converted import converted
from ..mesh import is_closed
from .errors import FAILED, CliError, reported
from .level import choose_level, object_is_above
from .read import Scan, read
from .write import check_target, write


class Device(str, Enum):
    """Where to compute."""

    cpu = "cpu"
    cuda = "cuda"


class Inside(str, Enum):
    """Which side of the level is the object."""

    auto = "auto"
    below = "below"
    above = "above"


_STEPS = ("reading", "extracting", "checking", "writing")


def extract(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A sample (" + ", ".join(fields.FIELDS) + "), a .npy or .npz file, an image that "
            "SimpleITK reads (NIfTI, NRRD, MetaImage, TIFF stack, …), or a DICOM folder.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The mesh: .ply, .obj, .stl or .glb.")],
    level: Annotated[
        float | None,
        typer.Option(help="Where the surface runs. Without it: a sample's own, or Otsu's threshold."),
    ] = None,
    size: Annotated[int, typer.Option(min=2, help="Samples a side of a built-in sample.")] = 128,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.cpu,
    inside: Annotated[
        Inside,
        typer.Option(help="The object's side of the level; auto: not the side of most of the border."),
    ] = Inside.auto,
    key: Annotated[str | None, typer.Option(help="The array to take from a .npz file.")] = None,
) -> None:
    """Extract the isosurface of a volume into a mesh file, normals outward."""
    signal.signal(signal.SIGTERM, _leave)  # so that a killed run takes its temporary file along
    with reported():
        check_target(output)
        begin = time.perf_counter()
        with _progress() as progress:
            steps = _Steps(progress)
            steps.next()
            scan = read(source, size, key)
            steps.next()
            verts, faces, said = _mesh(scan, level, device, inside)
            steps.next()
            closed = is_closed(faces)
            steps.next()
            write(output, verts, faces)
        seconds = time.perf_counter() - begin
        typer.echo(said)
        typer.echo(_closing_line(output, verts, faces, seconds, closed, scan.unit))


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class _Steps:
    """Moves the progress display from step to step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=len(_STEPS))
        self._names = enumerate(_STEPS)

    def next(self) -> None:
        done, name = next(self._names)
        self._progress.update(self._task, completed=done, description=name)


def _mesh(
    scan: Scan, level: float | None, device: Device, inside: Inside
) -> tuple[NDArray[np.float64], NDArray[np.int32], str]:
    """Return vertices and faces in the scan's coordinates, and what was decided on the way."""
    # In a dtype the kernels read: torch itself knows no minimum of the wider unsigned ones.
    samples = volume(scan.vol, "Nz, Ny, Nx")
    vol = converted(samples)
    rule = "as given"
    if level is None and scan.level is not None:
        level, rule = scan.level, "the sample's own"
    elif level is None:
        cpu.refuse_nan(samples)
        level, rule = choose_level(vol)
    verts, faces = marching_cubes(_on_device(vol, device), level)
    if len(faces) == 0:
        low, high = float(vol.min()), float(vol.max())
        raise CliError(f"no surface: --level {level:g} ({rule}) parts no samples of {low:g} to {high:g}")
    above = object_is_above(vol, level) if inside is Inside.auto else inside is Inside.above
    triangles = faces.cpu().numpy()
    if above != scan.mirrors:  # each turns the mesh inside out; both leave it as it is
        triangles = np.ascontiguousarray(triangles[:, ::-1])
    side = "above" if above else "below"
    return (
        scan.to_world(verts.cpu().numpy()),
        triangles,
        f"level {level:g} ({rule}), object {side} it",
    )


def _on_device(vol: torch.Tensor, device: Device) -> torch.Tensor:
    if device is Device.cuda and not torch.cuda.is_available():
        raise CliError("--device must be one this machine has, got cuda: torch sees no GPU", FAILED)
    return vol.to(device.value)


def _closing_line(
    out: Path,
    verts: NDArray[np.float64],
    faces: NDArray[np.int32],
    seconds: float,
    closed: bool,
    unit: str,
) -> str:
    low, high = verts.min(axis=0), verts.max(axis=0)
    bounds = " x ".join(f"{a:.4g}..{b:.4g}" for a, b in zip(low, high, strict=True))
    state = "closed" if closed else "open"
    return (
        f"{out}: {len(verts)} vertices, {len(faces)} faces, {state}, bounds {bounds} {unit}, {seconds:.2f} s"
    )
