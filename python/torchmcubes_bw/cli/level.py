# SPDX-License-Identifier: MIT
"""What to do where the user leaves it to us: the level, and which side of it is the object."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .errors import CliError

_BINS = 1024
_CHUNK = 2**22  # samples counted at a time, so that no copy of the whole volume is made


def choose_level(vol: Tensor) -> tuple[float, str]:
    """Return a level for a volume, and the name of the rule that gave it.

    The rule is Otsu's (1979): the level that parts the samples into two classes of the greatest
    between-class variance. A mask has nothing to part: there it is the middle of the range.
    """
    if vol.dtype == torch.bool:
        return 0.5, "the middle of the range"
    low, high = float(vol.min()), float(vol.max())
    if not low < high:
        raise CliError(f"INPUT must hold more than one value to choose a level from, got only {low:g}")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise CliError(f"--level must be given for a volume with samples from {low:g} to {high:g}")
    return _otsu(vol, low, high), "Otsu's threshold"


def _otsu(vol: Tensor, low: float, high: float) -> float:
    scale = 1.0 if math.isfinite(high - low) else 0.5
    low, high = low * scale, high * scale
    # Counted on [0, 1] in float64: float32 would not tell 1e9 from 1e9 + 1, nor hold 1e-300.
    counts = torch.zeros(_BINS, dtype=torch.float64)
    step = max(1, _CHUNK // vol[0].numel())
    for z in range(0, len(vol), step):
        planes = vol[z : z + step]
        counts += torch.histc((planes.double() * scale - low) / (high - low), _BINS, 0.0, 1.0)
    edges = torch.linspace(0, 1, _BINS + 1, dtype=torch.float64)
    centres = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum(0)
    above = below[-1] - below
    sums = (counts * centres).cumsum(0)
    mean_below, mean_above = sums / below, (sums[-1] - sums) / above
    between = torch.nan_to_num(below * above * (mean_below - mean_above) ** 2, nan=-1.0)
    # Empty bins between the classes all give the same parting: take the middle of them.
    best = torch.nonzero(between >= between.max() * (1 - 1e-12)).flatten()
    return (low + float(edges[best[0] + 1] + edges[best[-1] + 1]) / 2 * (high - low)) / scale


def object_is_above(vol: Tensor, level: float) -> bool:
    """Guess which side of the level the object is on: not the one most of the border is on."""
    below = total = 0
    for axis in range(3):
        for side in (0, -1):
            border = vol.select(axis, side)
            below += int((border < level).sum())
            total += border.numel()
    return 2 * below > total
