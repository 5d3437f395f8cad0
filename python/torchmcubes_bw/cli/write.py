# SPDX-License-Identifier: MIT
"""Mesh files: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from .errors import FAILED, CliError

FORMATS = ("ply", "obj", "stl", "glb")


def check_target(out: Path) -> str:
    """Return the format that the file's ending names; refuse what could not be written."""
    kind = out.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        endings = ", ".join(f".{name}" for name in FORMATS)
        raise CliError(f"--output must end in one of {endings}, got {out}")
    if out.is_dir():
        raise CliError(f"--output must be a file, got the folder {out}")
    if not out.parent.is_dir():
        raise CliError(f"--output must lie in a folder that exists, got {out}")
    return kind


def write(out: Path, verts: NDArray[Any], faces: NDArray[Any]) -> None:
    """Write a mesh beside its final name, then rename: no reader ever sees half of it."""
    kind = check_target(out)
    mesh = trimesh.Trimesh(vertices=verts.astype(np.float32), faces=faces, process=False)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            mesh.export(file, file_type=kind)
        part.replace(out)
    except OSError as error:
        raise CliError(f"cannot write {out}: {error.strerror or error}", FAILED) from None
    finally:
        part.unlink(missing_ok=True)
