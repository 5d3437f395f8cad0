# SPDX-License-Identifier: MIT
"""Runs the battery in processes of their own, as many at a time as there are cores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TALLY: dict[str, dict[str, Any]] = {}
"""What ran in this process' tests, by its name: the suite's summary tells it."""


def run_all(commands: list[list[object]]) -> list[dict[str, Any]]:
    """Run Python scripts of this folder; return the lines of JSON that they print."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [line for lines in pool.map(_run, commands) for line in lines]


def _run(command: list[object]) -> list[dict[str, Any]]:
    script, *arguments = map(str, command)
    # One thread each: the processes take the cores.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr[-4000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def summary() -> str | None:
    """Say in a line what of the shipped PTX was executed."""
    if not TALLY:
        return None
    runs = TALLY.values()
    kernels = {name for run in runs for name in run["lines"]}
    launches, threads, instructions = (
        sum(run[what] for run in runs) for what in ("launches", "threads", "instructions")
    )
    mutants = sum(name.startswith("mutant") for name in TALLY)
    return (
        f"shipped PTX: {len(kernels)} kernels launched {launches:,} times, {threads / 1e6:,.1f} million "
        f"threads, {instructions / 1e6:,.0f} million of their instructions; {mutants} mutants"
    )
