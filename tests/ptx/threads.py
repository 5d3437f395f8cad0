# SPDX-License-Identifier: MIT
"""A launch's shape, threads that run together, and what a launch did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

LANES = 32


@dataclass
class Counts:
    """What a launch did. Sectors are of 32 bytes, counted once for each warp's access."""

    launches: int = 0
    blocks: int = 0
    threads: int = 0
    warp_instructions: int = 0
    thread_instructions: int = 0
    classes: dict[str, int] = field(default_factory=dict)  # warp-instructions by their name
    sectors: dict[str, int] = field(default_factory=dict)  # "load", "store", "atomic"
    lines: dict[int, list[int]] = field(default_factory=dict)  # of the PTX: warps, threads
    touched: dict[str, int] = field(default_factory=dict)  # distinct sectors, by what they are of

    def add(self, other: Counts) -> None:
        for name in ("launches", "blocks", "threads", "warp_instructions", "thread_instructions"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("classes", "sectors", "touched"):
            mine = getattr(self, name)
            for key, value in getattr(other, name).items():
                mine[key] = mine.get(key, 0) + value
        for line, (warps, threads) in other.lines.items():
            before = self.lines.get(line, [0, 0])
            self.lines[line] = [before[0] + warps, before[1] + threads]


class Group:
    """Threads that stand at the same place, by their numbers in the wave, ascending."""

    __slots__ = ("_warp_of", "_warps", "index", "n", "threads")

    def __init__(self, threads: np.ndarray) -> None:
        self.threads, self.n = threads, len(threads)
        whole = self.n and int(threads[-1]) - int(threads[0]) == self.n - 1
        self.index: Any = slice(int(threads[0]), int(threads[-1]) + 1) if whole else threads
        self._warps = self._warp_of = None

    @property
    def warp_of(self) -> np.ndarray:
        if self._warp_of is None:
            self._warp_of = self.threads >> 5
        return self._warp_of

    @property
    def warps(self) -> int:
        if self._warps is None:
            w = self.warp_of
            self._warps = 1 + int(np.count_nonzero(w[1:] != w[:-1])) if self.n else 0
        return self._warps


@dataclass(frozen=True)
class Shape:
    """A launch's grid and block, x first, and the bytes of dynamic shared memory."""

    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    dynamic: int = 0

    @property
    def blocks(self) -> int:
        return self.grid[0] * self.grid[1] * self.grid[2]

    @property
    def threads(self) -> int:
        return self.block[0] * self.block[1] * self.block[2]


def words(bits: np.ndarray) -> np.ndarray:
    """Return a word of 32 bits for each warp, of an array of all threads."""
    return np.packbits(bits, bitorder="little").view(np.uint32)
