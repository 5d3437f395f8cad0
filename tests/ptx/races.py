# SPDX-License-Identifier: MIT
"""Whether two threads of a launch touch the same memory, one of them writing, with nothing to order them.

Each access has a number in time. Of each place the last writer and the last readers are kept, of these the
lowest and the highest: where both are of a warp or block, all are. An earlier access comes before a later one
of another thread where both are of a block that passed a barrier in between, or of a warp that passed
bar.warp.sync, or where the earlier thread's block passed a fence afterwards and the later one's block made an
atomic or otherwise strong access after that. What only makes a warp's threads meet, a shuffle or a vote,
orders nothing. Strong accesses (volatile, relaxed, acquire, release, atomics) are held against plain ones
before them, not among themselves; plain ones are held against plain ones only. Local memory is a thread's
own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ptx.memory import Space
from ptx.threads import Group

_NOBODY = -1
_LAST = np.iinfo(np.int64).max


class _Shadow:
    """Who touched which bytes last, `grain` bytes at a time; of readers the lowest and the highest."""

    def __init__(self, size: int, grain: int) -> None:
        cells = size // grain + 16
        self.grain = grain
        self.writer, self.high = np.full(cells, _NOBODY, np.int64), np.full(cells, _NOBODY, np.int64)
        self.low = np.full(cells, _LAST, np.int64)
        self.written, self.seen = np.zeros(cells, np.int64), np.zeros(cells, np.int64)

    def cells(self, at: np.ndarray, size: int) -> list[np.ndarray]:
        return [at // self.grain + k for k in range(max(1, size // self.grain))]

    def writers(self, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the lowest and the highest thread that wrote, and when."""
        writer = self.writer[cell]
        return writer, writer, self.written[cell]

    def readers(self, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the lowest and the highest thread that read, and when the last did."""
        return self.low[cell], self.high[cell], self.seen[cell]


class _Caller:
    """The threads of an access: their numbers in the grid, and their blocks'."""

    def __init__(self, launch: Any, group: Group) -> None:
        self.group = group
        self.block = launch.block_of[group.index].astype(np.int64) + launch.first_block
        self.me = group.threads + launch.first_block * launch.padded


class Watch:
    """The order of a launch's accesses."""

    def __init__(self, launch: Any) -> None:
        self.launch, self.now = launch, 1
        blocks = launch.shape.blocks
        self.barrier = np.zeros(blocks, np.int64)  # when a block last passed one
        self.published = np.zeros(blocks, np.int64)  # when it last passed a fence
        self.acquired = np.zeros(blocks, np.int64)  # when it last made a strong access
        self.grain = _grain(launch.kernel.kernel.code)
        self.shadows = {"global": _Shadow(launch.arena.top, self.grain)}

    def wave(self) -> None:
        """Begin with fresh blocks."""
        self.shadows["shared"] = _Shadow(self.launch.shared.size, self.grain)
        self.warp_synced = np.zeros(self.launch.total, np.int64)

    def _tick(self) -> int:
        self.now += 1
        return self.now

    def block_barrier(self, group: Group) -> None:
        self.barrier[_Caller(self.launch, group).block] = self._tick()

    def warp_barrier(self, group: Group) -> None:
        self.warp_synced[group.threads] = self._tick()

    def fence(self, group: Group) -> None:
        self.published[_Caller(self.launch, group).block] = self._tick()

    def load(self, space: Space, group: Group, at: np.ndarray, site: Any) -> None:
        if space.name == "local":
            return
        now, caller = self._tick(), _Caller(self.launch, group)
        shadow = self.shadows[space.name]
        if site.strong:
            self.acquired[caller.block] = now
        for cell in shadow.cells(np.broadcast_to(at, group.n), site.size):
            if site.read_only and (shadow.writer[cell] != _NOBODY).any():
                raise site.error("reads through the read-only path what this kernel wrote")
            if not self._ordered(shadow.writers(cell), caller).all():
                raise site.error("a race: it reads what another thread writes")
            if not site.strong:
                self._note_readers(shadow, cell, caller, now)

    def store(self, space: Space, group: Group, at: np.ndarray, site: Any) -> None:
        if space.name == "local":
            return
        now, caller = self._tick(), _Caller(self.launch, group)
        shadow = self.shadows[space.name]
        for cell in shadow.cells(at, site.size):
            self._check_write(shadow, cell, caller, site)
            if site.strong:
                continue
            shadow.writer[cell], shadow.written[cell] = caller.me, now
            if (shadow.writer[cell] != caller.me).any():
                raise site.error("a race: two threads write the same bytes at once")

    def atomic(self, space: Space, group: Group, at: np.ndarray, site: Any) -> None:
        if space.name == "local":
            return
        now, caller = self._tick(), _Caller(self.launch, group)
        self.acquired[caller.block] = now
        for cell in self.shadows[space.name].cells(at, site.size):
            self._check_write(self.shadows[space.name], cell, caller, site)

    def _check_write(self, shadow: _Shadow, cell: np.ndarray, caller: _Caller, site: Any) -> None:
        if not self._ordered(shadow.writers(cell), caller).all():
            raise site.error("a race: it writes what another thread writes")
        if not self._ordered(shadow.readers(cell), caller).all():
            raise site.error("a race: it writes what another thread reads")

    def _ordered(self, earlier: tuple[np.ndarray, np.ndarray, np.ndarray], caller: _Caller) -> np.ndarray:
        """Tell, for each place's earlier accesses, whether all of them come before the caller's."""
        low, high, when = earlier
        ordered = (high == _NOBODY) | ((low == caller.me) & (high == caller.me))
        if ordered.all():
            return ordered
        theirs = high // self.launch.padded
        one_block = (high != _NOBODY) & (low // self.launch.padded == theirs)
        ordered |= one_block & (theirs == caller.block) & (when < self.barrier[caller.block])
        same_warp = (low >> 5 == caller.me >> 5) & (high >> 5 == caller.me >> 5)
        ordered |= same_warp & (when < self.warp_synced[caller.group.threads])
        published = self.published[np.maximum(theirs, 0)]
        return ordered | one_block & (when < published) & (published < self.acquired[caller.block])

    def _note_readers(self, shadow: _Shadow, cell: np.ndarray, caller: _Caller, now: int) -> None:
        """Add those who read; forget earlier ones where they come before all of these."""
        low, high, _ = earlier = shadow.readers(cell)
        late = ~self._ordered(earlier, caller)
        shadow.low[cell], shadow.high[cell], shadow.seen[cell] = _LAST, _NOBODY, now
        if late.any():
            np.minimum.at(shadow.low, cell[late], low[late])
            np.maximum.at(shadow.high, cell[late], high[late])
        np.minimum.at(shadow.low, cell, caller.me)
        np.maximum.at(shadow.high, cell, caller.me)


def _grain(code: list[Any]) -> int:
    """Return the bytes of the narrowest store, 4 at most: reads that are narrower cannot be told apart."""
    sizes = [4]
    for i in code:
        if i.op[0] in ("st", "atom", "red") and i.op[-1][1:].isdigit():
            sizes.append(int(i.op[-1][1:]) // 8)
    return max(1, min(sizes))
