# SPDX-License-Identifier: MIT
"""What `extract_field` evaluates and takes: `python -m benchmarks.functions [--equal] OUT.json [NAME SIZE]...`.

Without names all fields are measured at 256³, 512³ and 1024³. Times are of the processor, of all threads, so that
they compare on a machine that others use too. The dense evaluation is timed in the same run, over some of its planes.

With --equal the dense grid is evaluated whole instead, in slabs, and the two meshes are compared byte by byte.
"""

from __future__ import annotations

import json
import math
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchmcubes_bw import Mesh, extract_field, stream_surface

from .triplane_decoder import RADIUS, TriplaneDecoder, fitted

PLANES = 8  # of the dense grid that are timed, evenly spread


def _ball(points: Tensor) -> Tensor:
    return points.norm(dim=1) - 0.6


def _torus(points: Tensor) -> Tensor:
    return torch.stack([points[:, :2].norm(dim=1) - 0.5, points[:, 2]], 1).norm(dim=1) - 0.2


def _gyroid(points: Tensor) -> Tensor:
    x, y, z = (points * 1.5 * math.pi).unbind(1)
    return x.sin() * y.cos() + y.sin() * z.cos() + z.sin() * x.cos() + 0.0137


def _two_balls(points: Tensor) -> Tensor:
    first = (points - points.new_tensor([0.6, 0.6, 0.6])).norm(dim=1) - 0.25
    return torch.minimum(first, (points - points.new_tensor([-0.6, -0.5, -0.6])).norm(dim=1) - 0.2)


def _sheet(points: Tensor) -> Tensor:
    turn = points.new_tensor([[0.8, 0.6, 0], [-0.6, 0.8, 0], [0, 0, 1]])
    away = (points @ turn).abs() - points.new_tensor([0.02, 0.6, 0.6])
    return away.clamp(min=0).norm(dim=1) + away.amax(1).clamp(max=0)


FIELDS: dict[str, Callable[[Tensor], Tensor]] = {
    "ball": _ball,
    "torus": _torus,
    "gyroid": _gyroid,
    "two balls": _two_balls,
    "sheet": _sheet,
}


class Timed:
    """A function, and the processor's time that it took."""

    def __init__(self, f: Callable[[Tensor], Tensor]) -> None:
        self.f, self.seconds, self.calls = f, 0.0, 0

    def __call__(self, points: Tensor) -> Tensor:
        begin = time.process_time()
        values = self.f(points)
        self.seconds += time.process_time() - begin
        self.calls += 1
        return values


def dense_seconds(f: Callable[[Tensor], Tensor], n: int, low: float, high: float) -> float:
    """Return what evaluating all planes would take, from a few of them."""
    axis = torch.linspace(low, high, n)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    timed = Timed(f)
    for k in range(PLANES):
        z = axis[(2 * k + 1) * n // (2 * PLANES)].expand(n, n)
        for points in torch.stack([x, y, z], -1).reshape(-1, 3).split(2**16):
            timed(points)
    return timed.seconds * n / PLANES


def is_dense_mesh(f: Callable[[Tensor], Tensor], n: int, high: float) -> bool:
    """Whether the mesh is that of the dense grid, byte for byte."""
    step = 2 * high / (n - 1)
    axis = (torch.arange(n, dtype=torch.float64) * step - high).float()
    y, x = torch.meshgrid(axis, axis, indexing="ij")

    def planes(begin: int, end: int) -> Tensor:
        made = torch.empty(end - begin, n, n)
        for z, plane in zip(range(begin, end), made, strict=True):
            points = torch.stack([x, y, axis[z].expand(n, n)], -1).reshape(-1, 3)
            plane.view(-1)[:] = torch.cat([f(chunk) for chunk in points.split(2**16)])
        return made

    sides = {"spacing": step, "origin": -high, "shape": (n, n, n)}
    dense = stream_surface(planes, 0.0, slab_planes=8, **sides)
    assert isinstance(dense, Mesh)
    mesh = extract_field(f, (-high, high), n)
    return torch.equal(dense.faces, mesh.faces) and torch.equal(
        dense.verts.view(torch.int32), mesh.verts.view(torch.int32)
    )


def measured(name: str, f: Callable[[Tensor], Tensor], n: int, high: float) -> dict[str, Any]:
    """Extract once; return what it took."""
    timed = Timed(f)
    timed(torch.zeros(2**16, 3))  # torch's threads are started
    timed.seconds, timed.calls = 0.0, 0
    begin = time.process_time()
    mesh = extract_field(timed, (-high, high), n)
    seconds = time.process_time() - begin
    dense = dense_seconds(f, n, -high, high)
    return {
        "field": name,
        "side": n,
        "evaluations": mesh.evaluations,
        "one in": round(1 / mesh.fraction, 1),
        "vertices": len(mesh.verts),
        "seconds": round(seconds, 3),
        "of the function": round(timed.seconds, 3),
        "own": round(seconds - timed.seconds, 3),
        "calls": timed.calls,
        "dense evaluation": round(dense, 2),
        "times faster": round(dense / seconds, 1),
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _decoder(weights: Path) -> TriplaneDecoder:
    """Return the fitted stand-in, from a file where it was fitted before."""
    if not weights.exists():
        torch.save(fitted().state_dict(), weights)
    decoder = TriplaneDecoder().requires_grad_(False)
    decoder.load_state_dict(torch.load(weights))
    return decoder


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in text.split("\n") if "model name" in line), "")


def main() -> None:
    """Measure what the command line names, and add it to the file."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--equal"]
    out = Path(arguments[0])
    named = list(zip(arguments[1::2], map(int, arguments[2::2]), strict=True))
    wanted = named or [(name, n) for n in (256, 512, 1024) for name in (*FIELDS, "decoder")]
    known = json.loads(out.read_text("utf-8")) if out.exists() else {"rows": []}
    known["machine"] = f"{_processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    for name, n in wanted:
        f = _decoder(out.with_suffix(".pt")) if name == "decoder" else FIELDS[name]
        high = RADIUS if name == "decoder" else 1.0
        if "--equal" in sys.argv:
            row = {"field": name, "side": n, "equal": is_dense_mesh(f, n, high)}
        else:
            row = measured(name, f, n, high)
        print(row, flush=True)
        same = [r for r in known["rows"] if (r["field"], r["side"]) == (name, n)]
        known["rows"] = [r for r in known["rows"] if r not in same]
        known["rows"].append((same[0] if same else {}) | row)
        out.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
