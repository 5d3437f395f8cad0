# SPDX-License-Identifier: MIT
"""The options that `extract` and `view` share, and the job they make."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any

import typer

from .errors import CliError
from .scan.choice import Choice
from .scan.sample_names import SAMPLES
from .scan.units import METRES
from .wanted import Job


class Inside(str, Enum):
    """Which side of the level is the object."""

    auto = "auto"
    below = "below"
    above = "above"


class Form(str, Enum):
    """Which of a NIfTI's two affines."""

    sform = "sform"
    qform = "qform"


_READING, _SURFACE, _PLACE, _MESH = "Reading", "The surface", "Place and unit", "The mesh"


def _option(panel: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, **more)


def _shared(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A sample (" + ", ".join(SAMPLES) + "), a file (.npy, .npz, .nii, .mgz, .nrrd, .mha, .tif, "
            ".mrc, .h5:/path, .zarr, .vti, .vtk, .pt, .safetensors, .raw, …), or a DICOM folder.",
        ),
    ],
    level: Annotated[
        float | None,
        _option(_SURFACE, "Where the surface runs. Without it: a sample's own, 0 for floats of both signs, "
                "else Otsu's threshold."),
    ] = None,
    inside: Annotated[
        Inside, _option(_SURFACE, "The object's side of the level; auto: not the side of most of the border.")
    ] = Inside.auto,
    label: Annotated[int | None, _option(_SURFACE, "The label to take from a label map.")] = None,
    labels: Annotated[str | None, _option(_SURFACE, "Labels, a mesh each: all, or as 1,7,9.")] = None,
    nan: Annotated[
        str | None, _option(_SURFACE, "NaN samples: skip leaves them out, a number takes their place.")
    ] = None,
    mask: Annotated[
        str | None, _option(_SURFACE, "A volume of INPUT's grid; samples where it is 0 or NaN are left out.")
    ] = None,
    cap: Annotated[bool, _option(_SURFACE, "Close the surface at the volume's border.", "--cap")] = False,
    device: Annotated[
        str, _option(_SURFACE, "auto (a GPU where one serves), cpu, cuda or cuda:N.")
    ] = "auto",
    size: Annotated[int, _option(_READING, "Samples a side of a built-in sample.", min=2)] = 128,
    key: Annotated[str | None, _option(_READING, "The array of a file that holds several.")] = None,
    series: Annotated[
        str | None, _option(_READING, "The DICOM series: its number, UID or description.")
    ] = None,
    frame: Annotated[int | None, _option(_READING, "The time step or phase, from 0.")] = None,
    channel: Annotated[int | None, _option(_READING, "The channel, from 0.")] = None,
    affine: Annotated[Form | None, _option(_READING, "The affine of a NIfTI that has two.")] = None,
    allow_gaps: Annotated[
        bool,
        _option(_READING, "Take DICOM slices with gaps between, each at its place.", "--allow-gaps"),
    ] = False,
    shape: Annotated[str | None, _option(_READING, "Nz,Ny,Nx of a .raw file.")] = None,
    dtype: Annotated[str | None, _option(_READING, "The type of a .raw file's samples, as >i2.")] = None,
    spacing: Annotated[
        str | None, _option(_PLACE, "The voxel's size x,y,z, where the file has none or has it wrong.")
    ] = None,
    origin: Annotated[
        str | None, _option(_PLACE, "The place x,y,z of the first sample, in the mesh's unit and axes.")
    ] = None,
    units: Annotated[
        str | None,
        _option(_PLACE, "The mesh's unit (" + ", ".join(METRES) + "): converted to, or taken where the "
                "file has none."),
    ] = None,
    ras: Annotated[bool, _option(_PLACE, "World axes to the right, front and top.", "--ras")] = False,
    lps: Annotated[bool, _option(_PLACE, "World axes to the left, back and top.", "--lps")] = False,
    normals: Annotated[
        bool, _option(_MESH, "Normals at the vertices of .ply and .glb.", "--normals/--no-normals")
    ] = True,
    colour: Annotated[
        str | None, _option(_MESH, "A volume whose values colour the vertices.", "--colour", "--color")
    ] = None,
    largest: Annotated[bool, _option(_MESH, "Keep the largest connected piece only.", "--largest")] = False,
    smooth: Annotated[int, _option(_MESH, "Rounds of Taubin's smoothing.", min=0)] = 0,
    simplify: Annotated[
        float | None, _option(_MESH, "The fraction of the faces to leave, as 0.1.")
    ] = None,
) -> Job:  # fmt: skip
    """Return the job that the options ask for, or say which of them is wrong."""
    if ras and lps:
        raise CliError("--ras and --lps are two choices of the same: leave one out")
    if units is not None and units not in METRES:
        raise CliError(f"--units must be one of {', '.join(METRES)}, got {units}")
    if simplify is not None and not 0 < simplify < 1:
        raise CliError(f"--simplify must be between 0 and 1, got {simplify:g}")
    if label is not None and labels is not None:
        raise CliError("--label and --labels are two choices of the same: leave one out")
    sizes = numbers("--spacing", spacing, "x,y,z")
    if sizes is not None and min(sizes) <= 0:
        raise CliError(f"--spacing must be above 0, got {spacing}")
    form = affine.value if affine else None
    choice = Choice(size, key, series, frame, channel, form, allow_gaps, sides(shape), dtype)
    axes = "RAS" if ras else "LPS" if lps else None
    place = numbers("--origin", origin, "x,y,z")
    return Job(
        source, choice, level, inside.value, label, labels, nan, mask, cap, device, sizes, place, units,
        axes, colour, normals, largest, smooth, simplify,
    )  # fmt: skip


def numbers(option: str, text: str | None, order: str) -> list[float] | None:
    """Return three numbers as an option gives them."""
    if text is None:
        return None
    try:
        values = [float(each) for each in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 3 or not all(abs(value) < float("inf") for value in values):
        raise CliError(f"{option} must be three numbers {order}, got {text}")
    return values


def sides(text: str | None) -> tuple[int, ...] | None:
    """Return the shape of a .raw file."""
    if text is None:
        return None
    values = [int(each) if each.strip().isdecimal() else 0 for each in text.split(",")]
    if len(values) != 3 or min(values) < 1:
        raise CliError(f"--shape must be three integers Nz,Ny,Nx above 0, got {text}")
    return tuple(values)


def with_job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options in front of its own: it gets them as a call that makes the job."""
    shared, own = inspect.signature(_shared, eval_str=True), inspect.signature(command, eval_str=True)
    names = list(shared.parameters)

    def run(**values: Any) -> None:
        given = {name: values.pop(name) for name in names}
        command(lambda: _shared(**given), **values)

    merged = [*shared.parameters.values(), *list(own.parameters.values())[1:]]
    merged.sort(key=lambda each: each.default is not inspect.Parameter.empty)
    run.__signature__ = inspect.Signature(merged)  # type: ignore[attr-defined]
    run.__doc__, run.__name__ = command.__doc__, command.__name__
    run.__annotations__ = {each.name: each.annotation for each in merged}
    return run
