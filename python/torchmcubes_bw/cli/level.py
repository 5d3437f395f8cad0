# SPDX-License-Identifier: MIT
"""What to do where the user leaves it to us: the level, and which side of it is the object.

All of it in a type that holds the samples: the samples' own, or float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from . import surface
from .errors import CliError

Array = NDArray[Any]

_BINS = 1024
_ENOUGH = 2**24  # samples: of more, every so manieth row is counted
_CHUNK = 2**18  # samples looked at a time: they stay in the cache, and no copy of the volume is made


@dataclass(frozen=True)
class Range:
    """What a volume's valid samples are, in one walk: NaN is counted, not compared.

    Attributes:
        low, high: the least and the greatest; NaN where there is none.
        nan: how many are NaN.
    """

    low: float
    high: float
    nan: int


def chunks(vol: Array, valid: Array | None = None) -> Iterator[Array]:
    """Yield the samples in parts, without those that `valid` leaves out."""
    plane = max(1, vol[0].size)
    step = max(1, _CHUNK // plane)
    for z in range(0, len(vol), step):
        part = vol[z : z + step]
        yield part if valid is None else part[valid[z : z + step]]


def number(text: str, wanted: str) -> float:
    """Return the number of a text that should be one."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise CliError(f"{wanted}, got {text}")
    return value


def value_range(vol: Array, valid: Array | None = None) -> Range:
    """Return the range of the valid samples."""
    if valid is None:
        samples = surface.Readable(vol)
        seen = _core.survey(*samples.told, surface.threads())
        return Range(seen.low, seen.high, seen.nans) if seen.low <= seen.high else _nothing(seen.nans)
    low, high, nan = math.inf, -math.inf, 0
    for part in chunks(vol, valid):
        if part.size == 0:
            continue
        missing = np.isnan(part)
        nan += int(missing.sum())
        part = part[~missing]
        if part.size:
            low, high = min(low, float(part.min())), max(high, float(part.max()))
    return Range(low, high, nan) if low <= high else _nothing(nan)


def _nothing(nan: int) -> Range:
    return Range(math.nan, math.nan, nan)


def choose_level(vol: Array, extent: Range, valid: Array | None = None) -> tuple[float, str]:
    """Return a level for a volume, and the name of the rule that gave it.

    Floats of both signs are a signed field: 0. A mask has nothing to part: the middle of its range.
    Everything else: Otsu's rule (1979), the level that parts the samples into two classes of the
    greatest between-class variance.
    """
    if vol.dtype == np.bool_:
        return 0.5, "the middle of the range"
    low, high = extent.low, extent.high
    if not low < high:
        raise CliError(f"INPUT must hold more than one value to choose a level from, got only {low:g}")
    if vol.dtype.kind == "f" and low < 0 < high:
        return 0.0, "floats of both signs are cut at 0"
    if not (math.isfinite(low) and math.isfinite(high)):
        raise CliError(f"--level must be given for a volume with samples from {low:g} to {high:g}")
    every = max(1, vol.size // _ENOUGH)
    some = None if valid is None else valid[:, ::every]
    counts, edges = _histogram(vol[:, ::every], low, high, some)
    rule = "Otsu's threshold" if every == 1 else f"Otsu's threshold of every {every}th row"
    return _otsu(counts, edges), rule


def _histogram(vol: Array, low: float, high: float, valid: Array | None) -> tuple[Array, Array]:
    """Return the counts and the edges of the bins; small integers have one bin a value."""
    exact = max(abs(low), abs(high)) < 2**53
    if vol.dtype.kind in "iu" and exact and high - low < 2**16:
        lowest, bins = int(low), int(high) - int(low) + 1
        counts = np.zeros(bins, np.int64)
        for part in chunks(vol, valid):
            shifted = part.ravel().astype(np.intp)
            shifted -= lowest
            counts += np.bincount(shifted, minlength=bins)
        return counts, np.arange(bins + 1) + (low - 0.5)
    # In float64, or the bins of [1e9, 1e9 + 1] would be one; a wide range is halved to stay finite.
    scale = 1.0 if math.isfinite(high - low) else 0.5
    start, width = low * scale, (high * scale - low * scale) / _BINS
    counts = np.zeros(_BINS, np.int64)
    for part in chunks(vol, valid):
        part = part[np.isfinite(part)] if vol.dtype.kind == "f" and valid is not None else part
        at = (part.ravel() * np.float64(scale) - start) / width
        counts += np.bincount(np.minimum(at.astype(np.intp), _BINS - 1), minlength=_BINS)
    return counts, (start + width * np.arange(_BINS + 1)) / scale


def _otsu(counts: Array, edges: Array) -> float:
    # On [0, 1]: squares of 1e300 are no numbers.
    span = edges[-1] / 2 - edges[0] / 2
    at = ((edges[:-1] / 2 + edges[1:] / 2) - edges[0]) / 2 / span
    below = counts.cumsum().astype(np.float64)
    above = below[-1] - below
    sums = (counts * at).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    between = np.nan_to_num(between, nan=-1.0)
    # Empty bins between the classes all give the same parting: take the middle of them.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return float(edges[best[0] + 1] / 2 + edges[best[-1] + 1] / 2)


def object_is_above(vol: Array, level: float, valid: Array | None = None) -> bool:
    """Guess which side of the level the object is on: not the one most of the border is on."""
    below = total = 0
    compared = surface.in_comparison_type(vol, level)
    for axis in range(3):
        for side in (0, -1):
            border = vol.take(side, axis=axis)
            if valid is not None:
                border = border[valid.take(side, axis=axis)]
            below += int((border < compared).sum())
            total += border.size
    return 2 * below > total
