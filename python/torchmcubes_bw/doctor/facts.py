# SPDX-License-Identifier: MIT
"""The machine as it is: read here, judged in `findings`."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from .. import __version__, build_info

IMPORT_NAMES = ("torchmcubes", "torchmcubes_module")


@dataclass(frozen=True)
class Gpu:
    """A GPU that torch sees."""

    name: str
    capability: tuple[int, int]
    memory_bytes: int


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver, as its library answers.

    Attributes:
        cuda: the newest CUDA version it speaks; None where there is no driver.
        version: of the driver itself, where Linux tells it.
        library: the file that was opened, where Linux tells it.
        error: why there is none, or what it answered.
    """

    cuda: tuple[int, int] | None = None
    version: str | None = None
    library: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Memory:
    """Bytes; None where the system does not tell."""

    total: int | None = None
    free: int | None = None
    swap: int | None = None


@dataclass(frozen=True)
class Machine:
    """All the facts the findings are made of.

    Attributes:
        torch_backend: ``CUDA 12.8``, ``ROCm 6.4`` or ``CPU only``.
        torch_architectures: what torch's own kernels are for, as ``sm_90``.
        build: what `build_info` says.
        simd_error: why the SIMD level that was asked for cannot be had.
        owners: for each import name of the drop-in, the other distributions that have files there.
        disk_free: bytes, where the program runs.
    """

    system: str
    python: str
    package: str
    torch: str
    torch_backend: str
    torch_architectures: tuple[str, ...]
    build: dict[str, Any]
    simd_error: str | None
    cores: int
    gpus: tuple[Gpu, ...]
    driver: Driver
    owners: dict[str, tuple[str, ...]]
    is_wsl: bool
    memory: Memory
    disk_free: int

    @property
    def devices(self) -> tuple[str, ...]:
        """What a tensor can be on, as torch names it."""
        return ("cpu", *(f"cuda:{index}" for index in range(len(self.gpus))))


def read_machine() -> Machine:
    """Read the facts; nothing is changed, and nothing is read that names a person."""
    build, simd_error = _build()
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        package=__version__,
        torch=torch.__version__,
        torch_backend=_torch_backend(),
        torch_architectures=tuple(torch.cuda.get_arch_list()) if torch.version.cuda else (),
        build=build,
        simd_error=simd_error,
        cores=os.cpu_count() or 1,
        gpus=tuple(_gpus()),
        driver=_driver(),
        owners=other_owners(),
        is_wsl="microsoft" in platform.release().lower(),
        memory=_memory(),
        disk_free=shutil.disk_usage(".").free,
    )


def _build() -> tuple[dict[str, Any], str | None]:
    try:
        return build_info(), None
    except RuntimeError as error:
        wanted = os.environ.pop("TORCHMCUBES_SIMD")
        try:
            return build_info(), str(error)
        finally:
            os.environ["TORCHMCUBES_SIMD"] = wanted


def _torch_backend() -> str:
    if torch.version.hip:
        return f"ROCm {torch.version.hip}"
    return f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"


def _gpus() -> list[Gpu]:
    if torch.version.hip or not torch.cuda.is_available():
        return []
    found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [Gpu(each.name, (each.major, each.minor), each.total_memory) for each in found]


def _driver() -> Driver:
    fallback = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        library = ctypes.CDLL(os.environ.get("TORCHMCUBES_LIBCUDA") or fallback)
        number = ctypes.c_int()
        status = library.cuInit(0) or library.cuDriverGetVersion(ctypes.byref(number))
    except (OSError, AttributeError) as error:
        return Driver(error=str(error))
    if status:
        return Driver(error=f"the driver's library is there, but answers with CUDA error {status}")
    cuda = number.value // 1000, number.value % 1000 // 10
    return Driver(cuda, _driver_version(), _opened("libcuda"))


def _driver_version() -> str | None:
    told = Path("/proc/driver/nvidia/version")
    found = re.search(r"Kernel Module.*?(\d+\.\d[\d.]*)", told.read_text()) if told.exists() else None
    return found[1] if found else None


def _opened(name: str) -> str | None:
    """Return the file of a library that this process has opened, without the user's folder."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    found = sorted({line.split(None, 5)[5] for line in lines if f"/{name}" in line})
    return found[0].replace(str(Path.home()), "~") if found else None


def other_owners() -> dict[str, tuple[str, ...]]:
    """Return, for each import name of the drop-in, the other distributions that installed files there."""
    owners: dict[str, set[str]] = {name: set() for name in IMPORT_NAMES}
    for distribution in metadata.distributions():
        label = f"{distribution.metadata['Name']} {distribution.version}"
        if label.lower().replace("_", "-").startswith("torchmcubes-bw "):
            continue
        for file in distribution.files or []:
            first = file.parts[0].split(".", 1)[0]
            if first in owners and not file.parts[0].endswith((".dist-info", ".egg-info")):
                owners[first].add(label)
    return {name: tuple(sorted(labels)) for name, labels in owners.items()}


def _memory() -> Memory:
    told = Path("/proc/meminfo")
    if not told.exists():
        return Memory(*_memory_by_psutil())
    lines = (line.split() for line in told.read_text().splitlines())
    bytes_of = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if words[-1] == "kB"}
    total, free = bytes_of["MemTotal"], bytes_of["MemAvailable"]
    limit = Path("/sys/fs/cgroup/memory.max")  # a container's
    allowed = limit.read_text().strip() if limit.exists() else "max"
    if allowed.isdigit():
        total, free = min(total, int(allowed)), min(free, int(allowed))
    return Memory(total, free, bytes_of.get("SwapTotal", 0))


def _memory_by_psutil() -> tuple[int | None, int | None, int | None]:
    try:
        import psutil  # noqa: PLC0415 - an extra, and not needed on Linux
    except ImportError:
        return None, None, None
    memory = psutil.virtual_memory()
    return memory.total, memory.available, psutil.swap_memory().total
