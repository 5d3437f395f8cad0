# SPDX-License-Identifier: MIT
"""Calls in a forked child whose parent has used torch's threads: the child has none of them."""

import hashlib
import multiprocessing

import numpy as np
import pytest
import torch
from torchmcubes_bw import grid_interp, isosurface, marching_cubes

pytestmark = [
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform"
    ),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
# As many samples as torch gives to several threads.
WHOLE = torch.from_numpy(np.random.default_rng(0).integers(0, 9, (64, 64, 64)))
NAN = torch.where(WHOLE == 0, float("nan"), WHOLE.float())
POINTS = torch.from_numpy(np.random.default_rng(0).uniform(0, 9, (70_000, 3)))
NAMES = [n for n in ("int64", "uint16", "uint32", "uint64", "float8_e5m2", "bool") if hasattr(torch, n)]


def several(vols, level):
    return tuple(isosurface(vols, level))


def of_a_size(vol, level):
    return tuple(isosurface(vol, level, max_verts=400_000, max_faces=900_000))


CALLS = {
    **{name: (marching_cubes, WHOLE.to(getattr(torch, name)), 0.5) for name in NAMES},
    "a NaN": (marching_cubes, NAN, 0.5),
    "a NaN, no cells": (marching_cubes, NAN[:, :, 3:4], 0.5),
    "a negated view": (marching_cubes, torch._neg_view(WHOLE.float()), -0.5),
    "a negated view of bfloat16": (marching_cubes, torch._neg_view(WHOLE.bfloat16()), -0.5),
    "a big-endian array": (marching_cubes, WHOLE.numpy().astype(">i8"), 0.5),
    "several volumes": (several, torch.stack([WHOLE.float()] * 3), 0.5),
    "results of a fixed size": (of_a_size, WHOLE.float(), 0.5),
    "grid_interp of uint8": (grid_interp, WHOLE.to(torch.uint8).expand(3, 64, 64, 64), POINTS),
    "grid_interp of float32": (grid_interp, WHOLE.float()[None].transpose(1, 3), POINTS),
}


def _outcome(name):
    function, *arguments = CALLS[name]
    try:
        result = function(*arguments)
    except ValueError as error:
        return str(error)
    parts = result if isinstance(result, tuple) else (result,)
    return [hashlib.sha256(part.numpy().tobytes()).hexdigest() for part in parts]


def _send_outcome(name, pipe):
    pipe.send(_outcome(name))


@pytest.mark.parametrize("name", CALLS)
def test_after_torch_has_used_its_threads(name):
    torch.rand(300_000).sqrt()
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    child = fork.Process(target=_send_outcome, args=(name, there), daemon=True)
    child.start()
    answer = here.recv() if here.poll(20) else "no answer"
    child.kill()
    child.join()
    assert answer == _outcome(name)
