# SPDX-License-Identifier: MIT
"""`.npy` and `.npz`, without running a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import CliError
from .choice import Choice
from .scan import Array, Scan


def read(path: Path, choice: Choice) -> Scan:
    """Read one array; what is written there decides, not the ending."""
    with path.open("rb") as file:  # ours to close: NumPy leaves a damaged archive open
        if file.read(2) == b"PK":
            if choice.by_planes:
                raise CliError(f"--max-memory needs an array that is not packed, a .npy, got {path}")
            file.seek(0)
            with np.load(file, allow_pickle=False) as loaded:
                return Scan(_member(loaded, path, choice.take("key")))
    # Copy-on-write: the file is paged in as it is read, and never written.
    mode: Literal["r", "c"] = "r" if choice.by_planes else "c"
    return Scan(np.load(path, mmap_mode=mode, allow_pickle=False))


def _member(loaded: Any, path: Path, key: str | None) -> Array:
    """Return the named array of a .npz file, or its only one."""
    names = list(loaded)
    if not names:
        raise CliError(f"INPUT must hold an array, got none in {path}")
    array = loaded[chosen_key(key, names, path)]
    if not isinstance(array, np.ndarray):  # some other file, zipped
        raise CliError(f"--key must name an array, got {key or names[0]} in {path}")
    return array


def chosen_key(key: str | None, names: list[str], path: Path) -> str:
    """Return the one name, or the one that the user chose."""
    if key is None and len(names) == 1:
        return names[0]
    if key is None or key not in names:
        wanted = f"got {key}" if key else "which one is not said"
        raise CliError(f"--key must be one of {', '.join(names)} in {path}, {wanted}")
    return key
