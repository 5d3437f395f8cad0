# SPDX-License-Identifier: MIT
"""The machine as it is: read here, judged in `findings`."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from typing import Any

import torch

from .. import __version__, build_info
from ..backends.kernel_files import missing_files
from .driver import Driver, read_driver
from .memory import Memory, read_memory
from .names import answers, other_owners


@dataclass(frozen=True)
class Gpu:
    """A GPU that torch sees."""

    name: str
    capability: tuple[int, int]
    memory_bytes: int


@dataclass(frozen=True)
class Machine:
    """All the facts the findings are made of.

    Attributes:
        torch_backend: ``CUDA 12.8``, ``ROCm 6.4`` or ``CPU only``.
        torch_architectures: what torch's own kernels are for, as ``sm_90``.
        build: what `build_info` says.
        simd_error: why the SIMD level that was asked for cannot be had.
        gpus_masked: whether CUDA_VISIBLE_DEVICES is set.
        missing_kernels: files of kernels that should be aboard, and are not.
        owners: for each import name of the drop-in, the other distributions that have files there.
        answers: for each of these names, what was wrong when it was imported from outside; mostly nothing.
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
    gpus_masked: bool
    missing_kernels: tuple[str, ...]
    owners: dict[str, tuple[str, ...]]
    answers: dict[str, str]
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
        driver=read_driver(),
        gpus_masked="CUDA_VISIBLE_DEVICES" in os.environ,
        missing_kernels=missing_files(),
        owners=other_owners(),
        answers=answers(),
        is_wsl="microsoft" in platform.release().lower(),
        memory=read_memory(),
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
