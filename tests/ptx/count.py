# SPDX-License-Identifier: MIT
"""Count what marching_cubes does on a GPU: `python tests/ptx/count.py FIELD SIZE [--dual] [--hot N]`.

Prints, for each kernel, warp-instructions of PTX, their lanes, the 32-byte sectors that its warps load and
store (and how many distinct ones that are in the whole launch), and the steps of shared memory's banks.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from ptx.driver import Device, build_library
from ptx.host import Host, read_ptx, shipped
from ptx.machine import Rules
from torchmcubes_bw import dual_marching_cubes, fields, marching_cubes
from torchmcubes_bw.arguments.request import request
from torchmcubes_bw.arguments.volume import volume
from torchmcubes_bw.backends import choose


def measured(field: str, size: int, ptx: Path | None = None, dual: bool = False) -> dict[str, Any]:
    """Run one extraction; return what its kernels did and how large the results are."""
    vol, level = fields.sample(field, size), fields.FIELDS[field].level
    want = (dual_marching_cubes if dual else marching_cubes)(vol, level)
    results = sum(t.nbytes for t in want)
    with tempfile.TemporaryDirectory() as folder:
        device = Device(int(1.3 * vol.nbytes) + results + (8 << 20), Rules(checked=False))
        device.offer(build_library(Path(folder)))
        host = Host(device, read_ptx(ptx or shipped()).encode())
        got = (host.dual if dual else host.marching_cubes)(vol, level)
    for a, b in zip(got, want, strict=True):
        if a.dtype != b.dtype or a.numpy().tobytes() != b.numpy().tobytes():
            raise SystemExit("the mesh differs from the CPU's")
    sizes = {"volume": vol.nbytes, "verts": want[0].nbytes, "faces": want[1].nbytes}
    return {"field": field, "size": size, "dual": dual, "bytes": sizes, "kernels": device.counts}


def measured_gradient(field: str, size: int, ptx: Path | None = None) -> dict[str, Any]:
    """Run one backward, by volume and level; return what its kernels did and how large the results are."""
    vol, level = fields.sample(field, size), fields.FIELDS[field].level
    verts = torch.ones_like(marching_cubes(vol, level)[0])
    want = choose.vertex_gradients(
        request(volume(vol, "Nz, Ny, Nx"), level, None, "raise", "open"), verts, True, True
    )
    with tempfile.TemporaryDirectory() as folder:
        device = Device(int(2.6 * vol.nbytes) + verts.nbytes + (8 << 20), Rules(checked=False))
        device.offer(build_library(Path(folder)))
        got = Host(device, read_ptx(ptx or shipped()).encode()).gradient(vol, level, verts)
    if got.level != want.level or not torch.equal(got.volume, want.volume):
        raise SystemExit("the gradient differs from the CPU's")
    sizes = {"volume": vol.nbytes, "verts": verts.nbytes, "faces": 0}
    return {"field": field, "size": size, "gradient": True, "bytes": sizes, "kernels": device.counts}


def as_json(result: dict[str, Any]) -> dict[str, Any]:
    """Return a measurement without its lines, for a file."""
    kernels = {name: asdict(counts) for name, counts in result["kernels"].items()}
    for counts in kernels.values():
        del counts["lines"]
    return {**result, "kernels": kernels}


_HEAD = ("warp-instr", "lanes", "load", "store", "atomic", "shared", "distinct load", "distinct store")


def table(result: dict[str, Any]) -> str:
    lines = [f"{'kernel':28}" + "".join(f"{head:>15}" for head in _HEAD)]
    for name, c in result["kernels"].items():
        s, t = c.sectors, c.touched
        shared = sum(n for kind, n in s.items() if kind.startswith("shared"))
        lanes = c.thread_instructions / max(1, c.warp_instructions)
        row = [c.warp_instructions, f"{lanes:.1f}", s.get("load", 0), s.get("store", 0), s.get("atomic", 0)]
        row += [
            shared,
            *(sum(n for key, n in t.items() if key.startswith(kind)) for kind in ("load", "store")),
        ]
        lines.append(f"{name:28}" + "".join(f"{v:>15,}" if isinstance(v, int) else f"{v:>15}" for v in row))
    together = sum(c.warp_instructions for c in result["kernels"].values())
    stored = sum(
        c.sectors.get("store", 0) for n, c in result["kernels"].items() if "emit" in n or "dual_" in n
    )
    least = (result["bytes"]["verts"] + result["bytes"]["faces"]) / 32
    lines.append(f"{'together':28}{together:15,}")
    return "\n".join(
        [*lines, f"emitting kernels store {stored / max(1, least):.2f} times their bytes in sectors"]
    )


def hot(result: dict[str, Any], text: list[str], most: int) -> str:
    """Return the lines of PTX that are executed most, with how many lanes they have."""
    found = [(*n, line, name) for name, c in result["kernels"].items() for line, n in c.lines.items()]
    return "\n".join(
        f"{warps:12,} {threads / warps:5.1f} lanes  {name}:{line}  {' '.join(text[line - 1].split())}"
        for warps, threads, line, name in sorted(found)[::-1][:most]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("field", choices=sorted(fields.FIELDS))
    parser.add_argument("size", type=int)
    parser.add_argument("--dual", action="store_true", help="the dual mesh")
    parser.add_argument("--gradient", action="store_true", help="the backward, by volume and level")
    parser.add_argument("--ptx", type=Path, help="the PTX to execute; else the installed package's")
    parser.add_argument("--hot", type=int, default=0, help="also print so many of the hottest lines")
    parser.add_argument("--classes", action="store_true", help="also print the instructions by name")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    if given.gradient:
        result = measured_gradient(given.field, given.size, given.ptx)
    else:
        result = measured(given.field, given.size, given.ptx, given.dual)
    if given.json:
        print(json.dumps(as_json(result)))
        return
    print(table(result))
    if given.hot:
        print(hot(result, read_ptx(given.ptx or shipped()).split("\n"), given.hot))
    if given.classes:
        for name, c in result["kernels"].items():
            for op, n in sorted(c.classes.items(), key=lambda item: -item[1]):
                print(f"{name:28} {op:24} {n:12,}")
    done = sum(c.thread_instructions for c in result["kernels"].values())
    took = time.perf_counter() - began
    print(f"{done / 1e6:,.0f} million thread-instructions, {took:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
