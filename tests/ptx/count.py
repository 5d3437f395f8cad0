# SPDX-License-Identifier: MIT
"""Count what marching_cubes does on a GPU: `python tests/ptx/count.py FIELD SIZE [--ptx FILE] [--hot N]`.

Prints, for each kernel, warp-instructions of PTX and the 32-byte sectors that its warps load and store.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from ptx.driver import Device, build_library
from ptx.host import Host, shipped
from ptx.threads import Counts
from torchmcubes_bw import fields, marching_cubes


def measured(field: str, size: int, ptx: Path | None = None) -> tuple[dict[str, Counts], dict[str, int]]:
    """Run one extraction; return each kernel's counts, and the sizes in bytes."""
    vol = fields.sample(field, size)
    want = marching_cubes(vol, fields.FIELDS[field].level)
    results = sum(t.nbytes for t in want)
    with tempfile.TemporaryDirectory() as folder:
        device = Device(int(1.3 * vol.nbytes) + results + (8 << 20), checked=False)
        device.offer(build_library(Path(folder)))
        host = Host(device, (ptx or shipped()).read_bytes())
        got = host.marching_cubes(vol, fields.FIELDS[field].level)
    for a, b in zip(got, want, strict=True):
        if a.dtype != b.dtype or a.numpy().tobytes() != b.numpy().tobytes():
            raise SystemExit("the mesh differs from the CPU's")
    return device.counts, {"verts": want[0].nbytes, "faces": want[1].nbytes, "volume": vol.nbytes}


def table(counts: dict[str, Counts], sizes: dict[str, int]) -> str:
    head = f"{'kernel':28} {'warp-instr':>12} {'lanes':>6} {'load':>10} {'store':>10} {'atomic':>8} {'differing load/store':>22}"
    lines = [head]
    for name, c in counts.items():
        s, t = c.sectors, c.touched
        lanes = c.thread_instructions / max(1, c.warp_instructions)
        lines.append(
            f"{name:28} {c.warp_instructions:12,} {lanes:6.1f} {s.get('load', 0):10,} {s.get('store', 0):10,} "
            f"{s.get('atomic', 0):8,} {t.get('load', 0):11,}/{t.get('store', 0):,}"
        )
    total = sum(c.warp_instructions for c in counts.values())
    lines.append(f"{'together':28} {total:12,}")
    stored = sum(c.sectors.get("store", 0) for n, c in counts.items() if "emit" in n)
    least = (sizes["verts"] + sizes["faces"]) / 32
    lines.append(
        f"sectors stored by the emitting kernels: {stored:,}, {stored / max(1, least):.2f} times their bytes"
    )
    return "\n".join(lines)


def hot(counts: dict[str, Counts], text: list[str], most: int) -> str:
    """The lines of PTX that are executed most, with how many lanes they have."""
    found = [(w, t, line, name) for name, c in counts.items() for line, (w, t) in c.lines.items()]
    lines = [
        f"{w:12,} {t / w:5.1f} lanes  {name}:{line}  {' '.join(text[line - 1].split())}"
        for w, t, line, name in sorted(found)[::-1][:most]
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("field", choices=sorted(fields.FIELDS))
    parser.add_argument("size", type=int)
    parser.add_argument("--ptx", type=Path, help="the PTX to execute; else the installed package's")
    parser.add_argument("--hot", type=int, default=0, help="also print so many of the hottest lines")
    parser.add_argument("--classes", action="store_true", help="also print the instructions by name")
    given = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    counts, sizes = measured(given.field, given.size, given.ptx)
    print(table(counts, sizes))
    if given.hot:
        print(hot(counts, (given.ptx or shipped()).read_text("utf-8").split("\n"), given.hot))
    if given.classes:
        for name, c in counts.items():
            for op, n in sorted(c.classes.items(), key=lambda item: -item[1]):
                print(f"{name:28} {op:24} {n:12,}")
    done = sum(c.thread_instructions for c in counts.values())
    took = time.perf_counter() - began
    print(f"{done / 1e6:,.0f} million thread-instructions, {took:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
