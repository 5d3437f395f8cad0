# SPDX-License-Identifier: MIT
"""What a call asks, checked: the one value that the backends get."""

from __future__ import annotations

from typing import Any, NamedTuple

from .mask import mask as checked_mask
from .options import one_of
from .samples import Samples

_MOST_IN_A_ROW = (2**32 - 1) // 5  # the core counts a row's triangles in 32 bits, up to five a sample


class Request(NamedTuple):
    """A surface to extract. Its twin in the core is `mc::cpu::Request`."""

    volume: Samples
    level: float
    mask: Samples | None = None  # bool, of the volume's shape and on its device
    skip_nan: bool = False
    closed: bool = False
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)  # for the normals

    @property
    def has_cells(self) -> bool:
        """Whether there is a cell that a surface could cross."""
        return self.closed or 1 not in self.volume.shape[-3:]


def request(vol: Samples, level: float, mask: Any, nan: Any, border: Any = "open") -> Request:
    """Check what is asked beside the volume and the level."""
    which = None if mask is None else checked_mask(mask, vol)
    skip_nan = nan != "raise" and one_of(nan, "nan", ("raise", "skip")) == "skip"
    closed = border != "open" and one_of(border, "border", ("open", "closed")) == "closed"
    asked = Request(vol, level, which, skip_nan, closed)
    if vol.shape[-1] > _MOST_IN_A_ROW and asked.has_cells:
        raise ValueError(f"vol must have at most {_MOST_IN_A_ROW} samples a row (Nx), got shape {vol.shape}")
    return asked
