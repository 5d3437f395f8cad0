# SPDX-License-Identifier: MIT
"""Atomic operations of many threads, one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

_UFUNCS = {"add": np.add, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}
_UFUNCS |= {"min": np.minimum, "max": np.maximum}


def atomic(
    memory: np.ndarray, index: np.ndarray, operation: str, values: list[np.ndarray], random: Any
) -> np.ndarray:
    """Do all threads' operations in some order, one after the other; return what each found."""
    order = np.arange(len(index)) if random is None else random.permutation(len(index))
    by_place = order[np.argsort(index[order], kind="stable")]
    places = index[by_place]
    starts = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
    lengths = np.diff(np.append(starts, len(places)))
    old = np.empty(len(index), memory.dtype)
    if operation == "add" and memory.dtype.kind in "iu":
        v = values[0][by_place]
        sums = np.cumsum(v, dtype=v.dtype)
        before = sums - v - np.repeat(sums[starts] - v[starts], lengths)
        old[by_place] = memory[places] + before
        ends = starts + lengths - 1
        memory[places[ends]] = old[by_place][ends] + v[ends]
        return old
    for k in range(int(lengths.max())):
        now = by_place[starts[lengths > k] + k]
        at = index[now]
        found = memory[at]
        old[now] = found
        memory[at] = _applied(operation, found, [v[now] for v in values])
    return old


def _applied(operation: str, found: np.ndarray, values: list[np.ndarray]) -> np.ndarray:
    if operation in _UFUNCS:
        return _UFUNCS[operation](found, values[0])
    if operation == "exch":
        return values[0]
    if operation == "cas":
        return np.where(found == values[0], values[1], found)
    one = found.dtype.type(1)
    if operation == "inc":
        return np.where(found >= values[0], found.dtype.type(0), found + one)
    return np.where((found == 0) | (found > values[0]), values[0], found - one)
