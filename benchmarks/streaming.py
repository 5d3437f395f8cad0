# SPDX-License-Identifier: MIT
"""A volume larger than memory to PLY, beside plain reading of the same file, in turns.

    python -m benchmarks.streaming FOLDER --gb 1,5,10,20 --turns 2 --out benchmarks/results/streaming.json

makes a gyroid of the largest size in FOLDER, by planes, and takes the smaller ones from its beginning. Before each
turn the file is put out of the page cache. Every turn is a process of its own: its peak memory is the operating
system's figure, which counts torch and the interpreter too.

    python -m benchmarks.streaming FOLDER --gb 1,5,10,20 --held --out benchmarks/results/streaming_growth.json

asks whether the time a sample takes grows with the volume. A disk's own rate hides that: the volume's planes come
from a function that gives one held period again and again, and only the mesh is written.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SIDE, PERIOD = 1710, 214  # samples: a plane is 11.7 MB, a period of the gyroid 214 planes

READ = """
import sys, time
path, size = sys.argv[1], int(sys.argv[2])
buffer = memoryview(bytearray(8 << 20))
report.begin = os.times()
begin, left = time.perf_counter(), size
with open(path, "rb", buffering=0) as file:
    while left > 0:
        left -= file.readinto(buffer[: min(left, len(buffer))])
report(time.perf_counter() - begin)
"""
OURS = f"""
import sys, time
import numpy as np, torch
from torchmcubes_bw import stream_surface
path, size, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
planes = size // ({SIDE} * {SIDE} * 4)
vol = np.memmap(path, np.float32, "r", shape=(planes, {SIDE}, {SIDE}))
report.begin = os.times()
begin = time.perf_counter()
written = stream_surface(vol, 0.0, out, max_memory="1GB")
report(time.perf_counter() - begin, vertices=written.vertices, triangles=written.triangles)
"""
# The gyroid's first period, held, and its planes from there.
HELD = OURS.replace(
    f"""vol = np.memmap(path, np.float32, "r", shape=(planes, {SIDE}, {SIDE}))""",
    f"""held = np.fromfile(path, np.float32, {PERIOD} * {SIDE} * {SIDE}).reshape({PERIOD}, {SIDE}, {SIDE})
def vol(begin, end):
    if begin // {PERIOD} == (end - 1) // {PERIOD}:
        return held[begin % {PERIOD} : begin % {PERIOD} + end - begin]
    return held[np.arange(begin, end) % {PERIOD}]""",
).replace("out, max_memory", f"out, shape=(planes, {SIDE}, {SIDE}), max_memory")
# Two walks: what counting alone takes, which a writer that must know its sizes first would pay on top.
COUNT = OURS.replace('stream_surface(vol, 0.0, out, max_memory="1GB")', "count(vol)").replace(
    "report.begin =",
    """from types import SimpleNamespace
from torchmcubes_bw.streaming.ahead import slabs
from torchmcubes_bw.streaming.slab import count as count_slab
from torchmcubes_bw.streaming.sources import source
from torchmcubes_bw.streaming.surface import asked_of
def count(vol):
    planes = source(vol)
    asked = asked_of(planes, 0.0, False, False, False, False, (1.0, 1.0, 1.0), 2)
    plans = (count_slab(asked, s.begin, s.end, s.planes) for s in slabs(asked, (planes, None), 6) if s.end > s.begin)
    counts = [(plan.vertices, plan.triangles) for plan in plans]
    return SimpleNamespace(vertices=sum(v for v, _ in counts), triangles=sum(t for _, t in counts))
report.begin =""",
)
REPORT = """
import json, os, resource, time
def report(seconds, **more):
    used = resource.getrusage(resource.RUSAGE_SELF)
    user, system = used.ru_utime - report.begin.user, used.ru_stime - report.begin.system
    print(json.dumps({"s": seconds, "user_s": user, "system_s": system, "peak_mb": used.ru_maxrss * 1024 / 1e6,
                      "load": os.getloadavg()[0], **more}))
"""


def generate(path: Path, planes: int) -> None:
    """Write a gyroid plane by plane."""
    x = 2 * np.pi * np.arange(SIDE) / PERIOD
    sine, cosine = np.sin(x).astype(np.float32), np.cos(x).astype(np.float32)
    in_plane = sine[None, :] * cosine[:, None]
    with path.open("wb") as file:
        for z in range(planes):
            c, s = (np.float32(f(2 * np.pi * z / PERIOD)) for f in (np.cos, np.sin))
            file.write((in_plane + (sine * c)[:, None] + (cosine * s)[None, :]).data)


def forget(path: Path) -> None:
    """Put a file out of the page cache, as far as the system does what it is asked."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def turn(code: str, path: Path, size: int) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    forget(path)
    out = path.with_name("streamed.ply")
    done = subprocess.run(
        [sys.executable, "-c", REPORT + code, str(path), str(size), str(out)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    if out.exists():
        found["written_gb"] = out.stat().st_size / 1e9
        out.unlink()
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gb", default="1,5,10,20")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--count", action="store_true", help="time a walk that only counts, too")
    parser.add_argument(
        "--held", action="store_true", help="planes from memory instead, no reading beside it"
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    plane = SIDE * SIDE * 4
    sizes = [-(-int(float(gb) * 1e9) // plane) * plane for gb in options.gb.split(",")]
    path = options.folder / "gyroid.f32"
    needed = PERIOD * plane if options.held else max(sizes)
    if not path.exists() or path.stat().st_size < needed:
        generate(path, needed // plane)
    jobs = {"read": READ, "ours": OURS} | ({"count": COUNT} if options.count else {})
    if options.held:
        jobs = {"held": HELD}
    runs = []
    for size in sizes:
        for number in range(options.turns):
            for name, code in jobs.items():
                found = {"what": name, "gb": round(size / 1e9, 2), "turn": number} | turn(code, path, size)
                print(json.dumps(found), flush=True)
                runs.append(found)
    processor = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text("utf-8").split("\n")
                      if line.startswith("model name")), platform.processor())  # fmt: skip
    report = {
        "machine": processor,
        "cores": os.cpu_count(),
        "started": time.strftime("%Y-%m-%d"),
        "runs": runs,
    }
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
