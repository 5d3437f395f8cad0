# SPDX-License-Identifier: MIT
"""The level: any number Python, NumPy or torch has for it becomes a float."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import Tensor

from .samples import checked


def level(thresh: Any) -> float:
    """Return the level as a Python float."""
    if type(thresh) is not float and isinstance(thresh, (Tensor, np.ndarray)):
        one = checked(thresh, "thresh")
        if one.owner.numel() != 1:
            raise ValueError(f"thresh must be a single number, got shape {one.shape}")
        thresh = one.owner.item()
    value = thresh if type(thresh) is float else _as_float(thresh)
    if math.isnan(value):
        raise ValueError(f"thresh must not be NaN, got {thresh}")
    return value


def _as_float(thresh: Any) -> float:
    no_number = TypeError(f"thresh must be a number, got {type(thresh).__name__}")
    if isinstance(thresh, (str, bytes, complex, np.void)) or not hasattr(thresh, "__float__"):
        raise no_number
    if isinstance(thresh, np.generic) and thresh.dtype.kind in "cmM":  # float() makes a number of these
        raise no_number
    try:
        return float(thresh)
    except TypeError:
        raise no_number from None
    except OverflowError:
        raise ValueError(f"thresh must be in the range of float64, got {_shown(thresh)}") from None
    except ValueError:  # Decimal("sNaN")
        raise ValueError(f"thresh must be a number, got {_shown(thresh)}") from None


def _shown(value: Any) -> str:
    """Return a value as text, not longer than fits a line."""
    try:
        text = repr(value)
    except ValueError:  # Python prints no integer of more than 4300 digits
        return f"an {type(value).__name__} of {value.bit_length()} bits"
    return text if len(text) <= 50 else f"{text[:20]}…{text[-20:]}"
