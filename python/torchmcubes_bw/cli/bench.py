# SPDX-License-Identifier: MIT
"""`torchmcubes-bw bench`: this machine's speed, beside the best it could do."""

from __future__ import annotations

from typing import Annotated

import typer

from .errors import CliError, reported

DTYPES = ("float32", "float64", "float16", "bfloat16", "int16", "uint8")


def bench(
    sizes: Annotated[list[int] | None, typer.Option("--size", help="Samples a side; repeatable.")] = None,
    names: Annotated[list[str] | None, typer.Option("--field", help="A sample; repeatable.")] = None,
    dtype: Annotated[str, typer.Option(help="Of the samples: " + ", ".join(DTYPES) + ".")] = "float32",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure extraction on every device of this machine.

    The limit is the time to read the volume once and write the mesh once at the copy bandwidth measured
    in the same run.
    """
    with reported():
        from .bench_report import report  # noqa: PLC0415 - imports torch

        if dtype not in DTYPES:
            raise CliError(f"--dtype must be one of {', '.join(DTYPES)}, got {dtype}")
        report(names or ["metaballs", "gyroid"], sizes or [64, 128, 256], dtype, as_json)
