# SPDX-License-Identifier: MIT
"""Mesh files: whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .. import __version__
from ..streaming.whole import whole_file
from .errors import FAILED, CliError
from .mesh_files import glb, obj, ply, stl
from .part import Part
from .target import check_target

_COMMENT = f"made by torchmcubes-bw {__version__}"


def write(out: Path, parts: list[Part], unit: float = 1.0) -> None:
    """Write parts in the format that the name says; `unit` is metres a unit of theirs, for GLB."""
    kind = check_target(out)
    if kind == "glb":
        write_safely(out, lambda file: glb.write(file, parts, _COMMENT, unit, up="z"))
    else:
        writer = {"ply": ply, "obj": obj, "stl": stl}[kind]
        write_safely(out, lambda file: writer.write(file, parts, _COMMENT))


def write_safely(out: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Give a file that takes its name when it is complete: nobody sees, and nothing leaves, half of one."""
    try:
        with whole_file(out) as file:
            fill(file)
    except OSError as error:
        raise CliError(f"cannot write {out}: {error.strerror or error}", FAILED) from None
