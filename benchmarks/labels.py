# SPDX-License-Identifier: MIT
"""Surfaces of labels: ours beside zmesh and serra-mesh; `python -m benchmarks.labels`.

It needs `pip install zmesh serra-mesh`. serra-mesh draws surface nets, a vertex a cell: other counts than ours.
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
from torchmcubes_bw import label_surfaces
from torchmcubes_bw.measure import commit, machine

# In a process of its own: the package at work once, then the labels read from a file.
_PEAK = """
import re, sys, numpy as np
from pathlib import Path
from torchmcubes_bw import label_surfaces

def mib(field):
    return int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

label_surfaces(np.ones((8, 8, 8), np.uint32))
before = mib("VmRSS")
labels = np.load(sys.argv[1])
found = label_surfaces(labels)
held = (labels.nbytes + found.verts.nbytes + found.faces.nbytes) / 2**20
print(mib("VmHWM"), before, held)
"""


def partition(size: int, cells: int, seed: int = 0) -> np.ndarray:
    """Return a cube of labels, each the samples nearest to one of `cells`³ points on a shaken lattice."""
    generator = np.random.default_rng(seed)
    side, lattice = size // cells, (cells,) * 3
    points = (np.stack(np.indices(lattice), -1) + generator.random((*lattice, 3))) * side
    ids = np.arange(1, cells**3 + 1, dtype=np.uint32)
    generator.shuffle(ids)
    ids = ids.reshape(lattice)
    labels = np.empty((size,) * 3, np.uint32)
    at = np.stack(np.indices((side,) * 3, np.float32), -1).reshape(-1, 3)
    for cell in np.ndindex(*lattice):
        near = tuple(slice(max(c - 1, 0), c + 2) for c in cell)
        centres = (points[near].reshape(-1, 3) - np.array(cell) * side).astype(np.float32)
        nearest = ((centres**2).sum(1) - 2 * at @ centres.T).argmin(1)
        block = tuple(slice(c * side, (c + 1) * side) for c in cell)
        labels[block] = ids[near].reshape(-1)[nearest].reshape((side,) * 3)
    return labels


def ours(labels: np.ndarray) -> dict[int, tuple[int, int]]:
    """Extract all, and return the vertices and faces of each label."""
    surfaces = label_surfaces(labels)
    return {label: (len(verts), len(faces)) for label, verts, faces in surfaces}


def zmesh(labels: np.ndarray) -> dict[int, tuple[int, int]]:
    """Do the same with zmesh: no simplification, no normals, each mesh let go as soon as it is there."""
    from zmesh import Mesher  # noqa: PLC0415

    mesher = Mesher((1, 1, 1))
    mesher.mesh(labels, close=False)
    counts = {}
    for label in mesher.ids():
        mesh = mesher.get(label, normals=False, reduction_factor=0)
        counts[label] = (len(mesh.vertices), len(mesh.faces))
        mesher.erase(label)
    return counts


def serra(labels: np.ndarray) -> dict[int, tuple[int, int]]:
    """Do the same with serra-mesh, on as many threads."""
    from serra_mesh import Mesher  # noqa: PLC0415

    mesher = Mesher((1, 1, 1), axis_order="ZYX", threads=torch.get_num_threads())
    mesher.mesh(labels)
    counts = {}
    for label in mesher.ids():
        mesh = mesher.get(int(label))
        counts[int(label)] = (len(mesh.vertices), len(mesh.faces))
        mesher.erase(int(label))
    return counts


def measure(labels: np.ndarray, rounds: int) -> dict[str, Any]:
    """Time all in turns, once their counts agree."""
    want = ours(labels)
    if zmesh(labels) != want:
        raise SystemExit("zmesh finds other vertices or faces than we")
    if serra(labels).keys() != want.keys():
        raise SystemExit("serra-mesh finds other labels than we")
    calls = (ours, zmesh, serra)
    seconds: dict[str, list[float]] = {call.__name__: [] for call in calls}
    work: dict[str, list[float]] = {call.__name__: [] for call in calls}
    for _ in range(rounds):
        for call in calls:
            call(labels)  # so that none finds its memory as another left it
            wall, used = time.perf_counter(), time.process_time()
            call(labels)
            seconds[call.__name__].append(time.perf_counter() - wall)
            work[call.__name__].append(time.process_time() - used)
    return {
        "size": len(labels),
        "labels": len(want),
        "vertices": sum(v for v, _ in want.values()),
        "faces": sum(f for _, f in want.values()),
        "threads": torch.get_num_threads(),
        "seconds": {name: statistics.median(taken) for name, taken in seconds.items()},
        "seconds from and to": {name: [min(taken), max(taken)] for name, taken in seconds.items()},
        "processor seconds": {name: statistics.median(taken) for name, taken in work.items()},
    }


def peak(labels: np.ndarray) -> dict[str, float]:
    """Return in MiB the memory's peak of one call in a process of its own, and what is held after it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labels.npy"
        np.save(file, labels)
        command = [sys.executable, "-c", _PEAK, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    highest, before, held = map(float, done.stdout.split())
    return {"peak": highest, "before the labels": before, "labels and meshes": held}


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--cells", type=int, default=16, help="labels a side")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    labels = partition(chosen.size, chosen.cells)
    load = os.getloadavg()[0]
    figures = {
        "machine": machine(),
        "load average": load,
        "commit": commit(Path(__file__).parent),
        "versions": {name: metadata.version(name) for name in ("zmesh", "serra-mesh")},
        **measure(labels, chosen.rounds),
        "MiB": peak(labels),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
