# SPDX-License-Identifier: MIT
"""Time this package and every other that is installed, on the same volumes, in one run.

    python -m benchmarks --quick
    python -m benchmarks --out benchmarks/results/cpu.json
    python -m benchmarks --device cuda --out benchmarks/results/gpu_rivals.json
    python -m benchmarks.report benchmarks/results/cpu.json

A rival's mesh is checked before its time counts. The rivals take turns, so that a machine that slows down
slows all of them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from pathlib import Path
from typing import Annotated, Any

import psutil
import torch
import typer
from rich.console import Console
from rich.progress import Progress
from torchmcubes_bw.measure import copy_bandwidth, machine, mesh_bytes, peak_memory, timed

from .check import as_array, compare
from .grid_interp import run_grid_interp
from .rivals import Rival, all_rivals
from .rivals.ours import NAME as OURS
from .volumes import OPEN, SCAN, volume

_SECONDS_A_CASE = 15.0
_SECONDS_A_CALL = 12.0  # whoever would take longer is left out
_LONG = 2.0  # a call of so many seconds does not depend on the caches


def main(
    sizes: Annotated[str, typer.Option(help="Samples a side, separated by commas.")] = "64,128,256,512,1024",
    names: Annotated[str, typer.Option("--fields", help="Fields, by commas.")] = "metaballs,gyroid,mni152",
    against: Annotated[str, typer.Option(help="Only rivals whose name has one of these in it.")] = "",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    dtypes: Annotated[str, typer.Option(help="Of the samples; others than float32 at 256 only.")] = (
        "float32,float16,int16"
    ),
    threads: Annotated[int, typer.Option(help="Threads for whoever takes them.")] = 2,
    quick: Annotated[bool, typer.Option(help="Small sizes, few runs.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where the JSON goes.")] = None,
) -> None:
    """Run the benchmark and print, or write, its results as JSON."""
    torch.set_num_threads(threads)
    if device not in ("cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
        raise typer.BadParameter(
            f"must be cpu, or cuda where torch sees a GPU, got {device}", param_hint="--device"
        )
    rivals, missing = all_rivals(threads, device)
    wanted = [part.strip().lower() for part in against.split(",") if part.strip()]
    rivals = [r for r in rivals if not wanted or r.name == OURS or any(w in r.name.lower() for w in wanted)]
    rivals.sort(key=lambda r: r.name != OURS)
    budget = 2.0 if quick else _SECONDS_A_CASE
    console = Console(stderr=True)
    for name, reason in missing.items():
        console.print(f"skipped {name}: {reason}")
    wanted_sizes = [int(n) for n in ("64,128" if quick else sizes).split(",")]
    cases = _cases(names.split(","), wanted_sizes, dtypes.split(","))
    results: list[dict[str, Any]] = []
    with Progress(console=console, disable=not console.is_terminal) as progress:
        for field, size, dtype in progress.track(cases, description="extracting"):
            too_much = {e["rival"]: why for e in results if (why := _too_much(e, field, size))}
            results += run_case((field, size, dtype), device, rivals, too_much, budget)
    report = {
        "machine": machine()
        | {"device": device, "threads": threads, "copy_gb_s": copy_bandwidth(device) / 1e9},
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


def _cases(names: list[str], sizes: list[int], dtypes: list[str]) -> list[tuple[str, int, str]]:
    """List field, size and dtype; the scan has one size, dtypes but the first are compared at one size."""
    middle = sizes[min(2, len(sizes) - 1)]
    first = [(f, n, dtypes[0]) for f in names for n in (sizes if f != SCAN else sizes[:1])]
    return first + [(f, middle, dtype) for dtype in dtypes[1:] for f in names if f != SCAN]


def _too_much(entry: dict[str, Any], field: str, size: int) -> str | None:
    """Say why a rival that took so much for half the size is not let near this one."""
    if (entry["field"], 2 * entry["size"]) != (field, size):
        return None
    if entry["fault"]:
        return entry["fault"]
    seconds, extra = 8 * statistics.median(entry["seconds"]), 8 * (entry["extra_bytes"] or 0)
    if seconds > _SECONDS_A_CALL:
        return f"left out: would take some {seconds:.0f} s"
    free = psutil.virtual_memory().available - 2 * 4 * size**3
    return f"left out: would take some {extra / 2**30:.0f} GiB" if extra > free else None


def run_case(
    case: tuple[str, int, str], device: str, rivals: list[Rival], too_much: dict[str, str], budget: float
) -> list[dict[str, Any]]:
    """Check every rival's mesh of one volume, then let them take turns until the time is up."""
    field, size, dtype = case
    vol, level = volume(field, size, dtype)
    vol = vol.to(device)
    facts = {"field": field, "size": max(vol.shape), "dtype": dtype, "voxels": vol.numel()}
    reference = rivals[0].ready(vol, level)()  # ours
    facts["bytes"] = vol.nbytes + mesh_bytes(*reference)
    reference = tuple(as_array(part) for part in reference)
    wide = vol.float()  # what libraries take that have no other type
    entries, calls = [], []
    for rival in rivals:
        entry = {"rival": rival.name, **facts, "fault": too_much.get(rival.name), "seconds": []}
        entries.append(entry)
        if entry["fault"]:
            continue
        try:
            given = vol if rival.name == OURS else wide
            calls.append((*_first_call(rival, given, level, reference, entry), entry))
        except Exception as error:  # whatever ails a rival is shown, and the others go on
            entry["fault"] = f"failed: {error}"
    _take_turns([call for call in calls if call[-1]["fault"] is None], budget, device)
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
    peak = None if rival.elsewhere else peak_memory(extract, str(vol.device))
    entry["extra_bytes"] = None if peak is None else max(0, peak - size)
    return extract, seconds


def _take_turns(calls: list[tuple[Any, float, dict[str, Any]]], budget: float, device: str) -> None:
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
            entry["seconds"] += [timed(extract, device) for _ in range(runs)]
        rounds += 1


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], check=False, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    typer.run(main)
