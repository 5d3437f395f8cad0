# SPDX-License-Identifier: MIT
"""What a finding is, and the few words that all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

GIB = 2**30
_SIZES = (1024, 512, 256)  # samples a side
# float32 samples, scratch of an eighth of them, the mesh of a rich surface, and what else a program holds.
_BYTES_A_SAMPLE = 4 + 0.5 + 1.6 + 0.3


class Mark(Enum):
    """How a finding begins."""

    WELL = "✓"
    LOOK = "!"
    BROKEN = "✗"


@dataclass(frozen=True)
class Finding:
    """A line of the report; the cure may have several."""

    mark: Mark
    text: str
    cure: str | None = None


def dotted(version: tuple[int, ...]) -> str:
    """Return ``12.8`` for (12, 8)."""
    return ".".join(str(part) for part in version)


def bytes_for(side: int) -> float:
    """Return the memory that a float32 volume with so many samples a side and its mesh take."""
    return _BYTES_A_SAMPLE * side**3


def largest(free: int, bytes_a_sample: float = _BYTES_A_SAMPLE) -> int | None:
    """Return the side of the largest volume that fits."""
    return next((n for n in _SIZES if free > bytes_a_sample * n**3), None)


def fits(free: int) -> str:
    """Say how large a volume fits together with its mesh."""
    side = largest(free)
    return f"enough for {side}³ samples" if side else f"not enough for {_SIZES[-1]}³ samples"
