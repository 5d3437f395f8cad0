# SPDX-License-Identifier: MIT
"""Measure the GPU backend: device time, call-to-result time, and the memory's own limit.

    python -m benchmarks.gpu --out benchmarks/results/gpu.json
    python -m benchmarks.gpu --show benchmarks/results/gpu.json

Other libraries on the GPU: python -m benchmarks --device cuda.

Device time is the sum of our kernels' own times, as the profiler reads them from the GPU: no launch, no wait for
the mesh's size, no allocation. Call to result is what a caller waits, all of that included. The limit is the time to
read the volume once and write the mesh once at the copy bandwidth measured before each case.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torchmcubes_bw import _core, build_info, fields, marching_cubes
from torchmcubes_bw.measure import machine, mesh_bytes, peak_memory, timed

CASES = [(f, n) for f in ("metaballs", "gyroid") for n in (64, 128, 256, 512, 1024)] + [("noise", 256)]
COPY_BYTES = 2**30
HEADINGS = ("field", "size", "V", "F", "device ms", "call ms", "limit ms", "of limit", "GB moved", "scratch", "peak")  # fmt: skip


def copy_bandwidth() -> float:
    """Return bytes a second, read and written counted both, of copying 1 GiB to 1 GiB on the GPU."""
    source = torch.ones(COPY_BYTES // 4, device="cuda")
    target = torch.empty_like(source)
    times = []
    for _ in range(20):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        target.copy_(source)
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return 2 * COPY_BYTES / statistics.median(times[2:])


def kernel_seconds(events: Iterable[Any], runs: int) -> dict[str, float]:
    """Return the seconds a call spends in each of our kernels, from the events of a profile of `runs` calls."""
    spent: dict[str, float] = defaultdict(float)
    for event in events:
        if event.device_type == DeviceType.CUDA and event.name.startswith("mc_"):
            spent[event.name] += event.time_range.elapsed_us() / 1e6 / runs
    return dict(spent)


def profiled(call: Callable[[], Any], runs: int) -> dict[str, float]:
    """Return the seconds that a call spends in each of our kernels; empty where profiling is not possible."""
    try:
        with profile(activities=[ProfilerActivity.CUDA]) as seen:
            for _ in range(runs):
                call()
            torch.cuda.synchronize()
    except RuntimeError as error:  # the other times must not be lost for it
        print(f"no device time: {error}", file=sys.stderr)
        return {}
    return kernel_seconds(seen.events(), runs)


def run_case(field: str, size: int) -> dict[str, Any]:
    """Check one mesh against the CPU's, then measure."""
    vol = fields.sample(field, size)
    level = fields.FIELDS[field].level
    on_gpu = vol.cuda()
    verts, faces = marching_cubes(on_gpu, level)
    for got, want in zip((verts, faces), marching_cubes(vol, level), strict=True):
        if not torch.equal(got.cpu(), want):
            raise RuntimeError(f"{field} {size}: the GPU's mesh is not the CPU's")
    mesh = mesh_bytes(verts, faces)
    counts = {"vertices": len(verts), "faces": len(faces)}
    del verts, faces
    torch.cuda.empty_cache()
    bandwidth = copy_bandwidth()

    def call() -> Any:
        return marching_cubes(on_gpu, level)

    peak = peak_memory(call, "cuda")
    runs = 50 if size <= 256 else 10
    calls = [timed(call, "cuda") for _ in range(runs)]
    kernels = profiled(call, runs)
    return {
        "field": field, "size": size, **counts, "bytes": vol.nbytes + mesh, "copy_gb_s": bandwidth / 1e9,
        "limit": (vol.nbytes + mesh) / bandwidth, "seconds": calls, "device": sum(kernels.values()) or None,
        "kernels": kernels, "scratch_bytes": _core.cuda_scratch_bytes((size, size, size)),
        "peak_bytes": peak - mesh,
    }  # fmt: skip


def row(r: dict[str, Any]) -> tuple[str, ...]:
    """Return one line of the table; memory as a share of a float32 volume's bytes."""
    device, volume = r["device"], 4 * r["size"] ** 3
    return (
        r["field"], str(r["size"]), str(r["vertices"]), str(r["faces"]),
        f"{device * 1e3:.3f}" if device else "-", f"{statistics.median(r['seconds']) * 1e3:.3f}",
        f"{r['limit'] * 1e3:.3f}", f"{device / r['limit']:.2f}x" if device else "-", f"{r['bytes'] / 1e9:.3f}",
        f"{r['scratch_bytes'] / volume:.3f}", f"{r['peak_bytes'] / volume:.3f}",
    )  # fmt: skip


def table(report: dict[str, Any]) -> str:
    """Return the short table, aligned."""
    rows = [HEADINGS, *map(row, report["results"])]
    widths = [max(len(cells[k]) for cells in rows) for k in range(len(HEADINGS))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) for cells in rows
    ]
    lines += [f"not measured: {case}: {why}" for case, why in report["failed"].items()]
    known = report["machine"]
    return "\n".join(
        [f"{known.get('gpu')}, torch {known['torch']}, {report['build']['cuda_compiler']}", *lines]
    )


def save(report: dict[str, Any], out: Path | None) -> None:
    """Write what is known so far, whole or not at all."""
    if out:
        part = out.with_suffix(".part")
        part.write_text(json.dumps(report, indent=1) + "\n")
        part.replace(out)


def measure_all(out: Path | None) -> dict[str, Any]:
    """Run every case; one that fails is told in the report, and costs none of the others."""
    report: dict[str, Any] = {"machine": machine(), "build": build_info(), "results": [], "failed": {}}
    for field, size in CASES:
        try:
            report["results"].append(run_case(field, size))
        except (RuntimeError, MemoryError) as error:
            report["failed"][f"{field} {size}"] = str(error).split("\n", 1)[0]
        torch.cuda.empty_cache()
        save(report, out)
    return report


def main() -> None:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="where the JSON goes, written after every case")
    parser.add_argument("--show", type=Path, help="print the table of a JSON, and measure nothing")
    given = parser.parse_args()
    if given.show:
        print(table(json.loads(given.show.read_text())))
        return
    if not torch.cuda.is_available():
        sys.exit("error: torch sees no GPU, so there is nothing to measure")
    report = measure_all(given.out)
    print(table(report))
    sys.exit(1 if report["failed"] else 0)


if __name__ == "__main__":
    main()
