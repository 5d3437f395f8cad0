# SPDX-License-Identifier: MIT
"""The NVIDIA driver's library, asked without torch."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver, as its library answers.

    Attributes:
        cuda: the newest CUDA version it speaks; None where the library is missing or does not tell.
        version: of the driver itself, where Linux tells it.
        library: the file that was opened, where Linux tells it.
        error: why the library could not be opened; None where it could.
        status: what the library answered to cuInit; 0 is well.
    """

    cuda: tuple[int, int] | None = None
    version: str | None = None
    library: str | None = None
    error: str | None = None
    status: int = 0


def read_driver() -> Driver:
    """Open the library as the package itself does, and ask it."""
    fallback = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        library = ctypes.CDLL(os.environ.get("TORCHMCUBES_LIBCUDA") or fallback)
        return ask(library.cuDriverGetVersion, library.cuInit)
    except (OSError, AttributeError) as error:
        return Driver(error=str(error))


def ask(driver_get_version: ctypes._FuncPointer, init: ctypes._FuncPointer) -> Driver:
    """Ask the version first, which needs no GPU; then whether the driver starts."""
    number = ctypes.c_int()
    driver_get_version(ctypes.byref(number))
    cuda = (number.value // 1000, number.value % 1000 // 10) if number.value else None
    return Driver(cuda, _version(), opened_library(), status=init(0))


def _version() -> str | None:
    told = Path("/proc/driver/nvidia/version")
    found = re.search(r"Kernel Module.*?(\d+\.\d[\d.]*)", told.read_text()) if told.exists() else None
    return found[1] if found else None


def opened_library(maps: Path = Path("/proc/self/maps")) -> str | None:
    """Return the file of libcuda that this process has opened; libcudart is another library."""
    lines = maps.read_text().splitlines() if maps.exists() else []
    files = {line.split(None, 5)[5] for line in lines if "/" in line}
    found = sorted(file for file in files if re.match(r"libcuda\.so(\.|$)", Path(file).name))
    return found[0] if found else None
