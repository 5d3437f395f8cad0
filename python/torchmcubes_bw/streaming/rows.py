# SPDX-License-Identifier: MIT
"""Arrays of three columns that grow: in memory, as a `.npy` file, as a zarr array."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_HEAD = 128  # bytes of a .npy's header
_CHUNK = 2**18  # rows of a chunk of a zarr array: 3 MB of float32


class Rows(Protocol):
    """Rows of three numbers, to which more are appended."""

    count: int
    dtype: np.dtype[Any]

    def append(self, rows: Array) -> None:
        """Append rows; they are converted to the type."""

    def close(self) -> Any:
        """Return what has been made."""


class MemoryRows:
    """In memory. It grows by being reallocated, for which the system moves pages, not bytes."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.count, self.dtype, self._rows = 0, dtype, np.empty((0, 3), dtype)

    def append(self, rows: Array) -> None:
        needed = self.count + len(rows)
        if needed > len(self._rows):
            self._rows.resize((needed + needed // 4, 3), refcheck=False)
        self._rows[self.count : needed] = rows
        self.count = needed

    def widen(self, dtype: np.dtype[Any]) -> None:
        self.dtype, self._rows = dtype, self._rows[: self.count].astype(dtype)

    def close(self) -> Array:
        self._rows.resize((self.count, 3), refcheck=False)
        return self._rows


class NpyRows:
    """A `.npy` file; its header, of a fixed length, is written last."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self.count, self.dtype, self._path = 0, dtype, path
        self._file = path.open("wb")
        self._file.write(bytes(_HEAD))

    def append(self, rows: Array) -> None:
        self._file.write(np.ascontiguousarray(rows, self.dtype).data)
        self.count += len(rows)

    def widen(self, dtype: np.dtype[Any]) -> None:
        """Write it once more, in another type."""
        self.close()
        narrow = self._path.with_suffix(".narrow")
        self._path.rename(narrow)
        self.__init__(self._path, dtype)  # type: ignore[misc]
        old = np.load(narrow, mmap_mode="r")
        for start in range(0, len(old), _CHUNK):
            self.append(old[start : start + _CHUNK])
        del old
        narrow.unlink()

    def close(self) -> None:
        text = f"{{'descr': '{self.dtype.newbyteorder('<').str}', 'fortran_order': False, "
        text += f"'shape': ({self.count}, 3), }}"
        head = b"\x93NUMPY\x01\x00" + (_HEAD - 10).to_bytes(2, "little")
        self._file.seek(0)
        self._file.write(head + text.ljust(_HEAD - 11).encode("ascii") + b"\n")
        self._file.close()

    def release(self) -> None:
        with suppress(OSError):  # what is still in the buffer, for a disk that is full
            self._file.close()


class ZarrRows:
    """An array of a zarr group; whole chunks are written, each once."""

    def __init__(self, group: Any, name: str, dtype: np.dtype[Any]) -> None:
        self.count, self.dtype, self._group, self._name = 0, dtype, group, name
        self._array = new_zarr_array(group, name, 0, dtype)
        self._waiting: list[Array] = []

    def append(self, rows: Array) -> None:
        self.count += len(rows)
        self._waiting.append(np.asarray(rows, self.dtype))
        if sum(map(len, self._waiting)) >= _CHUNK:
            self._write(self.count - self.count % _CHUNK)

    def _write(self, last: int) -> None:
        first = self._array.shape[0]
        rows = np.concatenate([np.empty((0, 3), self.dtype), *self._waiting])
        self._array.resize((last, 3))
        if last > first:
            self._array[first:last] = rows[: last - first]
        self._waiting = [rows[last - first :].copy()]

    def widen(self, dtype: np.dtype[Any]) -> None:
        """Write it once more, in another type."""
        self.close()
        old = new_zarr_array(self._group, f"{self._name}.narrow", self.count, self.dtype)
        for start in range(0, self.count, _CHUNK):
            old[start : start + _CHUNK] = self._array[start : start + _CHUNK]
        del self._group[self._name]
        self.__init__(self._group, self._name, dtype)  # type: ignore[misc]
        for start in range(0, old.shape[0], _CHUNK):
            self.append(old[start : start + _CHUNK])
        del self._group[f"{self._name}.narrow"]

    def close(self) -> None:
        self._write(self.count)

    def release(self) -> None:
        self._waiting = []


def new_zarr_array(group: Any, name: str, rows: int, dtype: np.dtype[Any]) -> Any:
    """Create an array of three columns, by zarr 3 or, packed as that packs, by zarr 2.

    What zarr 2 would choose, Blosc, packs the same array into other bytes from run to run.
    """
    wanted = {"name": name, "shape": (rows, 3), "chunks": (_CHUNK, 3), "dtype": dtype}
    if hasattr(group, "create_array"):
        return group.create_array(**wanted)
    from numcodecs import Zstd  # noqa: PLC0415 - comes with zarr 2

    return group.create_dataset(**wanted, compressor=Zstd())


def zarr_group(path: Path) -> Any:
    """Create a group."""
    try:
        import zarr  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise ImportError(
            f"writing .zarr needs zarr: pip install 'torchmcubes-bw[zarr]' ({missing})"
        ) from None
    return zarr.open_group(str(path), mode="w")
