# SPDX-License-Identifier: MIT
"""Cells and blocks on the emulated GPU, for cases.py."""

import ctypes
import os

import numpy as np
import torch
import volumes
from sparse_grids import blocks_of, cells_of, crossed, shuffled, some_of
from torchmcubes_bw.arguments import blocks as arguments
from torchmcubes_bw.backends import cuda, cuda_sparse, sparse

FAR = [[-1000, -3, -70], [2**33, 5, -(2**33)], [-(2**40), 2**40 - 40, 31]]


def ask(coords, values, level):
    if values.dim() == 2:
        return arguments.cells(coords, values, level)
    return arguments.blocks(coords, values, level)


def check(kernels, coords, values, level):
    """Byte for byte against the CPU."""
    asked = ask(coords, values, level)
    got, want = cuda_sparse.surface(kernels, 0, asked), sparse.surface(asked)
    assert got is not None, "the kernels found trouble where there is none"
    for a, b in zip(got[:2], want[:2], strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape), (tuple(values.shape), a.shape, b.shape)
        assert a.numpy().tobytes() == b.numpy().tobytes(), tuple(values.shape)
    return got


def one_cell(kernels):
    """The host waits once; of what the kernels are told to do, that is."""
    waits = ctypes.CDLL(os.environ["TORCHMCUBES_LIBCUDA"]).mc_emulated_waits
    before = waits()
    check(kernels, torch.tensor([[5, 6, 7]]), torch.tensor([[-1.0, 1, 1, 1, 1, 1, 1, 1]]), 0.0)
    assert waits() - before == 1


def cells(kernels):
    """Those that a surface crosses, all, and some; sorted and not, with positions of every integer type."""
    for seed, shape in enumerate([(9, 14, 150), (3, 4, 500), (2, 2, 2), (2, 2, 33), (5, 70, 34)]):
        vol = torch.from_numpy(volumes.noise(shape, seed))
        for held in (crossed(vol, 0.1), torch.ones(tuple(n - 1 for n in shape), dtype=torch.bool)):
            coords, corners = cells_of(vol, held)
            check(kernels, coords, corners, 0.1)
            check(kernels, *some_of(coords.int(), corners, 0.4), 0.1)
    ball = torch.from_numpy(volumes.ball((20, 21, 70), (33.3, 10.2, 9.7), 8.1))
    coords, corners = shuffled(*cells_of(ball, crossed(ball, 0.0)))
    verts, _, _ = check(kernels, coords, corners, 0.0)
    assert len(verts) > 500
    for dtype in (torch.uint8, torch.int16, torch.uint16, torch.uint32):
        check(kernels, coords.to(dtype), corners, 0.0)
    all_cases = torch.tensor([[-1.0 if case >> c & 1 else 0.7 for c in range(8)] for case in range(256)])
    apart = torch.stack(torch.meshgrid(*[3 * torch.arange(n) for n in (8, 8, 4)], indexing="ij"), 3)
    check(kernels, apart.reshape(-1, 3), all_cases, 0.0)


def blocks(kernels):
    """Of several sides, with and without gaps between them."""
    for side, shape in ((1, (3, 3, 40)), (2, (3, 3, 20)), (3, (2, 3, 12)), (8, (2, 2, 4)), (16, (1, 1, 3)),
                        (31, (1, 1, 3)), (33, (1, 1, 2)), (64, (1, 1, 1)), (70, (1, 1, 1))):  # fmt: skip
        sides = tuple(n * side + 1 for n in shape)
        make = volumes.noise(sides, side) if side < 20 else volumes.ball(sides, (side, side / 2, 9.2), 8.3)
        coords, values = blocks_of(torch.from_numpy(make), side)
        verts, _, _ = check(kernels, *shuffled(coords, values), 0.2)
        assert len(verts) > 0
        check(kernels, *some_of(coords - 2, values, 0.5, seed=side), 0.2)


def places(kernels):
    """Negative positions and far ones, islands far apart, and some that share a corner or an edge only."""
    vol = torch.from_numpy(volumes.ball((12, 12, 40), (20.3, 6.2, 5.1), 4.4))
    for some in (vol, vol.double()):
        coords, corners = cells_of(some, crossed(some, 0))
        for shift in FAR:
            check(kernels, coords + torch.tensor(shift), corners, 0)
    two = torch.stack([vol[:9, :9, :9], vol[:9, :9, 8:17]])
    for step in ([1, 0, 0], [1, 1, 0], [0, -1, 1], [1, 1, 1], [2**19, -(2**19), 2**19], [2**40, 0, 0]):
        same_corner = two.clone()
        same_corner[:] = 1.0
        same_corner[:, 3:6, 3:6, 3:6] = -1.0
        same_corner[:, ::8, ::8, ::8] = -0.5
        check(kernels, torch.tensor([[0, 0, 0], step]), same_corner, 0)


