# SPDX-License-Identifier: MIT
"""Gradients on the interpreted GPU, for battery.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import volumes
from ptx.comparing import noise, order, same
from ptx.host import Host
from torch import Tensor
from torchmcubes_bw import isosurface
from torchmcubes_bw.arguments.points import points
from torchmcubes_bw.arguments.request import request
from torchmcubes_bw.arguments.volume import volume
from torchmcubes_bw.backends import choose
from torchmcubes_bw.backends.cpu_gradient import Direction

DTYPES = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64")


def check_gradient(
    host: Host,
    vol: Tensor,
    level: float,
    along: bool = False,
    asked: tuple[bool, bool] = (True, True),
    mask: Tensor | None = None,
    nan: str = "raise",
    border: str = "open",
) -> None:
    """Compare the gradient by volume and level, or its derivative in a direction, with the CPU's."""
    rng = np.random.default_rng(3)
    mesh = isosurface(vol, level, mask=mask, nan=nan, border=border).verts
    verts = torch.from_numpy(rng.standard_normal(mesh.shape)).to(mesh.dtype)
    towards = (
        Direction(torch.from_numpy(rng.standard_normal(vol.shape)).to(mesh.dtype), 0.7) if along else None
    )
    wanted = request(volume(vol, "Nz, Ny, Nx"), level, mask, nan, border)
    want = choose.vertex_gradients(wanted, verts, *asked, towards)
    got = host.gradient(vol, level, verts, asked, towards, mask=mask, nan=nan, border=border)
    what = (
        tuple(vol.shape),
        vol.stride(),
        str(vol.dtype),
        level,
        along,
        asked,
        border,
        host.device.rules.seed,
    )
    pairs = [(a, b) for a, b in ((got.volume, want.volume), (got.verts, want.verts)) if b is not None]
    same(tuple(a for a, _ in pairs), tuple(b for _, b in pairs), what)
    if got.level != want.level:
        raise AssertionError(f"{what}: the level's gradient is {got.level}, wanted {want.level}")


def gradients(host: Host) -> None:
    """Rows, planes and segments of all kinds of ends, several tiles; threads in random orders."""
    shapes = [(1, 5, 5), (2, 2, 2), (4, 3, 1), (3, 4, 2), (2, 3, 31), (3, 2, 32), (2, 3, 33), (3, 4, 65)]
    for seed, shape in enumerate([*shapes, (2, 3, 1100), (2, 70, 64), (2, 300, 5), (34, 2, 2)]):
        check_gradient(host, noise(shape, seed), 0.1)
    check_gradient(host, torch.from_numpy(volumes.ball((20, 24, 70), (45.2, 10.1, 9.7), 8.2)), 0.0)
    check_gradient(host, torch.ones(3, 4, 5), 0.0)
    order(host, int(host.seed))
    check_gradient(host, noise((3, 5, 70)), 0.1)
    check_gradient(host, noise((3, 4, 40), 2).double(), 0.1, along=True, border="closed")


def gradients_of_requests(host: Host) -> None:
    """Of every type, with masks, NaN to skip and closed borders; the level's or the volume's alone."""
    rng = np.random.default_rng(6)
    for k, (name, nx) in enumerate(zip(DTYPES, (31, 33, 62, 64, 66, 63, 32, 70, 40), strict=True)):
        vol = torch.from_numpy(rng.integers(0, 6, (3, 4, nx))).to(getattr(torch, name))
        mask = torch.from_numpy(rng.random(vol.shape) < 0.9)
        check_gradient(host, vol, 2.3, asked=(k % 2 == 0, k % 2 == 1))
        if vol.is_floating_point():
            vol[torch.from_numpy(rng.random(vol.shape) < 0.05)] = float("nan")
        options: dict[str, Any] = {"mask": mask, "nan": "skip", "border": "closed" if k % 2 else "open"}
        check_gradient(host, vol, 3.0, **options)
        check_gradient(host, vol, 2.3, along=True, asked=(True, k % 2 == 1), **options)
    check_gradient(host, noise((9, 10, 71)).permute(2, 1, 0), 0.1, border="closed")
    check_gradient(host, noise((9, 10, 71))[::2, 1::2, ::3], 0.1, along=True)
    wild = torch.from_numpy(rng.choice([-np.inf, -3e38, -1, 1e-45, 2, 3e38, np.inf], (3, 4, 67)))
    check_gradient(host, wild, 0.5)
    check_gradient(host, wild.float(), 0.5, along=True)


def gradients_of_points(host: Host) -> None:
    """Between samples, on them, on and beyond the grid's sides, of one sample an axis, with a NaN."""
    rng = np.random.default_rng(4)
    for shape in ((3, 4, 5, 6), (1, 1, 5, 1)):
        at = torch.from_numpy(rng.random((300, 3))) * torch.tensor(shape[:0:-1]) * 1.2 - 0.5
        at[5, 1], at[9, 0] = float("nan"), float("inf")
        at[20:100].floor_()
        for dtype in (torch.float32, torch.float64):
            vol, where = torch.from_numpy(rng.standard_normal(shape)).to(dtype), at.to(dtype)
            values = torch.from_numpy(rng.standard_normal((shape[0], 300))).to(dtype).T
            samples = volume(vol, "C, Nz, Ny, Nx")
            _, want = choose.value_gradients(samples, points(where, samples), values, False, True)
            if want is None:
                raise AssertionError("the CPU makes no gradient by the points")
            same((host.gradient_by_points(vol, where, values),), (want,), (shape, dtype))


def for_mutants(host: Host) -> None:
    """What every mutant of the kernels of gradients shows on."""
    for along in (False, True):
        check_gradient(host, noise((3, 5, 70)), 0.1, along=along)
    check_gradient(host, noise((2, 40, 70)), 0.1)
    gradients_of_points(host)
    check_gradient(host, noise((3, 4, 40)).double(), 0.1, along=True, border="closed")
