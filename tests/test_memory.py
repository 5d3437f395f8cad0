# SPDX-License-Identifier: MIT
"""Memory that runs out at any allocation of a call: one error, and the next call works."""

import json
import sys

import pytest

CODE = """
import collections, json, re, resource
import numpy as np, torch
from torchmcubes_bw import grid_interp, marching_cubes

torch.set_num_threads(2)
noise = torch.rand(64, 64, 64)
points = torch.rand(50_000, 3) * 60
cases = {
    "float32": (marching_cubes, noise, 0.5),
    "int64": (marching_cubes, (noise * 9).long(), 4),
    "strided": (marching_cubes, noise.transpose(0, 2), 0.5),
    "big-endian": (marching_cubes, noise.numpy().astype(">f4"), 0.5),
    "negated": (marching_cubes, torch._neg_view(noise), -0.5),
    "grid_interp": (grid_interp, (noise * 9).byte().expand(4, 64, 64, 64), points.double()),
}
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
answers = {}
for name, (function, *arguments) in cases.items():
    function(*arguments)
    seen = collections.Counter()
    for k in range(60):
        used = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
        resource.setrlimit(resource.RLIMIT_AS, (used + k * 65536 + k * k * 4096, hard))
        try:
            function(*arguments)
            said = "a result"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        seen[said] += 1
    function(*arguments)
    answers[name] = seen
print(json.dumps(answers))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are set and read as on Linux")
def test_every_allocation_that_fails_has_one_face(run_python):
    # Blocks go back to the system at once, so that a limit meets every allocation anew.
    plain = {"MALLOC_MMAP_THRESHOLD_": "4096", "MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_ARENA_MAX": "1"}
    for name, seen in json.loads(run_python(CODE, **plain)).items():
        shape = (4, 64, 64, 64) if name == "grid_interp" else (64, 64, 64)
        refused = f"MemoryError: vol needs more memory than there is, got shape {shape}"
        assert set(seen) == {"a result", refused}, name
        assert min(seen.values()) >= 5, (name, seen)
