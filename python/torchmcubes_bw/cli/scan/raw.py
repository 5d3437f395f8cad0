# SPDX-License-Identifier: MIT
"""`.raw`: samples and nothing else; the user says what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import CliError
from .choice import Choice
from .scan import Scan


def read(path: Path, choice: Choice) -> Scan:
    """Map a file of samples in the order z, y, x, the last running fastest."""
    choice.take("shape")
    choice.take("dtype")
    if choice.shape is None or choice.dtype is None:
        raise CliError(f"{path} needs --shape Nz,Ny,Nx and --dtype: the file does not say")
    try:
        dtype = np.dtype(choice.dtype)
    except TypeError:
        raise CliError(f"--dtype must be NumPy's name of a type, got {choice.dtype}") from None
    wanted, held = int(np.prod(choice.shape, dtype=object)) * dtype.itemsize, path.stat().st_size
    if wanted != held:
        shape = ",".join(map(str, choice.shape))
        raise CliError(f"--shape {shape} of {choice.dtype} needs {wanted} bytes, {path} has {held}")
    return Scan(np.memmap(path, dtype, mode="r" if choice.by_planes else "c", shape=choice.shape))
