# SPDX-License-Identifier: MIT
"""What the user says about reading; known without NumPy, so that errors of usage come at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import CliError

_NEEDS = {
    "size": "a built-in sample",
    "key": "a .npz, .pt, .safetensors, .vti, .vtk or .tif of several arrays",
    "series": "DICOM",
    "frame": "a file of several volumes",
    "channel": "a file of several channels",
    "affine": "a NIfTI file",
    "allow_gaps": "DICOM slices",
    "shape": "a .raw file",
    "dtype": "a .raw file",
}


@dataclass
class Choice:
    """What the user said about reading: each option of the command line, under its own name.

    `by_planes`: a volume larger than memory, whose samples stay where they are until they are sliced.
    """

    size: int = 128
    key: str | None = None
    series: str | None = None
    frame: int | None = None
    channel: int | None = None
    affine: str | None = None
    allow_gaps: bool = False
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    by_planes: bool = False
    _taken: set[str] = field(default_factory=set)

    def take(self, name: str) -> Any:
        """Return an option's value, for a reader that goes by it."""
        self._taken.add(name)
        return getattr(self, name)

    def check_taken(self, source: str) -> None:
        """Refuse an option that no reader went by; the first of one volume or channel is no mistake."""
        for name, needed in _NEEDS.items():
            value = getattr(self, name)
            said = value != getattr(Choice, name) and not (name in ("frame", "channel") and value == 0)
            if said and name not in self._taken:
                raise CliError(f"--{name.replace('_', '-')} needs {needed}, got {source}")
