# SPDX-License-Identifier: MIT
"""The level: any number Python, NumPy or torch has for it becomes a float."""

from __future__ import annotations

import math
from numbers import Number
from typing import Any

import numpy as np
from torch import Tensor

from .samples import checked


def level(thresh: Any, name: str = "thresh") -> float:
    """Return the level as a Python float; `name` is the argument's, for the errors' texts."""
    if type(thresh) is not float and isinstance(thresh, (Tensor, np.ndarray)):
        thresh = _only_element(thresh, name)
    value = thresh if type(thresh) is float else _as_float(thresh, name)
    if value != value:
        raise ValueError(f"{name} must not be NaN, got {thresh}")
    return value


def _only_element(thresh: Tensor | np.ndarray[Any, Any], name: str) -> Any:
    one_array = isinstance(thresh, np.ndarray) and thresh.size == 1 and not np.ma.is_masked(thresh)
    if one_array and thresh.dtype == np.longdouble:  # which torch does not have
        return thresh.reshape(1)[0]
    one = checked(thresh, name)
    if one.owner.numel() != 1:
        raise ValueError(f"{name} must be a single number, got shape {one.shape}")
    return one.owner.item()


def _as_float(thresh: Any, name: str) -> float:
    no_number = TypeError(f"{name} must be a number, got {type(thresh).__name__}")
    if isinstance(thresh, (str, bytes, complex, np.void)) or not hasattr(thresh, "__float__"):
        raise no_number
    if isinstance(thresh, np.generic) and thresh.dtype.kind in "cmM":  # float() makes a number of these
        raise no_number
    too_large = ValueError(f"{name} must be in the range of float64, got {_shown(thresh)}")
    try:
        value = float(thresh)
    except TypeError:
        raise no_number from None
    except OverflowError:
        raise too_large from None
    except ValueError:  # Decimal("sNaN")
        raise ValueError(f"{name} must be a number, got {_shown(thresh)}") from None
    if math.isinf(value) and isinstance(thresh, (Number, np.generic)) and thresh != value:
        raise too_large  # Decimal and longdouble go farther, and say nothing when they are rounded
    return value


def _shown(value: Any) -> str:
    """Return a value as text, not longer than fits a line."""
    try:
        text = repr(value)
    except ValueError:  # Python prints no integer of more than 4300 digits
        return f"an {type(value).__name__} of {value.bit_length()} bits"
    return text if len(text) <= 50 else f"{text[:20]}…{text[-20:]}"
