# SPDX-License-Identifier: MIT
"""Label maps: how they are known, counted and told."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .level import Range, chunks

Array = NDArray[Any]

_MOST_LABELS = 2**16
_FLAT = 0.5  # of the neighbours away from the commonest value are equal: noise and gradients have fewer
_FEW = 32  # values: with more, labels that meet are seldom neighbours in number
_SAMPLE = 2**19  # samples that are enough to judge by


def label_counts(vol: Array, extent: Range) -> dict[int, int] | None:
    """Return the labels of a label map with their voxels, None for any other volume.

    A label map holds integers (floats that are integers too), three values or more, and is flat: most
    of its samples beside others than the commonest have their own value.
    """
    if vol.dtype == np.bool_ or not (np.isfinite(extent.low) and np.isfinite(extent.high)) or extent.nan:
        return None
    if vol.dtype.kind == "f" and not (abs(extent.low) < 2**53 and abs(extent.high) < 2**53):
        return None
    if not _looks_flat(vol):
        return None
    if vol.dtype.kind == "f" and not all(bool((part == np.rint(part)).all()) for part in chunks(vol)):
        return None
    counts = counted(vol, extent)
    return counts if counts is not None and 3 <= len(counts) <= _MOST_LABELS else None


def _looks_flat(vol: Array) -> bool:
    """Judge a part of the rows: whole ones, so that neighbours are seen."""
    rows = max(1, vol.size // _SAMPLE)
    across = min(rows, vol.shape[1])
    taken = vol[:: max(1, rows // across), ::across].reshape(-1, vol.shape[2])
    if taken.dtype.kind == "f" and not (taken == np.rint(taken)).all():
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


def counted(vol: Array, extent: Range) -> dict[int, int] | None:
    """Return how many samples each value has; None for more values than labels have."""
    lowest, bins = int(extent.low), int(extent.high) - int(extent.low) + 1
    if bins <= 2**20:
        counts = np.zeros(bins, np.int64)
        for part in chunks(vol):
            counts += np.bincount((part.ravel().astype(np.int64) - lowest).astype(np.intp), minlength=bins)
        present = np.flatnonzero(counts)
        return {int(k) + lowest: int(counts[k]) for k in present}
    total: dict[int, int] = {}
    for part in chunks(vol):
        values, many = np.unique(part, return_counts=True)
        for value, count in zip(values.tolist(), many.tolist(), strict=True):
            total[int(value)] = total.get(int(value), 0) + count
        if len(total) > _MOST_LABELS:
            return None
    return dict(sorted(total.items()))


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
