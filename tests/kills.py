# SPDX-License-Identifier: MIT
"""Kill streamed runs at random moments: there is no output, or a complete one.

python tests/kills.py 50
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RUN = """
import sys, numpy as np
from torchmcubes_bw.streaming.budget import Budget
from torchmcubes_bw.streaming.sources import source
from torchmcubes_bw.streaming.surface import asked_of, write
from torchmcubes_bw.streaming.walk import walk
from pathlib import Path
vol = source(np.load(sys.argv[1], mmap_mode="r"))
asked = asked_of(vol, 0.1, False, False, False, False, (1.0, 1.0, 1.0), 1)
print("begin", flush=True)
def carry(piece):
    return piece.verts, piece.faces, None
pieces = walk(asked, (vol, None), Budget(3, 10**9))
write(Path(sys.argv[2]), pieces, asked.coordinate, None, carry)
"""
OUTPUTS = ("m.ply", "m", "m.zarr")


def contents(path: Path) -> dict[str, bytes]:
    """Return every file of an output."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def start(vol: Path, out: Path) -> subprocess.Popen[str]:
    """Begin a run; it has imported all it needs, and goes on alone."""
    run = subprocess.Popen([sys.executable, "-c", RUN, str(vol), str(out)], stdout=subprocess.PIPE, text=True)
    if run.stdout is None or run.stdout.readline() != "begin\n":
        raise RuntimeError("the run did not begin")
    return run


def kill_runs(count: int, outputs: tuple[str, ...] = OUTPUTS, seed: int | None = None) -> dict[str, int]:
    """Kill so many runs; return how often there was nothing and how often all."""
    chance = random.Random(seed)
    seen = {"nothing": 0, "complete": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vol = folder / "vol.npy"
        np.save(vol, np.random.default_rng(0).standard_normal((120, 80, 80)).astype(np.float32))
        want, took = {}, {}
        for output in outputs:
            (folder / "whole").mkdir(exist_ok=True)
            with start(vol, folder / "whole" / output) as run:
                at = time.perf_counter()
            assert run.returncode == 0
            took[output] = time.perf_counter() - at
            want[output] = contents(folder / "whole" / output)
        for k in range(count):
            output = outputs[k % len(outputs)]
            out = folder / "killed" / output
            out.parent.mkdir(exist_ok=True)
            with start(vol, out) as run:
                time.sleep(chance.random() * 1.1 * took[output])
                run.send_signal(signal.SIGKILL)
            left = [p.name for p in out.parent.iterdir() if not p.name.startswith(".")]
            if not out.exists():
                seen["nothing"] += 1
                assert left == [], left
                if output == "m.ply":
                    assert [p.name for p in out.parent.iterdir() if p.name.endswith(".part")] == []
            else:
                assert contents(out) == want[output], f"half of {output}"
                seen["complete"] += 1
                shutil.rmtree(out) if out.is_dir() else out.unlink()
        # A run that is not killed sweeps away what the others left.
        for output in outputs[::-1]:
            with start(vol, folder / "killed" / output) as run:
                pass
            assert run.returncode == 0
            assert contents(folder / "killed" / output) == want[output]
        assert sorted(p.name for p in (folder / "killed").iterdir()) == sorted(outputs)
    return seen


if __name__ == "__main__":
    print(kill_runs(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
