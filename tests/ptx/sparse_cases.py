# SPDX-License-Identifier: MIT
"""Cells and blocks on the interpreted GPU, for battery.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import volumes
from ptx.host import Host
from sparse_grids import blocks_of, cells_of, crossed, shuffled, some_of
from torch import Tensor
from torchmcubes_bw.arguments import blocks as arguments
from torchmcubes_bw.backends import sparse as on_cpu


def check(host: Host, coords: Tensor, values: Tensor, level: float, trouble: bool = False) -> None:
    """Compare with the CPU, byte for byte, or see that both find trouble."""
    asked = (arguments.cells if values.dim() == 2 else arguments.blocks)(coords, values, level)
    got = host.sparse(asked)
    if trouble or got is None:
        assert got is None, "trouble went unnoticed"
        assert trouble, "there is no trouble"
        return
    for a, b in zip(got, on_cpu.surface(asked)[:2], strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape), (tuple(values.shape), a.shape, b.shape)
        assert a.numpy().tobytes() == b.numpy().tobytes(), (tuple(values.shape), host.device.rules.seed)


def noise(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.from_numpy(volumes.noise(shape, seed))


def sparse(host: Host) -> None:
    """Cells and blocks in any order, with gaps, negative and far, of both types; and what is refused."""
    vol = noise((4, 6, 70))
    coords, corners = cells_of(vol, crossed(vol, 0.1))
    check(host, coords, corners, 0.1)
    check(host, *some_of(coords - torch.tensor([9, 2**33, 5]), corners.double(), 0.5), 0.1)
    for side, shape in ((2, (2, 3, 9)), (3, (1, 2, 11)), (8, (1, 2, 5)), (16, (1, 1, 3)), (40, (1, 1, 1))):
        sides = tuple(n * side + 1 for n in shape)
        some = noise(sides, side) if side < 10 else torch.from_numpy(volumes.ball(sides, (9, 8.2, 7.6), 6.1))
        coords, values = blocks_of(some, side)
        check(host, *some_of(coords - 1, values, 0.7), 0.1)
    coords, values = blocks_of(noise((5, 9, 21)), 4)
    extreme = torch.from_numpy(np.random.default_rng(4).choice([-np.inf, -3e38, 0, 1, np.inf], (5, 5, 13)))
    check(host, *blocks_of(extreme.float(), 4), 0.0)
    check(host, *blocks_of(extreme * 5e269, 4), 0.0)
    check(host, *blocks_of((noise((5, 5, 9)) * 50).int(), 4), 3)
    check(host, coords, values, 9.0)
    host.device.rules = replace(host.device.rules, seed=int(host.seed))
    check(host, *shuffled(coords, values), 0.1)
    for k, at in ((3, (0, 4, 2)), (0, (1, 1, 1)), (7, (4, 0, 0))):
        bad = values.clone()
        bad[(k, *at)] = float("nan")
        check(host, coords, bad, 0.1, trouble=True)
    values[8, 2, 0, 1] += 1
    check(host, coords, values, 0.1, trouble=True)
    check(host, coords[[3, 4, 3]], values[[3, 4, 3]], 0.1, trouble=True)


def for_mutants_of_sparse(host: Host) -> None:
    vol = noise((3, 5, 70), 1)
    check(host, *some_of(*cells_of(vol, torch.ones(2, 4, 69, dtype=torch.bool)), 0.9), 0.1)
    check(host, *blocks_of(noise((5, 5, 9)).double(), 4), 0.1)
