# SPDX-License-Identifier: MIT
"""Time this package and every other that is installed, on the same volumes, in one run.

    python -m benchmarks --quick
    python -m benchmarks --sizes 64,128,256,512 --out benchmarks/results/cpu.json
    python -m benchmarks.report benchmarks/results/cpu.json

A rival's mesh is checked before its time counts. The rivals take turns, so that a machine that slows down
slows all of them.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import Progress
from torchmcubes_bw.measure import copy_bandwidth, machine, mesh_bytes, peak_memory, timed

from .check import compare
from .grid_interp import run_grid_interp
from .rivals import Rival, all_rivals
from .rivals.ours import NAME as OURS
from .volumes import OPEN, SCAN, volume

_SECONDS_A_CASE = 15.0
_LONG = 2.0  # a call of so many seconds does not depend on the caches


def main(
    sizes: Annotated[str, typer.Option(help="Samples a side, separated by commas.")] = "64,128,256,512",
    names: Annotated[str, typer.Option("--fields", help="Fields, by commas.")] = "metaballs,gyroid,mni152",
    against: Annotated[str, typer.Option(help="Only rivals whose name has one of these in it.")] = "",
    threads: Annotated[int, typer.Option(help="Threads for whoever takes them.")] = 2,
    quick: Annotated[bool, typer.Option(help="Small sizes, few runs.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where the JSON goes.")] = None,
) -> None:
    """Run the benchmark and print, or write, its results as JSON."""
    torch.set_num_threads(threads)
    rivals, missing = all_rivals(threads)
    wanted = [part.strip().lower() for part in against.split(",") if part.strip()]
    rivals = [r for r in rivals if not wanted or r.name == OURS or any(w in r.name.lower() for w in wanted)]
    rivals.sort(key=lambda r: r.name != OURS)
    budget = 2.0 if quick else _SECONDS_A_CASE
    console = Console(stderr=True)
    for name, reason in missing.items():
        console.print(f"skipped {name}: {reason}")
    wanted_sizes = [int(n) for n in ("64,128" if quick else sizes).split(",")]
    cases = [(f, n) for f in names.split(",") for n in (wanted_sizes if f != SCAN else wanted_sizes[:1])]
    results: list[dict[str, Any]] = []
    with Progress(console=console, disable=not console.is_terminal) as progress:
        for field, size in progress.track(cases, description="extracting"):
            results += run_case(field, size, rivals, budget)
    report = {
        "machine": machine() | {"threads": threads, "copy_gb_s": copy_bandwidth() / 1e9},
        "commit": _commit(),
        "versions": {k: v for r in rivals for k, v in r.versions.items()},
        "skipped": missing,
        "results": results,
        "grid_interp": run_grid_interp(64 if quick else 256, 2**16 if quick else 2_000_000),
    }
    text = json.dumps(report, indent=1)
    if out:
        out.write_text(text + "\n")
    else:
        print(text)


def run_case(field: str, size: int, rivals: list[Rival], budget: float) -> list[dict[str, Any]]:
    """Check every rival's mesh of one volume, then let them take turns until the time is up."""
    vol, level = volume(field, size)
    case = {"field": field, "size": max(vol.shape), "voxels": vol.numel()}
    reference = rivals[0].ready(vol, level)()  # ours
    case["bytes"] = vol.nbytes + mesh_bytes(*reference)
    reference = tuple(part.numpy() for part in reference)
    entries, calls = [], []
    for rival in rivals:
        entry = {"rival": rival.name, **case, "fault": None, "seconds": []}
        entries.append(entry)
        try:
            calls.append((*_first_call(rival, vol, level, reference, entry), entry))
        except Exception as error:  # whatever ails a rival is shown, and the others go on
            entry["fault"] = f"failed: {error}"
    _take_turns([call for call in calls if call[-1]["fault"] is None], budget)
    return entries


def _first_call(
    rival: Rival, vol: torch.Tensor, level: float, reference: Any, entry: dict[str, Any]
) -> tuple[Any, float]:
    """Check a rival's mesh and its memory; return its call and about how long that takes."""
    extract = rival.ready(vol, level)
    begin = time.perf_counter()
    mesh = extract()
    seconds = time.perf_counter() - begin
    entry |= {"vertices": len(mesh[0]), "faces": len(mesh[1])}
    entry["fault"] = compare(mesh, reference, rival.same_counts, closed=entry["field"] not in OPEN)
    size = mesh_bytes(*mesh)
    del mesh
    peak = peak_memory(extract)
    entry["extra_bytes"] = None if peak is None else max(0, peak - size)
    return extract, seconds


def _take_turns(calls: list[tuple[Any, float, dict[str, Any]]], budget: float) -> None:
    """Time all in rounds, three at least; whoever is slow sits out the others."""
    begin = time.perf_counter()
    rounds = 0
    while rounds < 3 or (time.perf_counter() - begin < budget and rounds < 5):
        for extract, first, entry in calls:
            if rounds >= 3 and first > budget / 50:
                continue
            if first < _LONG:
                extract()  # what the one before left in the caches is not this one's to pay for
            runs = min(max(int(0.3 / first), 1), 5)
            entry["seconds"] += [timed(extract) for _ in range(runs)]
        rounds += 1


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], check=False, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    typer.run(main)
