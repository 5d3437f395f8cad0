# SPDX-License-Identifier: MIT
"""What `extract_field` evaluates and takes: `python -m benchmarks.functions OUT.json [NAME SIZE]...`.

Without names all fields are measured at 256³, 512³ and 1024³. Times are of the processor, of all threads, so that
they compare on a machine that others use too. The dense evaluation is timed in the same run, over some of its planes.
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
from torchmcubes_bw import extract_field

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
    out = Path(sys.argv[1])
    named = list(zip(sys.argv[2::2], map(int, sys.argv[3::2]), strict=True))
    wanted = named or [(name, n) for n in (256, 512, 1024) for name in (*FIELDS, "decoder")]
    known = json.loads(out.read_text("utf-8")) if out.exists() else {"rows": []}
    known["machine"] = f"{_processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    for name, n in wanted:
        f = _decoder(out.with_suffix(".pt")) if name == "decoder" else FIELDS[name]
        row = measured(name, f, n, RADIUS if name == "decoder" else 1.0)
        print(row, flush=True)
        kept = [r for r in known["rows"] if (r["field"], r["side"]) != (name, n)]
        known["rows"] = [*kept, row]
        out.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
