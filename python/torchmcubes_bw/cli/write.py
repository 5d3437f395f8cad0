# SPDX-License-Identifier: MIT
"""Mesh files: whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .. import __version__
from ..streaming.whole import keep_owner
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
    """Write beside the final name, then rename: no reader ever sees half of a file.

    A link is followed, and the file that is replaced hands on its mode and its owner.
    """
    target = Path(os.path.realpath(out))
    # Its name cannot be guessed, and is short, since the target's may be as long as names can be.
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as file:
            fill(file)
            keep_owner(target, file)
        part.replace(target)
    except OSError as error:
        raise CliError(f"cannot write {out}: {error.strerror or error}", FAILED) from None
    finally:
        part.unlink(missing_ok=True)
