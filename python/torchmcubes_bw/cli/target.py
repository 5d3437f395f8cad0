# SPDX-License-Identifier: MIT
"""What may be written to: known before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import CliError

FORMATS = ("ply", "obj", "stl", "glb")


def check_target(out: Path, formats: tuple[str, ...] = FORMATS, option: str = "--output") -> str:
    """Return the format that the file's ending names; refuse what could not be written."""
    kind = out.suffix.lower().removeprefix(".")
    if kind not in formats:
        endings = ", ".join(f".{name}" for name in formats)
        raise CliError(f"{option} must end in one of {endings}, got {out}")
    if out.is_dir():
        raise CliError(f"{option} must be a file, got the folder {out}")
    if out.exists() and not out.is_file():
        raise CliError(f"{option} must be a file, got the device or pipe {out}")
    folder = Path(os.path.realpath(out)).parent
    if not folder.is_dir():
        raise CliError(f"{option} must lie in a folder that exists, got {out}")
    return kind
