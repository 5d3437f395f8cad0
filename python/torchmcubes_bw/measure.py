# SPDX-License-Identifier: MIT
"""How fast this machine extracts, and how fast it could: time, memory and the limit.

The limit is the time to read the volume once and write the mesh once, at the copy bandwidth measured in the
same run. It is a yardstick and no wall: a memory that only reads can be faster than one that copies, and a
nearly empty volume is only read. `read_bandwidth` tells how much faster.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import __version__, build_info, fields, marching_cubes

_COPY_BYTES = 2**28
_READ_BYTES = 2**30  # beyond any cache
_DTYPES = (
    "float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "uint8", "uint16", "uint32",
    "uint64", "int8", "int16", "int32", "int64",
)  # fmt: skip


@dataclass
class Measurement:
    """One extraction, measured.

    Attributes:
        field, size, dtype, device, threads: what was extracted, and by what.
        vertices, faces: of the mesh.
        seconds: call to result, each run.
        device_seconds: on a GPU, of each run by events; empty on the CPU.
        limit: seconds to read the volume and write the mesh once at the copy bandwidth.
        extra_bytes: peak memory beyond volume and mesh; None where it cannot be told.
    """

    field: str
    size: int
    dtype: str
    device: str
    threads: int
    vertices: int
    faces: int
    seconds: list[float]
    device_seconds: list[float]
    limit: float
    extra_bytes: int | None

    @property
    def median(self) -> float:
        """Seconds, call to result."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, as a part of the median."""
        return spread(self.seconds)


def spread(seconds: list[float]) -> float:
    """Return half the distance between the quartiles, as a part of the median; of one run 0."""
    if len(seconds) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(seconds, n=4)
    return (high - low) / 2 / middle


def synchronize(device: str) -> None:
    """Wait for a GPU's work; a CPU's is done when its call returns."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def timed(call: Callable[[], Any], device: str = "cpu") -> float:
    """Return the seconds of one call, its result dropped after the clock has stopped."""
    synchronize(device)
    begin = time.perf_counter()
    result = call()
    synchronize(device)
    seconds = time.perf_counter() - begin
    del result
    return seconds


def device_seconds(call: Callable[[], Any], device: str, runs: int = 1) -> float:
    """Return the seconds on a GPU of one of `runs` calls, queued back to back, by events.

    The events lie on torch's current stream.
    """
    with torch.cuda.device(device):
        event: Any = torch.cuda.Event  # torch gives it no types
        begin, end = event(enable_timing=True), event(enable_timing=True)
        begin.record()
        for _ in range(runs):
            call()
        end.record()
        end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3 / runs


def copy_bandwidth(device: str = "cpu") -> float:
    """Return bytes a second, read and written counted both, of copying 256 MiB to 256 MiB."""
    source = torch.ones(_COPY_BYTES // 4, device=device)
    target = torch.empty_like(source)
    target.copy_(source)

    def copy() -> Any:
        return target.copy_(source)

    if device.startswith("cuda"):  # too short there for the clock of the host
        return 2 * _COPY_BYTES / device_seconds(copy, device, runs=20)
    return 2 * _COPY_BYTES / statistics.median(timed(copy, device) for _ in range(9))


def read_bandwidth(device: str = "cpu") -> float:
    """Return bytes a second of reading alone: the sum of 1 GiB of float32."""
    source = torch.ones(_READ_BYTES // 4, device=device)
    source.sum()
    return _READ_BYTES / statistics.median(timed(source.sum, device) for _ in range(5))


def mesh_bytes(verts: Any, faces: Any) -> int:
    """Return the bytes a mesh's two arrays hold."""
    return int(sum(part.nbytes for part in (verts, faces)))


