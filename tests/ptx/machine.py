# SPDX-License-Identifier: MIT
"""A GPU's threads: which of them run next."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from ptx.access import SECTOR, Access
from ptx.memory import ALLOCATED, Arena, Space
from ptx.program import PtxError, immediate
from ptx.races import Watch
from ptx.threads import LANES, Counts, Group, Shape, words
from ptx.translate import Code, Translated
from ptx.warps import Together

_WAVE = 1 << 17  # threads that run side by side
# In random order: how often a step is not the lowest in the program, and how often only some threads go.
_STRAY, _PART = 0.4, 0.25


@dataclass(frozen=True)
class Rules:
    """How a launch runs.

    Attributes:
        seed: None for threads in the order of the program; a number for a random order that it tells.
        checked: look for races and for memory that is free or was never written; else count distinct sectors.
        strict: a load of memory that nothing was written to is an error; else it gives anything.
        most_steps: a wave of blocks that takes more makes no progress.
    """

    seed: int | None = None
    checked: bool = True
    strict: bool = True
    most_steps: int = 2_000_000


class Launch(Access, Together):
    """A kernel on a grid.

    In random order any thread may run next, down to single accesses to memory where the kernel was translated
    finely; otherwise the threads lowest in the program run, so that a warp that parted comes together again.
    """

    def __init__(
        self, kernel: Translated, shape: Shape, arguments: bytes, arena: Arena, rules: Rules
    ) -> None:
        self.kernel, self.shape, self.arguments, self.arena = kernel, shape, arguments, arena
        self.rules, checked = rules, rules.checked
        self.random = None if rules.seed is None else np.random.default_rng(rules.seed)
        self.constants: dict[str, np.ndarray] = {}
        self.counts = Counts(1, shape.blocks, shape.blocks * shape.threads)
        self.visits = np.zeros((len(kernel.codes), 2), np.int64)
        self.padded = -(-shape.threads // LANES) * LANES
        self.shared_bytes = -(-(kernel.shared + shape.dynamic) // 64) * 64
        self.local_bytes = -(-kernel.local // 64) * 64
        self.touched = {} if checked else {k: np.zeros(arena.top // 32 + 32, bool) for k in ("load", "store")}
        self.watch = Watch(self) if checked else None

    # Scheduling.

    def execute(self) -> Counts:
        per_wave = max(1, _WAVE // self.padded)
        if self.random is not None:
            per_wave = int(self.random.integers(1, per_wave + 1))
        with np.errstate(all="ignore"):
            for first in range(0, self.shape.blocks, per_wave):
                self._wave(first, min(per_wave, self.shape.blocks - first))
        self._sum()
        return self.counts

    def _wave(self, first: int, blocks: int) -> None:
        total = blocks * self.padded
        self.first_block, self.wave_blocks, self.total = first, blocks, total
        number = np.arange(total, dtype=np.int64)
        self.in_block = (number % self.padded).astype(np.uint32)
        self.block_of = (number // self.padded).astype(np.uint32)
        self.alive = self.in_block < self.shape.threads
        self.registers = {name: np.zeros(total, d) for name, d in self.kernel.kept.items()}
        self.shared = Space(blocks * self.shared_bytes, "shared")
        self.local = Space(total * self.local_bytes, "local")
        for space in (self.shared, self.local):
            space.state[: space.size] = ALLOCATED
            if self.rules.checked:
                space.bytes[:] = np.frombuffer(self.arena.random.bytes(len(space.bytes)), np.uint8)
        if self.watch:
            self.watch.wave()
        self.waiting: dict[int, list[np.ndarray]] = {0: [number[self.alive]]}
        self.blocked: dict[int, np.ndarray] = {}
        self._schedule()

    def _schedule(self) -> None:
        polled = False
        last_run = dict.fromkeys(range(len(self.kernel.codes)), 0)
        for step in itertools.count(1):
            if not self.waiting:
                if not self.blocked:
                    return
                self._unblock_or_fail()
            at = self._next(polled, last_run)
            last_run[at] = step
            polled = self.kernel.blocks[at].polls
            if step > self.rules.most_steps:
                raise PtxError(f"{self.kernel.kernel.name}: the threads make no progress")
            group = self._take(at)
            if group is not None:
                self._run(self.kernel.codes[at], group)

    def _next(self, polled: bool, last_run: dict[int, int]) -> int:
        if self.random is not None and self.random.random() < _STRAY:
            return int(self.random.choice(list(self.waiting)))
        if polled:  # the threads that are waited for get a turn
            return min(self.waiting, key=last_run.__getitem__)
        return min(self.waiting)

    def _take(self, at: int) -> Group | None:
        """Take threads that wait at a block and may go on; the others stay."""
        parts = self.waiting.pop(at)
        if at in self.blocked:
            parts.append(self.blocked.pop(at))
        threads = parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))
        wait = self.kernel.blocks[at].wait
        if wait:
            ready = self._ready(threads, at, wait)
            if not ready.all():
                self.blocked[at] = threads[~ready]
                threads = threads[ready]
        if self.random is not None and len(threads):
            threads = self._some(threads, at, wait)
        return Group(threads) if len(threads) else None

    def _some(self, threads: np.ndarray, at: int, wait: str | None) -> np.ndarray:
        """Choose at random which threads (or warps, or blocks) run now."""
        unit = threads if wait is None else threads >> 5 if wait == "warp" else self.block_of[threads]
        if wait == "warp" and not self._full_mask(at):
            return threads
        if self.random.random() > _PART:
            return threads
        now = (self.random.random(int(unit[-1]) + 1) < self.random.random())[unit]
        if not now.all() and now.any():
            self.waiting.setdefault(at, []).append(threads[~now])
            return threads[now]
        return threads

    def _full_mask(self, at: int) -> bool:
        return self.kernel.codes[at].whole

    def _ready(self, threads: np.ndarray, at: int, wait: str) -> np.ndarray:
        if len(threads) == self.total and self._full_mask(at):
            return np.ones(len(threads), bool)
        if wait == "block":
            return self._block_ready(threads, at)
        return self._warp_ready(threads, at)

    def _warp_ready(self, threads: np.ndarray, at: int) -> np.ndarray:
        here = np.zeros(self.total, bool)
        here[threads] = True
        here, alive = words(here), words(self.alive)
        warp = threads >> 5
        mask = self._mask_at(threads, at)
        own = np.uint32(1) << (threads & 31).astype(np.uint32)
        if ((mask & own) == 0).any():
            raise PtxError(f"{self._where(at)}: a thread is not in the mask that it gives")
        ready = (mask & alive[warp] & ~here[warp]) == 0
        if not self._full_mask(at):
            self._check_masks_agree(threads[ready], mask[ready], at)
        return ready

    def _check_masks_agree(self, threads: np.ndarray, mask: np.ndarray, at: int) -> None:
        """All threads that a mask names give the same mask."""
        if not len(mask) or mask.min() == mask.max():
            return
        given = np.zeros(self.total, np.uint32)
        given[threads] = mask
        rows = given.reshape(-1, LANES)[threads >> 5]
        named = (mask[:, None] >> np.arange(LANES, dtype=np.uint32) & 1).astype(bool)
        living = self.alive.reshape(-1, LANES)[threads >> 5]
        if (named & living & (rows != mask[:, None])).any():
            raise PtxError(f"{self._where(at)}: threads of one mask give different ones")

    def _block_ready(self, threads: np.ndarray, at: int) -> np.ndarray:
        arrived = np.bincount(self.block_of[threads], minlength=self.wave_blocks)
        alive = np.bincount(self.block_of[self.alive], minlength=self.wave_blocks)
        complete = (arrived == alive) & (arrived > 0)
        if (complete & (alive < self.shape.threads)).any():
            raise PtxError(f"{self._where(at)}: a barrier after some of the block's threads have returned")
        return complete[self.block_of[threads]]

    def _mask_at(self, threads: np.ndarray, at: int) -> np.ndarray:
        operand = self.kernel.blocks[at].code[0].operands[-1]
        bits = immediate(operand)
        if bits is not None:
            return np.full(len(threads), bits & 0xFFFFFFFF, np.uint32)
        if operand in self.constants:
            return np.broadcast_to(self.constants[operand].view(np.uint32), threads.shape)
        return self.registers[operand][threads]

    def _where(self, at: int) -> str:
        i = self.kernel.blocks[at].code[0]
        return f"{self.kernel.kernel.name}, line {i.line}: `{i.text}`"

    def _unblock_or_fail(self) -> None:
        """Threads wait, and none runs: some may go on because others returned; else they wait for ever."""
        blocked, self.blocked = self.blocked, {}
        free = False
        for at, threads in blocked.items():
            self.waiting[at] = [threads]
            free |= bool(self._ready(threads, at, self.kernel.blocks[at].wait).any())
        if not free:
            at = next(iter(blocked))
            raise PtxError(f"{self._where(at)}: threads wait for others that never come")

    # Running.

    def _run(self, code: Code, group: Group) -> None:
        last = code.run_until
        if (
            self.random is None
            and (last != code.block.number or code.whole)
            and self._complete(group, code.run_needs)
        ):
            result = code.run(self, group)
        else:
            last = code.block.number
            result = code.alone(self, group)
        self.visits[code.block.number : last + 1] += (group.warps, group.n)
        block = self.kernel.blocks[last]
        if block.end is None:
            self._arrive(block.after, group.threads)
        elif block.end.op[0] == "brx":
            self._switch(block, group, result)
        else:
            self._branch(block, group, result)

    def _complete(self, group: Group, needs: str | None) -> bool:
        if needs is None or group.n == self.total:
            return True
        if needs == "warp":
            return group.n == LANES * group.warps
        blocks = self.block_of[group.threads]
        return group.n == self.padded * (1 + int(np.count_nonzero(blocks[1:] != blocks[:-1])))

    def _arrive(self, at: int, threads: np.ndarray) -> None:
        if len(threads):
            self.waiting.setdefault(at, []).append(threads)

    def _branch(self, block: Any, group: Group, condition: Any) -> None:
        threads = group.threads
        if condition is None:
            taken, rest = threads, threads[:0]
        elif condition.size == 1 or condition.all() or not condition.any():
            taken, rest = (threads, threads[:0]) if condition.flat[0] else (threads[:0], threads)
        else:
            taken, rest = threads[condition], threads[~condition]
        if block.end.op[0] == "bra":
            self._arrive(block.taken[0], taken)
        else:
            self.alive[taken] = False
        if block.after is not None:
            self._arrive(block.after, rest)

    def _switch(self, block: Any, group: Group, index: np.ndarray) -> None:
        index = np.broadcast_to(index, group.n)
        for k in np.unique(index):
            self._arrive(block.taken[int(k)], group.threads[index == k])

    def _sum(self) -> None:
        counts = self.counts
        for code, (warps, threads) in zip(self.kernel.codes, self.visits.tolist(), strict=True):
            block = code.block
            if not warps:
                continue
            for i in [*block.code, *([block.end] if block.end else [])]:
                counts.classes[i.name] = counts.classes.get(i.name, 0) + warps
                before = counts.lines.get(i.line, [0, 0])
                counts.lines[i.line] = [before[0] + warps, before[1] + threads]
            counts.warp_instructions += warps * block.size
            counts.thread_instructions += threads * block.size
        for kind, touched in self.touched.items():
            for what, first, last in self.arena.allocations:
                name, span = f"{kind} {what}", touched[first // SECTOR : -(-last // SECTOR)]
                counts.touched[name] = counts.touched.get(name, 0) + int(np.count_nonzero(span))
