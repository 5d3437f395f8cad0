# SPDX-License-Identifier: MIT
"""What `torchmcubes-bw bench` measures and shows."""

from __future__ import annotations

import json
import statistics
from typing import Any

import torch
import typer
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ..fields import FIELDS
from ..measure import (
    Measurement,
    as_dict,
    copy_bandwidth,
    installed_commit,
    machine,
    measure,
    read_bandwidth,
)
from .errors import FAILED, CliError

_SMALLEST = 2  # samples a side

# Two lines each where a longer one would not leave room for all of them in 80 columns.
_HEADINGS = (
    "field", "size", "ms", "spread", "device\nms", "Mvoxel\n/s", "Mtri\n/s", "limit\nms", "times\nlimit",
    "extra\nMiB",
)  # fmt: skip


def report(fields: list[str], lengths: list[int], dtype: str, as_json: bool) -> None:
    """Measure every field at every size on every device, and print it."""
    _check(fields, lengths)
    devices = ["cpu"] + [f"cuda:{k}" for k in range(torch.cuda.device_count())]
    bandwidths = {device: _bandwidths(device) for device in devices}
    cases = [(name, size, device) for device in devices for name in fields for size in lengths]
    console = Console(stderr=True)
    shown = track(cases, "measuring", console=console, transient=True, disable=not console.is_terminal)
    results = [
        _measured(name, size, device, dtype, bandwidths[device]["copy"]) for name, size, device in shown
    ]
    if as_json:
        about = {"machine": machine(), "commit": installed_commit(), "bandwidths": bandwidths}
        typer.echo(json.dumps(about | {"results": [as_dict(r) for r in results]}))
        return
    for device in devices:
        Console().print(_table([r for r in results if r.device == device], bandwidths[device]))


def _check(names: list[str], sizes: list[int]) -> None:
    """Say what is wrong before anything is measured."""
    for name in names:
        if name not in FIELDS:
            raise CliError(f"--field must be one of {', '.join(FIELDS)}, got {name}")
    for size in sizes:
        if size < _SMALLEST:
            raise CliError(f"--size must be at least {_SMALLEST}, got {size}")


def _measured(name: str, size: int, device: str, dtype: str, bandwidth: float) -> Measurement:
    """Measure one case; that memory does not hold it is told by its size."""
    try:
        return measure(name, size, device, dtype, bandwidth=bandwidth)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "allocate" in str(error):
            raise CliError(f"--size must be one that memory holds, got {size}", FAILED) from None
        raise


def _bandwidths(device: str) -> dict[str, float]:
    """Return bytes a second."""
    return {"copy": copy_bandwidth(device), "read": read_bandwidth(device)}


def _table(results: list[Measurement], bandwidth: dict[str, float]) -> Table:
    """Return a device's table; its title says what the device is."""
    first, described = results[0], machine()
    where = f"{described['cpu']}, {first.threads} threads, {described['simd']}"
    if first.device.startswith("cuda"):
        where = f"{first.device}, {described['gpus'][torch.device(first.device).index]}"
    copied, read = (f"{bandwidth[way] / 1e9:.1f} GB/s" for way in ("copy", "read"))
    title = f"{where}\n{first.dtype}; copies {copied}, reads {read}; torch {described['torch']}"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == "field" else "right", no_wrap=True)
    for r in results:
        table.add_row(*_row(r))
    return table


def _row(r: Measurement) -> list[Any]:
    device = f"{statistics.median(r.device_seconds) * 1e3:.2f}" if r.device_seconds else "-"
    return [
        r.field,
        str(r.size),
        f"{r.median * 1e3:.2f}",
        f"{100 * r.spread:.0f} %",
        device,
        f"{r.size**3 / r.median / 1e6:.0f}",
        f"{r.faces / r.median / 1e6:.1f}",
        f"{r.limit * 1e3:.2f}",
        f"{r.median / r.limit:.1f}",
        "-" if r.extra_bytes is None else f"{r.extra_bytes / 2**20:.1f}",
    ]
