# SPDX-License-Identifier: MIT
"""Whether two threads of a launch touch the same memory, one of them writing, with nothing to order them.

Each access has a number in time. Of each place the last writer and the last readers are kept. An earlier
access comes before a later one of another thread where both are of a block that passed a barrier in between,
or of a warp that passed bar.warp.sync, or where the earlier thread's block passed a fence afterwards, and the
later one's block did an atomic or otherwise strong access after that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from memory import Space
from program import PtxError

_NOBODY, _SEVERAL_BLOCKS = -1, -2  # below that: several threads of block -3 - k


class _Shadow:
    def __init__(self, size: int, grain: int) -> None:
        self.grain = grain
        self.writer = np.full(size // grain + 1, _NOBODY, np.int64)
        self.written = np.zeros(size // grain + 1, np.int64)
        self.reader = np.full(size // grain + 1, _NOBODY, np.int64)
        self.seen = np.zeros(size // grain + 1, np.int64)


class Watch:
    """The order of a launch's accesses."""

    def __init__(self, kernel: Any, launch: Any) -> None:
        self.launch, self.now = launch, 1
        blocks = launch.shape.blocks
        self.barrier = np.zeros(blocks, np.int64)  # when a block last passed one
        self.published = np.zeros(blocks, np.int64)  # when it last passed a fence
        self.acquired = np.zeros(blocks, np.int64)  # when it last did a strong access
        grains = {"global": 4, "shared": 4, "local": 4}
        for i in kernel.kernel.code:
            if i.op[0] in ("st", "atom", "red"):
                bits = int(i.op[-1][1:]) if i.op[-1][1:].isdigit() else 32
                for space in grains:
                    if space in i.op or not grains.keys() & set(i.op):
                        grains[space] = min(grains[space], max(1, bits // 8))
        self.grains = grains
        self.shadows = {"global": _Shadow(launch.arena.top + 64, grains["global"])}

    def wave(self, launch: Any) -> None:
        self.shadows["shared"] = _Shadow(launch.shared.size + 64, self.grains["shared"])
        self.warp_synced = np.zeros(launch.total, np.int64)

    def _tick(self) -> int:
        self.now += 1
        return self.now

    def block_barrier(self, group: Any) -> None:
        now = self._tick()
        self.barrier[np.unique(self.launch.block_of[group.index]) + self.launch.first_block] = now

    def warp_barrier(self, group: Any) -> None:
        self.warp_synced[group.threads] = self._tick()

    def fence(self, group: Any) -> None:
        now = self._tick()
        self.published[np.unique(self.launch.block_of[group.index]) + self.launch.first_block] = now

    def _ids(self, group: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the threads' numbers in the grid, and their blocks."""
        block = self.launch.block_of[group.index].astype(np.int64) + self.launch.first_block
        return group.threads + self.launch.first_block * self.launch.padded, block

    def _ordered(self, who: np.ndarray, when: np.ndarray, me: np.ndarray, block: np.ndarray, group: Any) -> np.ndarray:
        """Tell for each earlier access whether it comes before mine."""
        padded = self.launch.padded
        several = who < _SEVERAL_BLOCKS
        theirs = np.where(several, -3 - who, who // padded)
        one_block = several | (who >= 0)
        same = one_block & (theirs == block)
        ordered = (who == _NOBODY) | (who == me) | (same & (when < self.barrier[block]))
        warp = (who >= 0) & (who >> 5 == me >> 5) & (when < self.warp_synced[group.threads])
        ordered |= warp
        if not ordered.all():
            their = np.where(one_block, theirs, 0)
            published = self.published[their]
            ordered |= one_block & (when < published) & (published < self.acquired[block])
        return ordered

    def _cells(self, shadow: _Shadow, at: np.ndarray, size: int) -> list[np.ndarray]:
        first = np.asarray(at) // shadow.grain
        return [first + k for k in range(max(1, size // shadow.grain))]

    def load(self, place: Space, group: Any, at: np.ndarray, size: int, strong: bool, nc: bool, what: str) -> None:
        if place.name == "local":
            return
        now, (me, block) = self._tick(), self._ids(group)
        at = np.broadcast_to(at, me.shape)
        shadow = self.shadows[place.name]
        if strong:
            self.acquired[block] = now
        for cell in self._cells(shadow, at, size):
            writer, written = shadow.writer[cell], shadow.written[cell]
            if nc and (writer != _NOBODY).any():
                raise PtxError(f"{what}: reads through the read-only path what this kernel wrote")
            if not (writer == _NOBODY).all() and not self._ordered(writer, written, me, block, group).all():
                raise PtxError(f"{what}: a race, reads what another thread writes")
            if not strong:
                self._read(shadow, cell, me, block, group, now)

    def _read(self, shadow: _Shadow, cell: np.ndarray, me: np.ndarray, block: np.ndarray, group: Any, now: int) -> None:
        reader, seen = shadow.reader[cell], shadow.seen[cell]
        fresh = self._ordered(reader, seen, me, block, group)
        padded = self.launch.padded
        theirs = np.where(reader < _SEVERAL_BLOCKS, -3 - reader, np.where(reader >= 0, reader // padded, -9))
        mine = np.where(fresh, me, np.where(theirs == block, -3 - block, _SEVERAL_BLOCKS))
        shadow.reader[cell] = mine
        shadow.seen[cell] = now
        other = shadow.reader[cell] != mine  # several threads of this very access
        if other.any():
            shadow.reader[cell[other]] = _SEVERAL_BLOCKS
            # Back to one block where all that read it here are of that block.
            cells, blocks = cell, block
            low = np.full(len(shadow.reader), np.iinfo(np.int64).max) if False else None
            self._one_block(shadow, cells, blocks, mine, low)

    def _one_block(self, shadow: _Shadow, cell: np.ndarray, block: np.ndarray, mine: np.ndarray, _low: Any) -> None:
        several = shadow.reader[cell] == _SEVERAL_BLOCKS
        cells, blocks, mine = cell[several], block[several], mine[several]
        order = np.argsort(cells, kind="stable")
        cells, blocks, mine = cells[order], blocks[order], mine[order]
        starts = np.flatnonzero(np.concatenate(([True], cells[1:] != cells[:-1])))
        low, high = np.minimum.reduceat(blocks, starts), np.maximum.reduceat(blocks, starts)
        worst = np.maximum.reduceat((mine == _SEVERAL_BLOCKS).astype(np.int8), starts)
        one = (low == high) & (worst == 0)
        shadow.reader[cells[starts][one]] = -3 - low[one]

    def store(self, place: Space, group: Any, at: np.ndarray, size: int, strong: bool, what: str) -> None:
        if place.name == "local":
            return
        now, (me, block) = self._tick(), self._ids(group)
        shadow = self.shadows[place.name]
        for cell in self._cells(shadow, at, size):
            self._check_write(shadow, cell, me, block, group, what)
            if strong:
                continue
            shadow.writer[cell] = me
            shadow.written[cell] = now
            if (shadow.writer[cell] != me).any():
                raise PtxError(f"{what}: a race, two threads write the same bytes at once")

    def _check_write(self, shadow: _Shadow, cell: np.ndarray, me: np.ndarray, block: np.ndarray, group: Any, what: str) -> None:
        if not self._ordered(shadow.writer[cell], shadow.written[cell], me, block, group).all():
            raise PtxError(f"{what}: a race, writes what another thread writes")
        if not self._ordered(shadow.reader[cell], shadow.seen[cell], me, block, group).all():
            raise PtxError(f"{what}: a race, writes what another thread reads")

    def atomic(self, place: Space, group: Any, at: np.ndarray, size: int, what: str) -> None:
        now, (me, block) = self._tick(), self._ids(group)
        self.acquired[block] = now
        shadow = self.shadows[place.name]
        for cell in self._cells(shadow, at, size):
            self._check_write(shadow, cell, me, block, group, what)
