# SPDX-License-Identifier: MIT
"""The GPU's memory: one arena, of which every byte is known to be free, allocated or written."""

from __future__ import annotations

import numpy as np
from program import PtxError

FREE, ALLOCATED, WRITTEN = 0, 1, 2
_STATES = {4: "u4", 8: "u8", 2: "u2", 1: "u1"}


class Space:
    """Bytes that threads load and store: the arena, or all blocks' shared or all threads' local memory."""

    def __init__(self, size: int, name: str) -> None:
        self.name = name
        # Of whole words, in memory that the system gives aligned.
        self.bytes = np.zeros(-(-max(size, 64) // 64) * 64 + 64, np.uint8)
        skip = -self.bytes.ctypes.data % 64
        self.bytes = self.bytes[skip : skip + -(-max(size, 64) // 64) * 64]
        self.size = size
        self.state = np.zeros(len(self.bytes), np.uint8)
        self._views = {d: self.bytes.view(d) for d in ("u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4")}
        self._views |= {d: self.bytes.view(d) for d in ("u8", "i8", "f8")}
        self._states = {n: self.state.view(d) for n, d in _STATES.items()}
        self._written = {n: np.frombuffer(bytes([WRITTEN]) * n, d)[0] for n, d in _STATES.items()}
        self._allocated = {n: np.frombuffer(bytes([ALLOCATED]) * n, d)[0] for n, d in _STATES.items()}

    def view(self, dtype: str) -> np.ndarray:
        return self._views[dtype]

    def check(self, at: np.ndarray, item: int, total: int, what: str) -> np.ndarray:
        """Return the byte offsets as indices; all have to be inside and aligned."""
        if not at.size:
            return at.view(np.int64)
        if int(at.max()) > self.size - total:
            bad = int(at.max())
            place = f"byte {bad}" if bad < 1 << 62 else f"byte {bad - (1 << 64)}"
            raise PtxError(f"{what}: {place} is outside of the {self.size} bytes of {self.name} memory")
        if int(np.bitwise_or.reduce(at)) & (total - 1):
            raise PtxError(f"{what}: an address is not a multiple of {total}")
        return at.view(np.int64)

    def check_loaded(self, index: np.ndarray, item: int, what: str) -> None:
        """Every byte must have been written; `index` counts items."""
        state = self._states[item][index]
        if (state == self._written[item]).all():
            return
        bad = int(index[state != self._written[item]][0]) * item
        one = self.state[bad : bad + item]
        kind = "that is not allocated" if (one == FREE).any() else "that nothing was written to"
        raise PtxError(f"{what}: reads {self.name} memory {kind}, {item} bytes at {bad}")

    def mark_stored(self, index: np.ndarray, item: int, what: str) -> None:
        state = self._states[item][index]
        known = (state == self._written[item]) | (state == self._allocated[item])
        if not known.all():
            one = self.state.reshape(-1, item)[index]
            if (one == FREE).any():
                bad = int(index[(one == FREE).any(-1)][0]) * item
                raise PtxError(f"{what}: writes {self.name} memory that is not allocated, {item} bytes at {bad}")
        self._states[item][index] = self._written[item]


class Arena(Space):
    """The memory of the device. Addresses are those of the host's own memory that stands for it."""

    GAP = 256  # free bytes between two allocations

    def __init__(self, size: int) -> None:
        super().__init__(size, "global")
        self.base = self.bytes.ctypes.data
        self.top = 0

    def reset(self) -> None:
        self.state[: self.top] = FREE
        self.top = 0

    def allocate(self, size: int, align: int = 256, shift: int = 0) -> int:
        """Return the offset of fresh bytes, `shift` bytes after a multiple of `align`."""
        at = -(-(self.base + self.top + self.GAP) // align) * align - self.base + shift
        if at + size + self.GAP > self.size:
            raise MemoryError(f"the arena of {self.size} bytes is full: {size} more were asked for")
        self.state[at : at + size] = ALLOCATED
        self.bytes[at : at + size] = 0xA5
        self.top = at + size
        return at