def dtypes(kernels):
    """Every type of samples, any strides, ties, infinities, wide faces, and nothing at all."""
    names = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64",
             "uint16", "uint32", "bool")  # fmt: skip
    whole = torch.from_numpy(np.random.default_rng(7).integers(0, 6, (9, 9, 41)))
    for name in names:
        vol = whole > 2 if name == "bool" else whole
        coords, values = blocks_of(vol, 4)
        for level in (0.5, 1, 2.5):
            check(kernels, *shuffled(coords, values.to(getattr(torch, name))), level)
    coords, values = blocks_of(whole.float(), 4)
    check(kernels, coords.T.contiguous().T, values.permute(0, 3, 2, 1).contiguous().permute(0, 3, 2, 1), 2)
    wide = torch.zeros(20, 16).copy_(torch.arange(320.0).reshape(20, 16) % 7)
    check(kernels, 2 * torch.arange(60).reshape(20, 3), wide[:, ::2], 3.0)
    check(kernels, 2 * torch.arange(60).reshape(20, 3), wide[:1, :8].expand(20, -1), 3.0)
    rng = np.random.default_rng(1)
    for extreme in ([-np.inf, np.inf, 0, -1, 1], [-3e38, 3e38, 0, -0.0, 1e-45]):
        vol = torch.from_numpy(rng.choice(extreme, (5, 5, 41)).astype(np.float32))
        check(kernels, *blocks_of(vol, 4), 0.0)
        check(kernels, *blocks_of(vol.double(), 4), 1e-300)
    check(kernels, coords, values, 9.0)
    check(kernels, coords, values, -9.0)
    for kind in (torch.float32, torch.float64, torch.int64):
        check(kernels, torch.zeros(0, 3, dtype=torch.int32), torch.zeros(0, 8, dtype=kind), 0.0)


def trouble(kernels):
    """Whatever the CPU refuses, the kernels find, wherever it is; boxes beyond their keys are the CPU's."""
    vol = torch.from_numpy(volumes.noise((9, 9, 41)))
    coords, values = blocks_of(vol, 4)

    def refused(coords, values):
        asked = ask(coords, values, 0.1)
        assert cuda_sparse.surface(kernels, 0, asked) is None
        try:
            sparse.surface(asked)
        except ValueError:
            return
        raise AssertionError("only the kernels found trouble")

    rng = np.random.default_rng(5)
    for _ in range(12):
        k, at = rng.integers(len(values)), tuple(rng.integers(5, size=3))
        bad = values.clone()
        bad[(k, *at)] = float("nan")
        refused(coords, bad)
    shared = 0
    around, held = blocks_of(torch.from_numpy(volumes.noise((7, 7, 7))), 2)
    for k, at in [(k, at) for k in (0, 13) for at in np.ndindex(3, 3, 3)]:
        bad = held.clone()
        bad[(k, *at)] += 0.5
        asked = ask(around, bad, 0.1)
        try:
            sparse.surface(asked)
        except ValueError:
            shared += 1
            assert cuda_sparse.surface(kernels, 0, asked) is None, (k, at)
        else:
            check(kernels, around, bad, 0.1)
    assert shared == 26 + 19
    refused(torch.cat([coords, coords[7:8]]), torch.cat([values, values[7:8]]))
    cell = torch.tensor([[-1.0, 1, 1, 1, 1, 1, 1, 1]])
    refused(torch.tensor([[5, -3, 2]] * 3), cell.expand(3, -1))
    for far in ([[0, 0, 0], [2**40 + 1, 0, 0]], [[2**62, 0, 0], [-(2**62), 0, 0]], [[2**62] * 3, [0, 0, 0]]):
        refused(torch.tensor(far), cell.expand(2, -1))
    refused(torch.tensor([[0, 0, 0], [2**21, 2**21, 2**21]]), cell.expand(2, -1))
    for far, size in (([[0, -(2**40), 0], [0, 2**40, 2**20 - 1]], 2), ([[0, 0, 0], [2**20 - 1] * 3], 9)):
        asked = ask(torch.tensor(far), torch.ones(2, size, size, size), 0.0)
        assert len(sparse.surface(asked).verts) == 0
        try:
            cuda_sparse.surface(kernels, 0, asked)
        except cuda.NoKernels as reason:
            if str(reason) != "its kernels number the words of a grid's box up to 2^62":
                raise AssertionError(str(reason)) from reason
        else:
            raise AssertionError("keys went over")
    check(kernels, coords, values, 0.1)


CASES = (one_cell, cells, blocks, places, dtypes, trouble)
