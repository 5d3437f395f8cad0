# SPDX-License-Identifier: MIT
"""A GPU's threads: which of them run next, what they do together, what they load and store."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import arithmetic
import numpy as np
from memory import FREE, WRITTEN, Arena, Space
from program import Instruction, PtxError
from races import Watch
from translate import LOCAL_WINDOW, SHARED_WINDOW, Code, Translated

LANES = 32
_WAVE = 1 << 17  # threads that run side by side


@dataclass
class Counts:
    """What a launch did. Sectors are of 32 bytes, counted once for each warp's access."""

    launches: int = 0
    threads: int = 0
    warp_instructions: int = 0
    thread_instructions: int = 0
    classes: dict[str, int] = field(default_factory=dict)  # warp-instructions by their name
    sectors: dict[str, int] = field(default_factory=dict)  # "load", "store", "atomic"
    lines: dict[int, list[int]] = field(default_factory=dict)  # of the PTX: warps, threads
    touched: dict[str, int] = field(default_factory=dict)  # sectors that differ, of the whole launch

    def add(self, other: Counts) -> None:
        for name in ("launches", "threads", "warp_instructions", "thread_instructions"):
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


class Launch:
    """A kernel on a grid.

    With a `seed` any thread may run next, down to single accesses to memory where the kernel was translated
    finely; without, the threads lowest in the program run, so that a warp that parted comes together again.
    """

    def __init__(
        self, kernel: Translated, shape: Shape, arguments: bytes, arena: Arena, seed: int | None, checked: bool
    ) -> None:
        self.kernel, self.shape, self.arguments, self.arena = kernel, shape, arguments, arena
        self.random = None if seed is None else np.random.default_rng(seed)
        self.checked = checked
        self.constants: dict[str, np.ndarray] = {}
        self.counts = Counts(launches=1, threads=shape.blocks * shape.threads)
        self.visits = np.zeros((len(kernel.codes), 2), np.int64)
        self.padded = -(-shape.threads // LANES) * LANES
        self.shared_bytes = -(-(kernel.shared + shape.dynamic) // 64) * 64
        self.local_bytes = -(-kernel.local // 64) * 64
        self.touched = {} if checked else {k: np.zeros(arena.top // 32 + 32, bool) for k in ("load", "store")}
        self.watch = Watch(kernel, self) if checked else None

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
            space.state[: space.size] = 1
        if self.watch:
            self.watch.wave(self)
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
            if step > 20_000_000:
                raise PtxError(f"{self.kernel.kernel.name}: the threads make no progress")
            group = self._take(at)
            if group is not None:
                self._run(self.kernel.codes[at], group)

    def _next(self, polled: bool, last_run: dict[int, int]) -> int:
        if self.random is not None:
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
        chosen = self.random.random(int(unit[-1]) + 1) < self.random.choice([0.3, 0.8, 1.0])
        now = chosen[unit]
        if not now.all() and now.any():
            self.waiting.setdefault(at, []).append(threads[~now])
            return threads[now]
        return threads

    def _full_mask(self, at: int) -> bool:
        return self.kernel.codes[at].whole

    def _ready(self, threads: np.ndarray, at: int, wait: str) -> np.ndarray:
        n = len(threads)
        if n == self.total:
            return np.ones(n, bool)
        if wait == "block":
            return self._block_ready(threads, at)
        here = np.zeros(self.total, bool)
        here[threads] = True
        here, alive = _words(here), _words(self.alive)
        warp = threads >> 5
        mask = self._mask_at(threads, at)
        own = np.uint32(1) << (threads & 31).astype(np.uint32)
        if ((mask & own) == 0).any():
            raise PtxError(f"{self._where(at)}: a thread is not in the mask that it gives")
        return (mask & alive[warp] & ~here[warp]) == 0

    def _block_ready(self, threads: np.ndarray, at: int) -> np.ndarray:
        arrived = np.bincount(self.block_of[threads], minlength=self.wave_blocks)
        alive = np.bincount(self.block_of[self.alive], minlength=self.wave_blocks)
        complete = (arrived == alive) & (arrived > 0)
        if (complete & (alive < self.shape.threads)).any():
            raise PtxError(f"{self._where(at)}: a barrier after some of the block's threads have returned")
        return complete[self.block_of[threads]]

    def _mask_at(self, threads: np.ndarray, at: int) -> np.ndarray:
        operand = self.kernel.blocks[at].code[0].operands[-1]
        bits = arithmetic_immediate(operand)
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
        if self.random is None and (last != code.block.number or code.whole) and self._complete(group, code.run_needs):
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
        counts.touched = {k: int(np.count_nonzero(v)) for k, v in self.touched.items()}

    # What the functions of the blocks call.

    def special(self, name: str, group: Group) -> np.ndarray:
        """Return a special register, of one element where all threads have the same."""
        root, _, axis = name.partition(".")
        k = "xyz".find(axis)
        if root in ("%ntid", "%nctaid"):
            return np.array([(self.shape.block if root == "%ntid" else self.shape.grid)[k]], np.uint32)
        if root == "%tid":
            before = int(np.prod(self.shape.block[:k], dtype=int))
            return self.in_block[group.index] // np.uint32(before) % np.uint32(self.shape.block[k])
        if root == "%ctaid":
            before = int(np.prod(self.shape.grid[:k], dtype=int))
            number = self.block_of[group.index].astype(np.int64) + self.first_block
            return (number // before % self.shape.grid[k]).astype(np.uint32)
        lane = (group.threads & 31).astype(np.uint32)
        if root == "%laneid":
            return lane
        if root.startswith("%lanemask_"):
            own, one = np.uint32(1) << lane, np.uint32(1)
            below = own - one
            masks = {"eq": own, "lt": below, "le": own | below, "gt": ~(own | below), "ge": ~below}
            return masks[root[-2:]]
        raise PtxError(f"the special register {name} is not known to the interpreter")

    def parameter(self, address: np.ndarray, element: int, dtype: str) -> np.ndarray:
        size = np.dtype(dtype).itemsize
        at = address.astype(np.int64) + element * size
        if at.min() < 0 or at.max() + size > len(self.arguments):
            raise PtxError("reads outside of the kernel's arguments")
        bytes_ = np.frombuffer(self.arguments, np.uint8)
        return np.ascontiguousarray(bytes_[at[:, None] + np.arange(size)]).view(dtype).reshape(-1)

    # Memory.

    def _place(self, group: Group, address: np.ndarray, space: str) -> tuple[Space, np.ndarray]:
        if space == "generic":
            if int(address.min()) < SHARED_WINDOW:
                if int(address.max()) >= SHARED_WINDOW:
                    raise PtxError("a generic access that is to shared memory in some threads only")
                space = "global"
            else:
                space = "local" if int(address.min()) >= LOCAL_WINDOW else "shared"
                address = address - np.uint64(LOCAL_WINDOW if space == "local" else SHARED_WINDOW)
        if space in ("global", "const"):
            return self.arena, address - np.uint64(self.arena.base)
        size = self.shared_bytes if space == "shared" else self.local_bytes
        used = self.kernel.shared + self.shape.dynamic if space == "shared" else self.kernel.local
        if int(address.max()) >= used:
            raise PtxError(f"byte {int(address.max())} is outside of the {used} bytes of {space} memory")
        unit = self.block_of[group.index] if space == "shared" else group.threads
        return (self.shared if space == "shared" else self.local), address + unit.astype(np.uint64) * np.uint64(size)

    def _on(self, group: Group, address: np.ndarray, on: Any) -> tuple[Group, np.ndarray, Any]:
        """Keep the threads in which an access is switched on."""
        if on is None:
            return group, address, None
        on = np.broadcast_to(on, group.n)
        if on.all():
            return group, address, None
        return Group(group.threads[on]), np.broadcast_to(address, group.n)[on], on

    def _account(self, kind: str, space: Space, group: Group, at: np.ndarray, count: int) -> None:
        """Count the 32-byte sectors that each warp touches."""
        if space is not self.arena:
            name = f"{space.name} {kind}"
            self.counts.sectors[name] = self.counts.sectors.get(name, 0) + group.warps
            return
        if at.size == 1:
            sectors = group.warps
        else:
            key = (group.warp_of << 40) + (at >> 5)
            if (key[1:] < key[:-1]).any():
                key = np.sort(key)
            sectors = 1 + int(np.count_nonzero(key[1:] != key[:-1]))
        self.counts.sectors[kind] = self.counts.sectors.get(kind, 0) + sectors * count
        if kind in self.touched:
            self.touched[kind][at >> 5] = True

    def load(
        self, group: Group, address: np.ndarray, space: str, dtype: str, count: int, on: Any, strong: bool, nc: bool, site: Instruction
    ) -> tuple[np.ndarray, ...]:
        whole = group.n
        group, address, mask = self._on(group, address, on)
        if not group.n:
            return (np.zeros(1, dtype),) * count
        what = f"{self.kernel.kernel.name}, line {site.line}: `{site.text}`"
        item = np.dtype(dtype).itemsize
        place, at = self._at(group, address, space, item, count, what)
        self._account("load", place, group, at, 1)
        index = at // item
        if self.watch:
            for k in range(count):
                place.check_loaded(index + k, item, what)
            self.watch.load(place, group, at, item * count, strong, nc, what)
        values = tuple(place.view(dtype)[index + k if k else index] for k in range(count))
        if mask is None:
            return values
        return tuple(_spread(value, mask, whole) for value in values)

    def _at(self, group: Group, address: np.ndarray, space: str, item: int, count: int, what: str) -> tuple[Space, np.ndarray]:
        try:
            place, at = self._place(group, address, space)
        except PtxError as error:
            raise PtxError(f"{what}: {error}") from None
        return place, place.check(at, item, item * count, what)

    def store(
        self, group: Group, address: np.ndarray, space: str, dtype: str, values: tuple, on: Any, strong: bool, site: Instruction
    ) -> None:
        whole = group.n
        group, address, mask = self._on(group, address, on)
        if not group.n:
            return
        what = f"{self.kernel.kernel.name}, line {site.line}: `{site.text}`"
        item = np.dtype(dtype).itemsize
        place, at = self._at(group, address, space, item, len(values), what)
        self._account("store", place, group, at, 1)
        if at.size == 1:
            at = np.broadcast_to(at, group.n)
        index = at // item
        if self.watch:
            for k in range(len(values)):
                place.mark_stored(index + k, item, what)
            self.watch.store(place, group, at, item * len(values), strong, what)
        for k, value in enumerate(values):
            if mask is not None and value.size != 1:
                value = np.broadcast_to(value, whole)[mask]
            place.view(dtype)[index + k] = value

    def atomic(
        self, group: Group, address: np.ndarray, space: str, dtype: str, operation: str, values: tuple, on: Any, used: bool, site: Instruction
    ) -> np.ndarray:
        whole = group.n
        group, address, mask = self._on(group, address, on)
        if not group.n:
            return np.zeros(1, dtype)
        what = f"{self.kernel.kernel.name}, line {site.line}: `{site.text}`"
        item = np.dtype(dtype).itemsize
        place, at = self._at(group, address, space, item, 1, what)
        self._account("atomic", place, group, at, 1)
        at = np.broadcast_to(at, group.n)
        index = at // item
        if self.watch:
            place.check_loaded(index, item, what)
            self.watch.atomic(place, group, at, item, what)
        given = []
        for value in values:
            value = np.broadcast_to(value, whole)
            given.append(value if mask is None else value[mask])
        old = _atomic(place.view(dtype), index, operation, given, self.random)
        return _spread(old, mask, whole) if mask is not None else old

    # Together.

    def active_mask(self, group: Group) -> np.ndarray:
        here = np.zeros(self.total, bool)
        here[group.threads] = True
        return _words(here)[group.warp_of]

    def shuffle(
        self, group: Group, mode: str, value: np.ndarray, by: np.ndarray, clamp: np.ndarray, mask: np.ndarray, whole: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        lane = (group.threads & 31).astype(np.int64)
        by, clamp = (v.astype(np.int64) for v in (by, clamp))
        by, segment, limit = by & 31, clamp >> 8 & 31, clamp & 31
        highest, lowest = (lane & segment) | (limit & ~segment & 31), lane & segment
        source = {"up": lane - by, "down": lane + by, "bfly": lane ^ by, "idx": lowest | (by & ~segment & 31)}[mode]
        inside = source >= highest if mode == "up" else source <= highest
        source = np.where(inside, source, lane)
        value = np.broadcast_to(value, group.n)
        if whole:
            return value[(np.arange(group.n) & ~31) + source], inside
        where = np.full(self.total, -1, np.int64)
        where[group.threads] = np.arange(group.n)
        found = where[(group.threads & ~31) + source]
        named = mask.astype(np.int64) >> source & 1
        if (found < 0).any() or not named.all():
            raise PtxError("a shuffle reads a lane that does not take part")
        return value[found], inside

    def vote(self, group: Group, mode: str, value: np.ndarray, mask: np.ndarray, whole: bool) -> np.ndarray:
        value = np.broadcast_to(value, group.n)
        if whole:
            ballot = np.repeat(_words(value), LANES)
            here = np.uint32(0xFFFFFFFF)
        else:
            ballot, here = self._ballot(group, value), self.active_mask(group) & mask
            ballot = ballot & mask
        if mode == "ballot":
            return ballot
        if mode == "uni":
            return (ballot == 0) | (ballot == here)
        return ballot != 0 if mode == "any" else ballot == here

    def _ballot(self, group: Group, value: np.ndarray) -> np.ndarray:
        bits = np.zeros(self.total, bool)
        bits[group.threads] = value
        return _words(bits)[group.warp_of]

    def match(self, group: Group, mode: str, value: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value = np.broadcast_to(value, group.n)
        dense = np.zeros(self.total, value.dtype)
        dense[group.threads] = value
        rows = dense.reshape(-1, LANES)[group.warp_of]
        same = (rows == value[:, None]).view(np.uint8)
        words = np.packbits(same, axis=1, bitorder="little").view(np.uint32).reshape(-1)
        here = self.active_mask(group) & mask
        words = words & here
        if mode == "any":
            return words, words != 0
        return np.where(words == here, here, np.uint32(0)), words == here

    def redux(self, group: Group, operation: str, value: np.ndarray, mask: np.ndarray) -> np.ndarray:
        value, mask = np.broadcast_to(value, group.n), np.broadcast_to(mask, group.n)
        call = {"add": np.add, "min": np.minimum, "max": np.maximum, "and": np.bitwise_and}
        call |= {"or": np.bitwise_or, "xor": np.bitwise_xor}
        key = group.warp_of << 32 | mask.astype(np.int64)
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        out = value[first].copy()
        rest = np.ones(group.n, bool)
        rest[first] = False
        call[operation].at(out, which.reshape(-1)[rest], value[rest])
        return out[which.reshape(-1)]

    def warp_barrier(self, group: Group) -> None:
        if self.watch:
            self.watch.warp_barrier(group)

    def block_barrier(self, group: Group) -> None:
        if self.watch:
            self.watch.block_barrier(group)

    def block_vote(self, group: Group, mode: str, value: np.ndarray) -> np.ndarray:
        self.block_barrier(group)
        block = self.block_of[group.index]
        true = np.bincount(block, np.broadcast_to(value, group.n), self.wave_blocks)
        if mode == "popc":
            return true[block].astype(np.uint32)
        return true[block] > 0 if mode == "or" else true[block] == self.shape.threads

    def fence(self, group: Group, of_block: bool) -> None:
        if self.watch and not of_block:
            self.watch.fence(group)

    def trap(self, group: Group, on: Any) -> None:
        if on is None or np.broadcast_to(on, group.n).any():
            raise PtxError(f"{self.kernel.kernel.name}: a trap")


def arithmetic_immediate(operand: str) -> int | None:
    from program import immediate

    return immediate(operand)


def _words(bits: np.ndarray) -> np.ndarray:
    """Return a word of 32 bits for each warp."""
    return np.packbits(bits, bitorder="little").view(np.uint32)


def _spread(value: np.ndarray, mask: np.ndarray, n: int) -> np.ndarray:
    out = np.zeros(n, value.dtype)
    out[mask] = value
    return out


_UFUNCS = {"add": np.add, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}
_UFUNCS |= {"min": np.minimum, "max": np.maximum}


def _atomic(memory: np.ndarray, index: np.ndarray, operation: str, values: list[np.ndarray], random: Any) -> np.ndarray:
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


__all__ = ["FREE", "WRITTEN", "Counts", "Launch", "Shape", "arithmetic"]
