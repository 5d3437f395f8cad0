# SPDX-License-Identifier: MIT
"""Whether two threads of a launch touch the same memory, one of them writing, with nothing to order them.

Each access has a number in time. Of each place the last writer and the last readers are kept. An earlier
access comes before a later one of another thread where both are of a block that passed a barrier in between,
or of a warp that passed bar.warp.sync, or where the earlier thread's block passed a fence afterwards and the
later one's block made an atomic or otherwise strong access after that. Strong accesses (volatile, relaxed,
acquire, release, atomics) are held against plain ones before them, not among themselves; plain ones are held
against plain ones only. Local memory is a thread's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ptx.memory import Space
from ptx.threads import Group

_NOBODY, _SEVERAL_BLOCKS = -1, -2  # below that: several threads, all of block -3 - k


class _Shadow:
    """Who touched which bytes last, `grain` bytes at a time."""

    def __init__(self, size: int, grain: int) -> None:
        cells = size // grain + 16
        self.grain = grain
        self.writer, self.reader = np.full(cells, _NOBODY, np.int64), np.full(cells, _NOBODY, np.int64)
        self.written, self.seen = np.zeros(cells, np.int64), np.zeros(cells, np.int64)

    def cells(self, at: np.ndarray, size: int) -> list[np.ndarray]:
        return [at // self.grain + k for k in range(max(1, size // self.grain))]


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
            writer = shadow.writer[cell]
            if site.read_only and (writer != _NOBODY).any():
                raise site.error("reads through the read-only path what this kernel wrote")
            if not self._ordered(writer, shadow.written[cell], caller).all():
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
        if not self._ordered(shadow.writer[cell], shadow.written[cell], caller).all():
            raise site.error("a race: it writes what another thread writes")
        if not self._ordered(shadow.reader[cell], shadow.seen[cell], caller).all():
            raise site.error("a race: it writes what another thread reads")

    def _ordered(self, who: np.ndarray, when: np.ndarray, caller: _Caller) -> np.ndarray:
        """Tell, for each place's earlier access, whether it comes before the caller's."""
        ordered = (who == _NOBODY) | (who == caller.me)
        if ordered.all():
            return ordered
        theirs = self._block_of(who)
        ordered |= (theirs == caller.block) & (when < self.barrier[caller.block])
        same_warp = (who >= 0) & (who >> 5 == caller.me >> 5)
        ordered |= same_warp & (when < self.warp_synced[caller.group.threads])
        published = self.published[np.maximum(theirs, 0)]
        return ordered | (theirs >= 0) & (when < published) & (published < self.acquired[caller.block])

    def _block_of(self, who: np.ndarray) -> np.ndarray:
        """Return the block of a thread or of several of one; -1 where they are of different ones."""
        one = np.where(who < _SEVERAL_BLOCKS, -3 - who, who // self.launch.padded)
        return np.where((who >= 0) | (who < _SEVERAL_BLOCKS), one, -1)

    def _note_readers(self, shadow: _Shadow, cell: np.ndarray, caller: _Caller, now: int) -> None:
        """Keep who reads: a thread, that several of a block do, or that those of several blocks do."""
        before = shadow.reader[cell]
        fresh = self._ordered(before, shadow.seen[cell], caller)
        several = np.where(self._block_of(before) == caller.block, -3 - caller.block, _SEVERAL_BLOCKS)
        mine = np.where(fresh, caller.me, several)
        shadow.reader[cell], shadow.seen[cell] = mine, now
        shared = shadow.reader[cell] != mine
        if shared.any():  # other threads read the same place in this very access
            _note_several(shadow, cell, mine, caller.block, shared)


def _note_several(
    shadow: _Shadow, cell: np.ndarray, mine: np.ndarray, block: np.ndarray, shared: np.ndarray
) -> None:
    mixed = np.isin(cell, cell[shared])
    order = np.argsort(cell[mixed], kind="stable")
    cells, blocks, readers = cell[mixed][order], block[mixed][order], mine[mixed][order]
    starts = np.flatnonzero(np.concatenate(([True], cells[1:] != cells[:-1])))
    low, high = np.minimum.reduceat(blocks, starts), np.maximum.reduceat(blocks, starts)
    across = np.maximum.reduceat((readers == _SEVERAL_BLOCKS).astype(np.int8), starts) > 0
    shadow.reader[cells[starts]] = np.where((low == high) & ~across, -3 - low, _SEVERAL_BLOCKS)


def _grain(code: list[Any]) -> int:
    """Return the bytes of the narrowest store, 4 at most: reads that are narrower cannot be told apart."""
    sizes = [4]
    for i in code:
        if i.op[0] in ("st", "atom", "red") and i.op[-1][1:].isdigit():
            sizes.append(int(i.op[-1][1:]) // 8)
    return max(1, min(sizes))
