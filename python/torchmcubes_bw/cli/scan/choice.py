# SPDX-License-Identifier: MIT
"""What the user says about reading; known without NumPy, so that errors of usage come at once."""

from __future__ import annotations

from dataclasses import dataclass


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
