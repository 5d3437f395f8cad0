# SPDX-License-Identifier: MIT
"""Measure the GPU backend: device time, call-to-result time, and the memory's own limit.

    python -m benchmarks.gpu --out benchmarks/results/gpu.json

Other libraries on the GPU: python -m benchmarks --device cuda.

The limit is the time to read the volume once and write the mesh once at the copy bandwidth measured in the same
run. Device time is taken by events on the stream, around calls queued back to back; the wait for the mesh's size
is part of it.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Annotated, Any

import torch
import torchmcubes_bw
import typer
from rich.console import Console
from rich.table import Table
from torchmcubes_bw import _core, fields, marching_cubes
from torchmcubes_bw.measure import copy_bandwidth, machine, mesh_bytes, timed

CASES = [(f, n) for f in ("metaballs", "gyroid") for n in (64, 128, 256, 512, 1024)] + [("noise", 256)]


def device_seconds(call: Any, runs: int) -> float:
    """Return the seconds on the device of one of `runs` calls, by events."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(runs):
        call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3 / runs


def run_case(field: str, size: int) -> dict[str, Any]:
    """Check one mesh against the CPU's, then measure."""
    vol = fields.sample(field, size)
    level = fields.FIELDS[field].level
    on_gpu = vol.cuda()
    verts, faces = marching_cubes(on_gpu, level)
    for got, want in zip((verts, faces), marching_cubes(vol, level), strict=True):
        if not torch.equal(got.cpu(), want):
            raise RuntimeError(f"{field} {size}: the GPU's mesh is not the CPU's")
    moved = vol.nbytes + mesh_bytes(verts, faces)
    counts = {"vertices": len(verts), "faces": len(faces)}
    del verts, faces, vol
    runs = 50 if size <= 256 else 10
    calls = [timed(lambda: marching_cubes(on_gpu, level), "cuda") for _ in range(runs)]
    device = statistics.median(device_seconds(lambda: marching_cubes(on_gpu, level), runs) for _ in range(5))
    limit = moved / copy_bandwidth("cuda")
    scratch = _core.cuda_scratch_bytes((size, size, size))
    return {"field": field, "size": size, **counts, "bytes": moved, "seconds": calls, "device": device,
            "limit": limit, "scratch_bytes": scratch}  # fmt: skip


def table(results: list[dict[str, Any]]) -> Table:
    """Return the short table."""
    shown = Table(title=f"{torch.cuda.get_device_name()}, torchmcubes-bw {torchmcubes_bw.__version__}")
    for heading in (
        "field",
        "size",
        "V",
        "F",
        "device ms",
        "call ms",
        "GB moved",
        "of copy bandwidth",
        "scratch/volume",
    ):
        shown.add_column(heading, justify="right")
    for r in results:
        shown.add_row(
            r["field"], str(r["size"]), str(r["vertices"]), str(r["faces"]), f"{r['device'] * 1e3:.3f}",
            f"{statistics.median(r['seconds']) * 1e3:.3f}", f"{r['bytes'] / 1e9:.3f}",
            f"{100 * r['limit'] / r['device']:.0f} %", f"{r['scratch_bytes'] / (4 * r['size'] ** 3):.3f}",
        )  # fmt: skip
    return shown


def main(out: Annotated[Path | None, typer.Option(help="Where the JSON goes.")] = None) -> None:
    """Run every case that fits and print the table."""
    results = []
    for field, size in CASES:
        try:
            results.append(run_case(field, size))
        except torch.cuda.OutOfMemoryError as error:
            Console(stderr=True).print(f"skipped {field} {size}: {error}")
    report = {"machine": machine(), "copy_gb_s": copy_bandwidth("cuda") / 1e9, "results": results}
    if out:
        out.write_text(json.dumps(report, indent=1) + "\n")
    Console().print(table(results))


if __name__ == "__main__":
    typer.run(main)
