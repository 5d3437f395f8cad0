# SPDX-License-Identifier: MIT
"""`torchmcubes-bw doctor --watch`: the machine's load, live. Its libraries are the extra ``[monitor]``."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from .errors import FAILED, CliError

_GIB = 2**30


@dataclass(frozen=True)
class Load:
    """A gauge: what it measures, now and of what (percent, GiB or degrees Celsius)."""

    name: str
    value: float
    limit: float
    unit: str

    def __str__(self) -> str:
        limit = f" of {self.limit:.1f}" if self.unit == "GiB" else ""
        digits = 1 if self.unit == "GiB" else 0
        return f"{self.value:.{digits}f}{limit} {self.unit}"


def watch(every: float, looks: int | None = None) -> None:
    """Show the loads until Ctrl-C, or for so many looks; end with the peaks."""
    missing = [module for module in ("psutil", "pynvml") if not importlib.util.find_spec(module)]
    if missing:
        needed = " and ".join({"pynvml": "nvidia-ml-py"}.get(module, module) for module in missing)
        raise CliError(f"--watch needs {needed}: pip install 'torchmcubes-bw[monitor]'", FAILED)
    peaks: dict[str, Load] = {}
    list(_machine_loads())  # the CPU's load is counted from the last look
    console = Console()
    with _gpus() as gpus, suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while looks is None or looks > 0:
            time.sleep(every)
            loads = [*_machine_loads(), *_gpu_loads(gpus)]
            for load in loads:
                peaks[load.name] = max(peaks.get(load.name, load), load, key=lambda each: each.value)
            live.update(_table(loads, peaks), refresh=True)
            looks = None if looks is None else looks - 1


def _machine_loads() -> Iterator[Load]:
    import psutil  # noqa: PLC0415 - an extra

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    yield Load("CPU", psutil.cpu_percent(), 100, "%")
    yield Load("memory", (memory.total - memory.available) / _GIB, memory.total / _GIB, "GiB")
    yield Load("swap", swap.used / _GIB, swap.total / _GIB, "GiB")


@contextmanager
def _gpus() -> Iterator[list[Any]]:
    """Open NVML and give a handle a GPU; none where there is no driver."""
    import pynvml  # noqa: PLC0415 - an extra

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield []
        return
    try:
        yield [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()


def _gpu_loads(gpus: list[Any]) -> Iterator[Load]:
    import pynvml  # noqa: PLC0415 - an extra

    for index, gpu in enumerate(gpus):
        with suppress(pynvml.NVMLError):  # WSL2 tells less than Linux does
            yield Load(f"GPU {index}", pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu, 100, "%")
        with suppress(pynvml.NVMLError):
            memory = pynvml.nvmlDeviceGetMemoryInfo(gpu)
            yield Load(f"GPU {index} memory", memory.used / _GIB, memory.total / _GIB, "GiB")
        with suppress(pynvml.NVMLError):
            degrees = pynvml.nvmlDeviceGetTemperature(gpu, pynvml.NVML_TEMPERATURE_GPU)
            yield Load(f"GPU {index} temperature", degrees, 100, "°C")


def _table(loads: list[Load], peaks: dict[str, Load]) -> Table:
    table = Table("", "now", "", "highest", box=None)
    for load in loads:
        filled = round(20 * load.value / load.limit) if load.limit else 0
        table.add_row(load.name, str(load), "█" * filled + "░" * (20 - filled), str(peaks[load.name]))
    return table
