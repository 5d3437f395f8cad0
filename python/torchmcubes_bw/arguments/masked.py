# SPDX-License-Identifier: MIT
"""NumPy's masked arrays; known without torch."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def refuse_masked(value: Any, name: str, cure: str = "") -> None:
    """Refuse masked samples: under a mask anything may lie."""
    if "numpy.ma" in sys.modules and np.ma.is_masked(value):  # else there is no masked array
        count = np.ma.count_masked(value)  # type: ignore[no-untyped-call]
        raise TypeError(f"{name} must have no masked elements, got {count}{cure}")
