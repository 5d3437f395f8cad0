# SPDX-License-Identifier: MIT
"""`torchmcubes-bw bench`: this machine's speed, beside the best it could do."""

from __future__ import annotations

import json
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ..measure import Measurement, as_dict, machine, measure
from .errors import CliError, reported

_DTYPES = ("float32", "float64", "float16", "bfloat16", "int16", "uint8")
_HEADINGS = ("field", "size", "device", "ms", "Mvoxel/s", "Mtriangle/s", "limit ms", "x limit", "extra MiB")


def bench(
    sizes: Annotated[list[int] | None, typer.Option("--size", help="Samples a side; repeatable.")] = None,
    names: Annotated[list[str] | None, typer.Option("--field", help="A sample; repeatable.")] = None,
    dtype: Annotated[str, typer.Option(help="Of the samples: " + ", ".join(_DTYPES) + ".")] = "float32",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure extraction on every device of this machine.

    The limit is the time to read the volume once and write the mesh once at the copy bandwidth measured
    in the same run.
    """
    with reported():
        if dtype not in _DTYPES:
            raise CliError(f"--dtype must be one of {', '.join(_DTYPES)}, got {dtype}")
        devices = ["cpu"] + [f"cuda:{k}" for k in range(torch.cuda.device_count())]
        cases = [
            (name, size, device)
            for device in devices
            for name in names or ["metaballs", "gyroid"]
            for size in sizes or [64, 128, 256]
        ]
        console = Console(stderr=True)
        shown = track(cases, "measuring", console=console, transient=True, disable=not console.is_terminal)
        results = [measure(name, size, device, dtype) for name, size, device in shown]
        if as_json:
            typer.echo(json.dumps({"machine": machine(), "results": [as_dict(r) for r in results]}))
        else:
            Console().print(_table(results))


def _table(results: list[Measurement]) -> Table:
    described = machine()
    threads = f"{results[0].threads} threads, {described['simd']}"
    table = Table(title=f"{described['cpu']}, {threads}, torch {described['torch']}")
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading in ("field", "device") else "right")
    for r in results:
        extra = "-" if r.extra_bytes is None else f"{r.extra_bytes / 2**20:.1f}"
        table.add_row(
            r.field,
            str(r.size),
            r.device,
            f"{r.median * 1e3:.2f}",
            f"{r.size**3 / r.median / 1e6:.0f}",
            f"{r.faces / r.median / 1e6:.1f}",
            f"{r.limit * 1e3:.2f}",
            f"{r.median / r.limit:.1f}",
            extra,
        )
    return table
