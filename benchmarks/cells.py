# SPDX-License-Identifier: MIT
"""Cells of a grid that is known in places: ours beside libigl; `python -m benchmarks.cells`.

It needs `pip install libigl`, the one library for the processor that takes a list of cells. It takes them with
their corners welded: points, and eight indices a cell. Welding what `marching_cubes_cells` takes, with NumPy, is
timed apart.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchmcubes_bw import fields, marching_cubes_cells
from torchmcubes_bw.measure import commit, machine

# In a process of its own: the call once, of one cell, then the cells read from a file.
_PEAK = """
import re, sys, torch
from pathlib import Path
from torchmcubes_bw import marching_cubes_cells

def mib(field):
    return int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

marching_cubes_cells(torch.zeros(1, 3, dtype=torch.int32), torch.arange(8.0)[None], 0.5)
coords, corners = torch.load(sys.argv[1])
before = mib("VmRSS")
verts, faces = marching_cubes_cells(coords, corners, 0.0)
print((mib("VmHWM") - before) * 2**20 - verts.nbytes - faces.nbytes)
"""
_OFFSETS = np.array([[corner & 1, corner >> 1 & 1, corner >> 2] for corner in range(8)])


def active_cells(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return position and corners of the first `count` cells of a gyroid that its surface crosses."""
    vol = fields.sample("gyroid", size).numpy()
    corners = np.stack(
        [vol[z : size - 1 + z, y : size - 1 + y, x : size - 1 + x] for x, y, z in _OFFSETS], -1
    )
    inside = (corners < 0).sum(-1)
    at = np.argwhere((inside > 0) & (inside < 8))[:count]
    if len(at) < count:
        raise SystemExit(f"size must be larger than {size} for {count} cells: its surface crosses {len(at)}")
    return np.ascontiguousarray(at[:, ::-1].astype(np.int32)), corners[tuple(at.T)]


def welded(coords: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return libigl's arguments: the samples, their positions, and the eight of each cell in its order."""
    order = [0, 1, 3, 2, 4, 5, 7, 6]  # around the lower face, then the upper
    at = (coords[:, None].astype(np.int64) + _OFFSETS[order]).reshape(-1, 3)
    keys = at[:, 0] | at[:, 1] << 20 | at[:, 2] << 40
    _, first, index = np.unique(keys, return_index=True, return_inverse=True)
    samples = corners[:, order].reshape(-1)[first].astype(np.float64)
    return samples, at[first].astype(np.float64), index.reshape(-1, 8)


def measure(coords: np.ndarray, corners: np.ndarray, rounds: int) -> dict[str, Any]:
    """Time both in turns, once their counts agree."""
    import igl  # noqa: PLC0415 - the rival

    ours_in = torch.from_numpy(coords), torch.from_numpy(corners)
    rival_in = welded(coords, corners)

    def ours() -> tuple[int, int]:
        verts, faces = marching_cubes_cells(*ours_in, 0.0)
        return len(verts), len(faces)

    def libigl() -> tuple[int, int]:
        verts, faces, *_ = igl.marching_cubes(*rival_in, 0.0)
        return len(verts), len(faces)

    def welding() -> tuple[int, int]:
        welded(coords, corners)
        return counts

    counts = ours()
    if libigl() != counts:
        raise SystemExit(f"libigl finds {libigl()} vertices and faces, we {counts}")
    calls = (ours, libigl, welding)
    seconds: dict[str, list[float]] = {call.__name__: [] for call in calls}
    for _ in range(rounds):
        for call in calls:
            call()  # so that none finds its memory as another left it
            begin = time.perf_counter()
            call()
            seconds[call.__name__].append(time.perf_counter() - begin)
    return {
        "vertices": counts[0],
        "faces": counts[1],
        "seconds": {name: statistics.median(taken) for name, taken in seconds.items()},
        "seconds from and to": {name: [min(taken), max(taken)] for name, taken in seconds.items()},
    }


def peak(coords: np.ndarray, corners: np.ndarray) -> float:
    """Return the bytes a cell that one call takes at its peak, beyond what it was given and what it returns."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cells.pt"
        torch.save((torch.from_numpy(coords), torch.from_numpy(corners)), file)
        command = [sys.executable, "-c", _PEAK, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout) / len(coords)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=256, help="samples a side of the gyroid they are of")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    coords, corners = active_cells(chosen.size, chosen.cells)
    mixed = np.random.default_rng(0).permutation(len(coords))
    figures = {
        "machine": machine(),
        "load average": os.getloadavg()[0],
        "commit": commit(Path(__file__).parent),
        "versions": {"libigl": metadata.version("libigl")},
        "cells": len(coords),
        "threads": chosen.threads,
        "in raster order": measure(coords, corners, chosen.rounds),
        "in any order": measure(coords[mixed], corners[mixed], chosen.rounds),
        "bytes a cell": {
            "in raster order": peak(coords, corners),
            "in any order": peak(coords[mixed], corners[mixed]),
        },
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
