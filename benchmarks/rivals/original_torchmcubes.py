# SPDX-License-Identifier: MIT
"""The original torchmcubes, in an environment of its own, since this package answers to its name.

TORCHMCUBES_PYTHON names that environment's Python. A process there holds the volume and the mesh; what is timed is
one call in it and two lines through a pipe, some 0.05 ms.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from . import Extract, Rival

_SERVER = r"""
import sys
import numpy as np
import torch
import torchmcubes
from importlib import metadata

torch.set_num_threads(int(sys.argv[1]))
held = {}


def volume(path, level, device):
    held["vol"], held["level"] = load(path, device), float(level)


def extract():
    held["0"], held["1"] = mesh = torchmcubes.marching_cubes(held["vol"], held["level"])
    wait()
    return " ".join(str(len(part)) for part in mesh)


def points(vol, where, device):
    held["channels"], held["points"] = load(vol, device), load(where, device)


def interpolate():
    held["values"] = torchmcubes.grid_interp(held["channels"], held["points"])
    wait()


def save(key, path):
    np.save(path, held[key].cpu().numpy())


def load(path, device):
    return torch.from_numpy(np.load(path)).to(device)


def wait():
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


print("ok", metadata.version(sys.argv[2]), flush=True)
for line in sys.stdin:
    what, *given = line.rstrip("\n").split("\t")
    try:
        print("ok", globals()[what](*given) or "", flush=True)
    except Exception as error:
        print("error", " ".join(str(error).split()), flush=True)
"""


class _Server:
    """The process in the other environment; it ends with this one, whose pipe it reads."""

    def __init__(self, python: str, distribution: str, threads: int) -> None:
        command = [python, "-c", _SERVER, str(threads), distribution]
        self._run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = self._answer()

    def ask(self, *words: object) -> str:
        """Send a line, return the answer."""
        print(*words, sep="\t", file=self._run.stdin, flush=True)
        return self._answer()

    def fetch(self, key: str) -> np.ndarray:
        """Return one of the arrays it holds."""
        with tempfile.TemporaryDirectory() as folder:
            self.ask("save", key, Path(folder) / "array.npy")
            return np.load(Path(folder) / "array.npy")

    def _answer(self) -> str:
        line = self._run.stdout.readline()
        if not line:
            raise RuntimeError(f"the process with torchmcubes ended with {self._run.wait()}")
        state, _, answer = line.strip().partition(" ")
        if state != "ok":
            raise RuntimeError(answer)
        return answer


class _Held:
    """An array of the last result over there, fetched when somebody looks at it."""

    def __init__(self, server: _Server, key: str, length: int) -> None:
        self._server, self._key, self._length = server, key, length
        self.nbytes = 12 * length

    def __len__(self) -> int:
        return self._length

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self._server.fetch(self._key)


def rivals(threads: int) -> list[Rival]:
    """Return the original, where TORCHMCUBES_PYTHON says it is."""
    python = os.environ.get("TORCHMCUBES_PYTHON")
    if not python:
        raise ImportError("set TORCHMCUBES_PYTHON to the Python of an environment that has the original")
    distribution = os.environ.get("TORCHMCUBES_DISTRIBUTION", "torchmcubes")
    server = _Server(python, distribution, threads)

    def send(what, arrays, *more) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"{k}.npy" for k in range(len(arrays))]
            for file, array in zip(files, arrays, strict=True):
                np.save(file, array.cpu().numpy())
            server.ask(what, *files, *more, arrays[0].device)

    def ready(vol, level) -> Extract:
        send("volume", [vol], level)

        def extract():
            counts = server.ask("extract").split()
            return tuple(_Held(server, str(which), int(count)) for which, count in enumerate(counts))

        return extract

    def interpolate(vol, points):
        send("points", [vol, points])

        def values():
            server.ask("interpolate")
            return _Held(server, "values", len(points))

        return values

    name = "torchmcubes, the original" if distribution == "torchmcubes" else distribution
    options = {
        "same_counts": False,
        "devices": ("cpu", "cuda"),
        "elsewhere": True,
        "interpolate": interpolate,
    }
    options |= {
        "ready_bytes": 3 * 4,
        "call_bytes": 152,
    }  # a file, what is read from it, a copy; 20 GB for 512³
    # Its meshes have gaps, and on a GPU the fifth triangle of a cell is missing.
    options["tolerates"] = ("closed", "faces", "volume", "area")
    return [Rival(name, ready, {name: server.version}, **options)]
