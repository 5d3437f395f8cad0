# SPDX-License-Identifier: MIT
"""Label maps: how they are known, counted and told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import CliError
from .level import Range, chunks

Array = NDArray[Any]

_MOST_LABELS = 2**16
_EXACT = 2**53  # floats below hold every integer
_FLAT = 0.5  # of the neighbours away from the commonest value are equal: noise and gradients have fewer
_FEW = 32  # values: with more, labels that meet are seldom neighbours in number
_SAMPLE = 2**19  # samples that are enough to judge by


def label_counts(vol: Array, extent: Range) -> dict[int, int] | None:
    """Return the labels of a label map with their voxels, None for any other volume.

    A label map holds integers (floats that are integers too), three values or more, and is flat: most
    of its samples beside others than the commonest have their own value. NaN is no value.
    """
    if vol.dtype == np.bool_ or not (np.isfinite(extent.low) and np.isfinite(extent.high)):
        return None
    if vol.dtype.kind == "f" and not (abs(extent.low) < _EXACT and abs(extent.high) < _EXACT):
        return None
    if not _looks_flat(vol):
        return None
    there = None
    if vol.dtype.kind == "f":
        there = ~np.isnan(vol)
        if not all(bool((part == np.rint(part)).all()) for part in chunks(vol, there)):
            return None
    counts = counted(vol, extent, there)
    return counts if counts is not None and 3 <= len(counts) <= _MOST_LABELS else None


def _looks_flat(vol: Array) -> bool:
    """Judge a part of the rows: whole ones, so that neighbours are seen."""
    rows = max(1, vol.size // _SAMPLE)
    across = min(rows, vol.shape[1])
    taken = vol[:: max(1, rows // across), ::across].reshape(-1, vol.shape[2])
    if taken.dtype.kind == "f":
        taken = np.where(np.isnan(taken), 0, taken)
        if not (taken == np.rint(taken)).all():
            return False
    values, inverse = np.unique(taken, return_inverse=True)
    common = np.bincount(inverse.ravel()).argmax()
    at = inverse.reshape(taken.shape)
    left, right = at[:, :-1], at[:, 1:]
    away = (left != common) | (right != common)
    if not away.any():
        return True  # nothing but background here: the whole volume's values decide
    if (left == right)[away].mean() <= _FLAT:
        return False
    # A smooth image in few greys is flat too, but where it changes, it does so by one grey.
    changes = at[:, 1:][left != right] - at[:, :-1][left != right]
    return len(values) <= _FEW or not (np.abs(changes) == 1).mean() > _FLAT


def integers(vol: Array, valid: Array | None = None) -> Array:
    """Return the samples as integers, 0 for the floats that `valid` leaves out; refuse what is none."""
    if vol.dtype.kind != "f":
        return vol
    whole = np.zeros(vol.shape, np.int64)
    for z, plane in enumerate(vol):
        counts = np.ones(plane.shape, bool) if valid is None else valid[z]
        wrong = counts & ~((plane == np.rint(plane)) & (np.abs(plane) < np.float64(2**63)))
        if wrong.any():
            y, x = (int(k) for k in np.argwhere(wrong)[0])
            raise CliError(
                f"INPUT must hold integers of 64 bits to take labels from, got {plane[y, x]!s} at {[z, y, x]}"
            )
        whole[z][counts] = plane[counts]
    return whole


def counted(vol: Array, extent: Range, valid: Array | None = None) -> dict[int, int] | None:
    """Return how many of the valid samples each value has; None for more values than labels have."""
    lowest, highest = _bounds(vol, extent, valid)
    bins = highest - lowest + 1
    if bins <= 2**20:
        counts = np.zeros(bins, np.int64)
        for part in chunks(vol, valid):
            wide = part.ravel() if part.dtype == np.uint64 else part.ravel().astype(np.int64)
            counts += np.bincount((wide - wide.dtype.type(lowest)).astype(np.intp), minlength=bins)
        present = np.flatnonzero(counts)
        return {int(k) + lowest: int(counts[k]) for k in present}
    total: dict[int, int] = {}
    for part in chunks(vol, valid):
        values, many = np.unique(part, return_counts=True)
        for value, count in zip(values.tolist(), many.tolist(), strict=True):
            total[int(value)] = total.get(int(value), 0) + count
        if len(total) > _MOST_LABELS:
            return None
    return dict(sorted(total.items()))


def _bounds(vol: Array, extent: Range, valid: Array | None) -> tuple[int, int]:
    """Return the least and the greatest sample to the last digit, which a range in float64 has not always."""
    if max(abs(extent.low), abs(extent.high)) < _EXACT:
        return int(extent.low), int(extent.high)
    parts = [part for part in chunks(vol, valid) if part.size]
    return min(int(part.min()) for part in parts), max(int(part.max()) for part in parts)


def distinct(names: dict[int, str]) -> dict[int, str]:
    """Add its number to the name of each label whose file would be another's too."""
    files = Counter(_file_name(name) for name in names.values())
    numbered = {
        label: f"{name} {label}" if files[_file_name(name)] > 1 else name for label, name in names.items()
    }
    if len({_file_name(name) for name in numbered.values()}) < len(numbered):  # "a", "a" and "a 1"
        return {label: f"{name} {label}" for label, name in names.items()}
    return numbered


def _file_name(name: str) -> str:
    """Return a name as files have it, without case: some systems tell none apart."""
    return safe(name).casefold()


def safe(name: str) -> str:
    """Return a name with what a file's name may hold."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)


def told(counts: dict[int, int], names: dict[int, str], most: int = 12) -> str:
    """Return the labels as one line."""
    parts = [
        f"{label}{f' {names[label]}' if label in names else ''} ({count} voxels)"
        for label, count in list(counts.items())[:most]
    ]
    rest = len(counts) - len(parts)
    return ", ".join(parts) + (f" and {rest} more" if rest else "")


def colour_of(label: int) -> tuple[float, float, float]:
    """Return a colour for a label that has none: neighbouring labels get hues far apart."""
    hue = (label * 0.61803398875) % 1.0 * 6
    fade = 1 - abs(hue % 2 - 1)
    sextant = [(1, fade, 0), (fade, 1, 0), (0, 1, fade), (0, fade, 1), (fade, 0, 1), (1, 0, fade)][int(hue)]
    red, green, blue = (0.25 + 0.65 * part for part in sextant)
    return red, green, blue
