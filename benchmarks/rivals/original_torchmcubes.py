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

_SERVER = """
import sys
import numpy as np
import torch
import torchmcubes
from importlib import metadata

torch.set_num_threads(int(sys.argv[1]))
print(metadata.version(sys.argv[2]), flush=True)
for line in sys.stdin:
    what, *given = line.split()
    if what == "volume":
        vol, level = torch.from_numpy(np.load(given[0])).to(given[2]), float(given[1])
        answer = "ready"
    elif what == "extract":
        verts, faces = torchmcubes.marching_cubes(vol, level)
        if vol.is_cuda:
            torch.cuda.synchronize()
        answer = f"{len(verts)} {len(faces)}"
    else:
        np.save(given[0], verts.cpu().numpy())
        np.save(given[1], faces.cpu().numpy())
        answer = "saved"
    print(answer, flush=True)
"""


class _Server:
    """The process in the other environment; it ends with this one, whose pipe it reads."""

    def __init__(self, python: str, distribution: str, threads: int) -> None:
        command = [python, "-c", _SERVER, str(threads), distribution]
        self._run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = self._answer()

    def ask(self, *words: object) -> str:
        """Send a line, return the answer."""
        print(*words, file=self._run.stdin, flush=True)
        return self._answer()

    def _answer(self) -> str:
        line = self._run.stdout.readline()
        if not line:
            raise ImportError(f"the process with torchmcubes ended with {self._run.wait()}")
        return line.strip()


class _Part:
    """Vertices or faces of the last mesh over there, fetched when somebody looks at them."""

    def __init__(self, server: _Server, which: int, length: int) -> None:
        self._server, self._which, self._length = server, which, length
        self.nbytes = 12 * length

    def __len__(self) -> int:
        return self._length

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / "verts.npy", Path(folder) / "faces.npy"]
            self._server.ask("save", *files)
            return np.load(files[self._which])


def rivals(threads: int) -> list[Rival]:
    """Return the original, where TORCHMCUBES_PYTHON says it is."""
    python = os.environ.get("TORCHMCUBES_PYTHON")
    if not python:
        raise ImportError("set TORCHMCUBES_PYTHON to the Python of an environment that has the original")
    distribution = os.environ.get("TORCHMCUBES_DISTRIBUTION", "torchmcubes")
    server = _Server(python, distribution, threads)

    def ready(vol, level) -> Extract:
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "vol.npy", vol.cpu().numpy())
            server.ask("volume", Path(folder) / "vol.npy", level, vol.device)

        def extract():
            counts = server.ask("extract").split()
            return tuple(_Part(server, which, int(count)) for which, count in enumerate(counts))

        return extract

    name = "torchmcubes, the original" if distribution == "torchmcubes" else distribution
    options = {"same_counts": False, "devices": ("cpu", "cuda"), "elsewhere": True}
    return [Rival(name, ready, {name: server.version}, **options)]
