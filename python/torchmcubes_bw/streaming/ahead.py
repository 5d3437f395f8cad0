# SPDX-License-Identifier: MIT
"""Planes read ahead: while a slab is worked on, a thread reads the next."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .slab import Asked, Planes, planes_of
from .sources import Source

Array = NDArray[Any]


class Slab(NamedTuple):
    """Planes of the grid, and what they look at."""

    begin: int
    end: int
    planes: Planes
    mask: Planes | None


class CannotRead(RuntimeError):
    """Planes that a source could not give."""


def slabs(asked: Asked, sources: tuple[Source, Source | None], height: int) -> Iterator[Slab]:
    """Yield the grid in slabs, each valid until the next is asked for; `height` planes are read at a time."""
    vol, mask = sources
    held, selected = vol.held(), None if mask is None else mask.held()
    if held is not None and (mask is None or selected is not None):
        for begin, end, _, _ in cuts(asked, height):
            yield Slab(begin, end, held, selected)
        return
    yield from _read_ahead(asked, sources, height)


def cuts(asked: Asked, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield each slab's first and last plane of the grid, and the planes of the volume to read for it."""
    begin = first = 0
    while first < asked.shape[0]:
        last = min(first + height, asked.shape[0])
        end = max(asked.owned(last), begin)
        yield begin, end, first, last
        begin, first = end, last


def _read_ahead(asked: Asked, sources: tuple[Source, Source | None], height: int) -> Iterator[Slab]:
    free: queue.Queue[_Buffers | None] = queue.Queue()
    full: queue.Queue[Slab | Exception | None] = queue.Queue()
    for _ in range(2):
        free.put(_Buffers(asked, sources, height))
    reader = threading.Thread(target=_read, args=(asked, height, free, full), name="torchmcubes-bw-reader")
    reader.start()
    try:
        while (slab := full.get()) is not None:
            if isinstance(slab, Exception):
                raise slab
            yield slab
            free.put(slab.planes.owner)
    finally:
        with suppress(queue.Empty):
            while True:
                free.get_nowait()
        free.put(None)  # the reader ends with the planes that it is reading
        reader.join()


class _Buffers:
    """Memory for the planes of one slab: of the volume, and of the mask where there is one."""

    def __init__(self, asked: Asked, sources: tuple[Source, Source | None], height: int) -> None:
        planes = min(height + 1 + 3 * asked.more, asked.shape[0])
        self.sources = [each for each in sources if each is not None]
        sides = (planes, *asked.shape[1:])
        self.arrays: list[Array] = [
            np.empty(sides if each.held() is None else (0, 0, 0), _numpy_dtype(each)) for each in self.sources
        ]
        self.first = self.last = 0

    def fill(self, keep: int, first: int, last: int, before: _Buffers | None) -> None:
        """Take the planes from `keep` on from the slab before, and read the others."""
        self.first, self.last = keep, last
        for k, source in enumerate(self.sources):
            if source.held() is not None:
                continue
            into = self.arrays[k]
            if before is not None and keep < first:
                into[: first - keep] = before.arrays[k][keep - before.first : first - before.first]
            source.read(first, last, into[first - keep : last - keep])

    def planes(self) -> tuple[Planes, Planes | None]:
        """Return what was filled."""
        found = []
        for array, source in zip(self.arrays, self.sources, strict=True):
            held = source.held()
            planes = planes_of(array[: self.last - self.first], self.first) if held is None else held
            found.append(planes._replace(owner=self))
        return found[0], found[1] if len(found) > 1 else None


def _numpy_dtype(source: Source) -> Any:
    return source.dtype if source.held() is None else np.uint8


def _read(asked: Asked, height: int, free: Any, full: Any) -> None:
    """Run in a thread of its own: fill the memory that is free until all is read."""
    before: _Buffers | None = None
    for begin, end, first, last in cuts(asked, height):
        buffers = free.get()
        if buffers is None:
            return
        keep = min(asked.seen(begin, end)[0], first)
        try:
            buffers.fill(keep, first, last, before)
        except BaseException as error:  # whatever a store raises
            reason = " ".join(str(error).split()) or type(error).__name__
            failure = CannotRead(f"planes {first} to {last - 1} of vol cannot be read: {reason}")
            failure.__cause__ = error
            full.put(failure)
            return
        before = buffers
        full.put(Slab(begin, end, *buffers.planes()))
    full.put(None)
