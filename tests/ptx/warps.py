# SPDX-License-Identifier: MIT
"""What threads know of themselves, and what those of a warp or block do together."""

from __future__ import annotations

from typing import Any

import numpy as np
from ptx.program import PtxError
from ptx.threads import LANES, Group, Shape, words


class Together:
    """The part of a launch that the blocks' functions call; `Launch` has the state."""

    shape: Shape
    total: int

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

    def active_mask(self, group: Group) -> np.ndarray:
        here = np.zeros(self.total, bool)
        here[group.threads] = True
        return words(here)[group.warp_of]

    def shuffle(
        self,
        group: Group,
        mode: str,
        value: np.ndarray,
        operands: tuple[np.ndarray, np.ndarray, np.ndarray],
        whole: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what another lane has, and whether it is in range; `operands`: which, limits, mask."""
        lane = (group.threads & 31).astype(np.int64)
        by, clamp, mask = (v.astype(np.int64) for v in operands)
        by, segment, limit = by & 31, clamp >> 8 & 31, clamp & 31
        highest, lowest = (lane & segment) | (limit & ~segment & 31), lane & segment
        source = {
            "up": lane - by,
            "down": lane + by,
            "bfly": lane ^ by,
            "idx": lowest | (by & ~segment & 31),
        }[mode]
        inside = source >= highest if mode == "up" else source <= highest
        source = np.where(inside, source, lane)
        value = np.broadcast_to(value, group.n)
        if whole:
            return value[(np.arange(group.n) & ~31) + source], inside
        where = np.full(self.total, -1, np.int64)
        where[group.threads] = np.arange(group.n)
        found = where[(group.threads & ~31) + source]
        named = mask >> source & 1
        if (found < 0).any() or not named.all():
            raise PtxError("a shuffle reads a lane that does not take part")
        return value[found], inside

    def vote(self, group: Group, mode: str, value: np.ndarray, mask: np.ndarray, whole: bool) -> np.ndarray:
        value = np.broadcast_to(value, group.n)
        if whole:
            ballot = np.repeat(words(value), LANES)
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
        return words(bits)[group.warp_of]

    def match(
        self, group: Group, mode: str, value: np.ndarray, mask: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
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