def peak_memory(call: Callable[[], Any], device: str = "cpu") -> int | None:
    """Return the bytes that a call takes at its peak, its result included."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return torch.cuda.max_memory_allocated(device) - before
    status, clear = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not status.exists():
        return None
    gc.collect()
    _return_free_memory()
    try:
        clear.write_text("5")  # sets the peak back to the present
    except OSError:
        return None
    before = _status_bytes("VmRSS")
    call()
    return _status_bytes("VmHWM") - before


def _return_free_memory() -> None:
    """Give memory that the allocator keeps for later back to the system: reused, it would not show."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _status_bytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}")


def measure(
    field: str,
    size: int,
    device: str = "cpu",
    dtype: str = "float32",
    runs: int = 9,
    bandwidth: float | None = None,
) -> Measurement:
    """Measure one extraction of a built-in field on a device, its samples converted to `dtype`.

    Integer samples are the field's, scaled by 50 around 100 and rounded. `bandwidth`, bytes a second, is that
    of the limit: `copy_bandwidth` where it is not given.

    Raises:
        TypeError, ValueError: An argument is not as described.
    """
    kind = _sample_type(dtype)
    if isinstance(runs, bool) or not isinstance(runs, int):
        raise TypeError(f"runs must be an integer, got {type(runs).__name__}")
    if runs < 1:
        raise ValueError(f"runs must be at least 1, got {runs}")
    if bandwidth is not None and not bandwidth > 0:
        raise ValueError(f"bandwidth must be above 0 or None, got {bandwidth}")
    vol: Tensor = fields.sample(field, size)
    level = fields.FIELDS[field].level
    if not kind.is_floating_point:
        most = min(255, torch.iinfo(kind).max)
        vol, level = ((vol - level) * 50 + 100).round().clamp(0, most), 99.5
    vol = vol.to(kind).to(device)
    verts, faces = marching_cubes(vol, level)
    mesh = mesh_bytes(verts, faces)
    counts = len(verts), len(faces)
    del verts, faces

    def call() -> Any:
        return marching_cubes(vol, level)

    peak = peak_memory(call, device)
    seconds = [timed(call, device) for _ in range(runs)]
    on_device = [device_seconds(call, device) for _ in range(runs)] if device.startswith("cuda") else []
    limit = (vol.nbytes + mesh) / (copy_bandwidth(device) if bandwidth is None else bandwidth)
    extra = None if peak is None else max(0, peak - mesh)
    threads = torch.get_num_threads()
    return Measurement(field, size, dtype, device, threads, *counts, seconds, on_device, limit, extra)


def _sample_type(name: str) -> torch.dtype:
    known = [each for each in _DTYPES if hasattr(torch, each)]
    if name not in known:
        raise ValueError(f"dtype must be one of {', '.join(known)}, got {name}")
    kind: torch.dtype = getattr(torch, name)
    return kind


def as_dict(measurement: Measurement) -> dict[str, Any]:
    """Return a measurement as plain values, its median and spread added."""
    return {**asdict(measurement), "median": measurement.median, "spread": measurement.spread}


def machine() -> dict[str, Any]:
    """Describe what a measurement was taken on."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(_memory_bytes() / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "torchmcubes_bw": __version__,
        "simd": build_info()["simd"],
        "gpus": [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())],
    }


def commit(folder: Path) -> str:
    """Return what git calls the commit a folder stands at, ``unknown`` where that cannot be told."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    except OSError:  # no git, or no such folder
        return "unknown"
    return done.stdout.strip() or "unknown"


def installed_commit() -> str:
    """Return the commit that pip installed this package from, ``unknown`` for a wheel or a folder."""
    try:
        noted = metadata.distribution("torchmcubes-bw").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return "unknown"
    return str(json.loads(noted or "{}").get("vcs_info", {}).get("commit_id", "unknown"))


def _memory_bytes() -> int:
    if not hasattr(os, "sysconf"):
        return 0
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    names = info.read_text().splitlines() if info.exists() else []
    found = [line.split(":", 1)[1].strip() for line in names if line.startswith("model name")]
    return found[0] if found else platform.processor()
