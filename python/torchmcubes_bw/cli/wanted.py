# SPDX-License-Identifier: MIT
"""What the user asked for; known without NumPy, so that errors of usage come at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from .scan.choice import Choice


@dataclass
class Job:
    """What the user asked for, each option under its own name."""

    source: str
    choice: Choice = field(default_factory=Choice)
    level: float | None = None
    inside: str = "auto"
    label: int | None = None
    labels: str | None = None
    nan: str | None = None
    mask: str | None = None
    cap: bool = False
    device: str = "auto"
    spacing: list[float] | None = None
    origin: list[float] | None = None
    units: str | None = None
    axes: str | None = None
    colour: str | None = None
    normals: bool = True
    largest: bool = False
    smooth: int = 0
    simplify: float | None = None

    def __post_init__(self) -> None:
        """Let --dtype be said of a mask or of colours alone."""
        if any(str(path).lower().endswith(".raw") for path in (self.mask, self.colour)):
            self.choice.take("dtype")
