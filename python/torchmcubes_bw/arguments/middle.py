# SPDX-License-Identifier: MIT
"""The level of a call that names none."""

from __future__ import annotations

import math

from .samples import Samples


def middle(vol: Samples, low: float, high: float) -> float:
    """Return 0 for floats on both sides of it, else the middle of the values' range.

    `low` and `high` are the least and the greatest sample that is not NaN.
    """
    if low > high:
        raise ValueError(f"level must be given for a volume of nothing but NaN, got shape {vol.shape}")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"level must be given for a volume with infinite samples, got {low} to {high}")
    if "float" in vol.dtype and low < 0 < high:
        return 0.0
    return low + (high - low) / 2 if (low < 0) == (high < 0) else (low + high) / 2
