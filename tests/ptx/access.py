# SPDX-License-Identifier: MIT
"""What threads load and store, checked and counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ptx.atomics import atomic
from ptx.memory import Arena, Space
from ptx.operations import LOCAL_WINDOW, SHARED_WINDOW
from ptx.program import Instruction, PtxError
from ptx.threads import Group

SECTOR = 32  # bytes: what a GPU's memory moves at least


@dataclass(frozen=True)
class Site:
    """An instruction that reaches for memory."""

    kernel: str
    instruction: Instruction
    space: str
    dtype: str
    count: int = 1  # elements of a vector
    strong: bool = False  # volatile, relaxed, acquire, release: ordered with other threads' like accesses
    read_only: bool = False  # through the path for what a kernel does not write

    @cached_property
    def item(self) -> int:
        return np.dtype(self.dtype).itemsize

    @property
    def size(self) -> int:
        return self.item * self.count

    def error(self, why: object) -> PtxError:
        return PtxError(f"{self.kernel}, line {self.instruction.line}: `{self.instruction.text}`: {why}")


class Access:
    """The part of a launch that the blocks' functions call for memory; `Launch` has the state."""

    arena: Arena

    def load(self: Any, group: Group, address: np.ndarray, on: Any, site: Site) -> tuple[np.ndarray, ...]:
        """Return a vector's elements; 0 in threads where the load is switched off."""
        whole = group.n
        group, address, mask = _switched_on(group, address, on)
        if not group.n:
            return (np.zeros(1, site.dtype),) * site.count
        space, at = self._at(group, address, site)
        self._account("load", space, group, at, site)
        index = at // site.item
        if self.watch:
            for k in range(site.count):
                space.check_loaded(index + k, site, self.rules.strict)
            self.watch.load(space, group, at, site)
        view = space.view(site.dtype)
        values = tuple(view[index + k if k else index] for k in range(site.count))
        return values if mask is None else tuple(_spread(value, mask, whole) for value in values)

    def store(self: Any, group: Group, address: np.ndarray, values: tuple, on: Any, site: Site) -> None:
        whole = group.n
        group, address, mask = _switched_on(group, address, on)
        if not group.n:
            return
        space, at = self._at(group, address, site)
        self._account("store", space, group, at, site)
        at = np.broadcast_to(at, group.n)
        index = at // site.item
        if self.watch:
            for k in range(site.count):
                space.mark_stored(index + k, site)
            self.watch.store(space, group, at, site)
        for k, value in enumerate(values):
            if mask is not None:
                value = np.broadcast_to(value, whole)[mask]
            space.view(site.dtype)[index + k] = value

    def atomic(
        self: Any, group: Group, address: np.ndarray, operation: str, values: tuple, on: Any, site: Site
    ) -> np.ndarray:
        """Return what each thread's operation found."""
        whole = group.n
        group, address, mask = _switched_on(group, address, on)
        if not group.n:
            return np.zeros(1, site.dtype)
        space, at = self._at(group, address, site)
        self._account("atomic", space, group, at, site)
        at = np.broadcast_to(at, group.n)
        index = at // site.item
        if self.watch:
            space.check_loaded(index, site, self.rules.strict)
            self.watch.atomic(space, group, at, site)
        given = [np.broadcast_to(value, whole) for value in values]
        given = given if mask is None else [value[mask] for value in given]
        old = atomic(space.view(site.dtype), index, operation, given, self.random)
        return old if mask is None else _spread(old, mask, whole)

    def _at(self: Any, group: Group, address: np.ndarray, site: Site) -> tuple[Space, np.ndarray]:
        """Return where an address lies, in bytes from the space's begin; it is inside and aligned."""
        try:
            space, at = self._space(group, address, site.space)
            return space, space.checked(at, site.size)
        except PtxError as error:
            raise site.error(error) from None

    def _space(self: Any, group: Group, address: np.ndarray, name: str) -> tuple[Space, np.ndarray]:
        if name == "generic":
            name, address = _of_generic(address)
        if name in ("global", "const"):
            return self.arena, address - np.uint64(self.arena.base)
        if name == "shared":
            used, size, space = self.kernel.shared + self.shape.dynamic, self.shared_bytes, self.shared
            unit = self.block_of[group.index].astype(np.uint64)
        else:
            used, size, space = self.kernel.local, self.local_bytes, self.local
            unit = group.threads.astype(np.uint64)
        if int(address.max()) >= used:
            raise PtxError(f"byte {int(address.max())} is outside of the {used} bytes of {name} memory")
        return space, address + unit * np.uint64(size)

    def _account(self: Any, kind: str, space: Space, group: Group, at: np.ndarray, site: Site) -> None:
        """Count the sectors of global memory that each warp touches, the steps of shared memory's banks."""
        sectors = self.counts.sectors
        if space.name == "local":
            kind, amount = f"local {kind}", group.warps
        elif space.name == "shared":
            kind, amount = f"shared {kind}", bank_steps(group, at, site.size)
        else:
            amount = sectors_of(group, at)
            if kind in self.touched:
                self.touched[kind][at // SECTOR] = True
        sectors[kind] = sectors.get(kind, 0) + amount


def sectors_of(group: Group, at: np.ndarray) -> int:
    """Count different sectors, warp by warp. An access is aligned, so no thread's lies in two."""
    if at.size == 1:
        return group.warps
    return _different((group.warp_of << 40) + at // SECTOR)


def bank_steps(group: Group, at: np.ndarray, size: int) -> int:
    """Count the steps that the 32 banks, of 4 bytes each, take: as many as different words of one bank.

    Accesses of 8 bytes go by half a warp at a time, of 16 by a quarter.
    """
    if at.size == 1:
        return group.warps
    together = group.threads >> {8: 4, 16: 3}.get(size, 5)
    words = range(max(1, size // 4))
    key = np.sort(np.concatenate([(together << 32) + (at // 4 + k) for k in words]))
    key = key[np.concatenate(([True], key[1:] != key[:-1]))]
    step = np.concatenate(([0], np.cumsum(key[1:] >> 32 != key[:-1] >> 32)))
    banks = np.bincount(step * 32 + (key & 31), minlength=32 * (int(step[-1]) + 1))
    return int(banks.reshape(-1, 32).max(1).sum())


def _different(key: np.ndarray) -> int:
    if (key[1:] < key[:-1]).any():
        key = np.sort(key)
    return 1 + int(np.count_nonzero(key[1:] != key[:-1]))


def _of_generic(address: np.ndarray) -> tuple[str, np.ndarray]:
    low, high = int(address.min()), int(address.max())
    if high < SHARED_WINDOW:
        return "global", address
    if low >= LOCAL_WINDOW:
        return "local", address - np.uint64(LOCAL_WINDOW)
    if low >= SHARED_WINDOW and high < LOCAL_WINDOW:
        return "shared", address - np.uint64(SHARED_WINDOW)
    raise PtxError("its threads reach for different spaces at once")


def _switched_on(group: Group, address: np.ndarray, on: Any) -> tuple[Group, np.ndarray, Any]:
    """Keep the threads in which an access is switched on; the mask is None where that is all."""
    if on is None:
        return group, address, None
    on = np.broadcast_to(on, group.n)
    if on.all():
        return group, address, None
    return Group(group.threads[on]), np.broadcast_to(address, group.n)[on], on


def _spread(value: np.ndarray, mask: np.ndarray, n: int) -> np.ndarray:
    out = np.zeros(n, value.dtype)
    out[mask] = value
    return out
