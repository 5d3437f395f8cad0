# SPDX-License-Identifier: MIT
"""The GPU's memory, of which every byte is known to be free, allocated or written."""

from __future__ import annotations

from typing import Any

import numpy as np
from ptx.program import PtxError

FREE, ALLOCATED, WRITTEN = 0, 1, 2
_LINE = 64  # bytes to which a space is aligned
_STATES = {1: "u1", 2: "u2", 4: "u4", 8: "u8"}
_WRITTEN = {n: np.frombuffer(bytes([WRITTEN]) * n, d)[0] for n, d in _STATES.items()}
_ALLOCATED = {n: np.frombuffer(bytes([ALLOCATED]) * n, d)[0] for n, d in _STATES.items()}


class Space:
    """Bytes that threads load and store: the arena, or all blocks' shared or all threads' local memory."""

    def __init__(self, size: int, name: str) -> None:
        self.name, self.size = name, size
        room = -(-max(size, 1) // _LINE) * _LINE
        bytes_ = np.zeros(room + _LINE, np.uint8)
        skip = -bytes_.ctypes.data % _LINE
        self.bytes = bytes_[skip : skip + room]
        self.state = np.zeros(room, np.uint8)
        kinds = (f"{kind}{n}" for kind in "uif" for n in (1, 2, 4, 8) if (kind, n) != ("f", 1))
        self._views = {d: self.bytes.view(d) for d in kinds}
        self._states = {n: self.state.view(d) for n, d in _STATES.items()}

    def view(self, dtype: str) -> np.ndarray:
        return self._views[dtype]

    def checked(self, at: np.ndarray, size: int) -> np.ndarray:
        """Return byte offsets as signed numbers; `size` bytes at each are inside and aligned."""
        if int(at.max()) > self.size - size:
            bad = int(at.max())
            bad -= (1 << 64) if bad >> 63 else 0
            raise PtxError(f"byte {bad} is outside of the {self.size} bytes of {self.name} memory")
        if int(np.bitwise_or.reduce(at)) & (size - 1):
            raise PtxError(f"an address is not a multiple of {size}")
        return at.view(np.int64)

    def check_loaded(self, index: np.ndarray, site: Any, strict: bool) -> None:
        """Every byte must be allocated, and where it is strict written; `index` counts items."""
        item = site.item
        good = self._states[item][index] == _WRITTEN[item]
        if not (good.all() or strict):
            good = (self.state.reshape(-1, item)[index] != FREE).all(-1)
        if not good.all():
            raise site.error(f"reads {self._fault(index[~good], item, 'that nothing was written to')}")

    def mark_stored(self, index: np.ndarray, site: Any) -> None:
        """Every byte must be allocated, and counts as written from now on."""
        item = site.item
        state = self._states[item][index]
        if not ((state == _WRITTEN[item]) | (state == _ALLOCATED[item])).all():
            free = (self.state.reshape(-1, item)[index] == FREE).any(-1)
            if free.any():
                raise site.error(f"writes {self._fault(index[free], item, '')}")
        self._states[item][index] = _WRITTEN[item]

    def _fault(self, index: np.ndarray, item: int, otherwise: str) -> str:
        at = int(index[0]) * item
        free = (self.state[at : at + item] == FREE).any()
        return f"{item} bytes at {at} of {self.name} memory {'that are not allocated' if free else otherwise}"


class Arena(Space):
    """The device's memory. Addresses are those of the host's memory that stands for it."""

    GAP = 256  # free bytes between two allocations, at least

    def __init__(self, size: int) -> None:
        super().__init__(size, "global")
        self.allocations: list[tuple[str, int, int]] = []  # what for, from, to
        self.random = np.random.default_rng(0)
        self.base = self.bytes.ctypes.data
        self.pinned, self.top = self.GAP, 1 << 16  # the host's pinned memory lies below what is allocated

    def allocate_pinned(self, size: int) -> int:
        """Return the offset of memory of the host's that kernels reach too; it is never freed."""
        at, self.pinned = self.pinned, -(-(self.pinned + size) // self.GAP) * self.GAP + self.GAP
        if self.pinned > 1 << 16:
            raise MemoryError(f"the arena has no room for {size} more bytes of pinned memory")
        self.state[at : at + size] = WRITTEN
        self.bytes[at : at + size] = 0
        return at

    def allocate(self, size: int, what: str = "", shift: int = 0) -> int:
        """Return the offset of fresh bytes, with anything in them, `shift` bytes after a multiple of 256."""
        at = -(-(self.base + self.top + self.GAP) // 256) * 256 - self.base + shift
        if at + size + self.GAP > self.size:
            raise MemoryError(f"the arena of {self.size} bytes has no room for {size} more")
        self.state[at : at + size] = ALLOCATED
        self.bytes[at : at + size] = np.frombuffer(self.random.bytes(size), np.uint8)
        self.allocations.append((what, at, at + size))
        self.top = at + size
        return at

    def free_from(self, bottom: int) -> None:
        """Free all that was allocated after the arena's top was at `bottom`."""
        self.state[bottom : self.top] = FREE
        self.allocations = [known for known in self.allocations if known[1] < bottom]
        self.top = bottom
