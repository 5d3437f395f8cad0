# SPDX-License-Identifier: MIT
"""Arrays to a file in pieces that stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..progress import counted

Array = NDArray[Any]

ROWS = 2**16


def ranges(count: int, row_bytes: int) -> Iterator[slice]:
    """Yield the rows of an array in parts; the display counts their bytes."""
    parts = range(0, count, ROWS)
    for start in counted(parts, len(parts), "MB", ROWS * row_bytes / 1e6):
        yield slice(start, min(start + ROWS, count))


def write_rows(file: BinaryIO, rows: Array, dtype: str) -> None:
    """Write an array as it lies, in a type."""
    for part in ranges(len(rows), rows.shape[1] * np.dtype(dtype).itemsize):
        file.write(np.ascontiguousarray(rows[part], dtype).data)


def bytes_of(colour: tuple[float, float, float]) -> Array:
    """Return a colour as red, green, blue from 0 to 255."""
    return np.asarray(np.rint(np.clip(colour, 0, 1) * 255.0), np.uint8)
