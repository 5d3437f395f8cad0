# SPDX-License-Identifier: MIT
"""Cells and blocks: the dense mesh's bytes where they cover it, whatever their order."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sparse_grids import blocks_of, cells_of, crossed, shuffled
from torchmcubes_bw import _core, marching_cubes, marching_cubes_blocks, marching_cubes_cells
from torchmcubes_bw.compat.cubvh import sparse_marching_cubes
from volumes import ball, gyroid, noise

DTYPES = ["float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "uint16"]


def assert_same(got, want):
    for a, b in zip(got, want, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


VOLUMES = {
    "noise": noise((9, 14, 150)),
    "a long row": noise((3, 4, 500), seed=2),
    "ball": ball((40, 41, 70), (33.3, 20.2, 19.7), 15.1),
    "gyroid": gyroid(48),
}


@pytest.mark.parametrize("name", VOLUMES)
def test_crossed_cells_make_the_dense_mesh(name):
    vol = torch.from_numpy(VOLUMES[name])
    coords, corners = cells_of(vol, crossed(vol, 0.1))
    assert_same(marching_cubes_cells(coords, corners, 0.1), marching_cubes(vol, 0.1))
    assert_same(marching_cubes_cells(*shuffled(coords.int(), corners), 0.1), marching_cubes(vol, 0.1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype):
    vol = (torch.from_numpy(noise((8, 9, 70))) * 9).round().clamp(-100, 100)
    vol = (vol.abs() if dtype.startswith("u") else vol).to(getattr(torch, dtype))
    numbers = vol if dtype != "uint16" else vol.int()  # torch indexes no uint16
    coords, corners = cells_of(numbers, crossed(numbers, 2.5))
    got = marching_cubes_cells(coords, corners.to(vol.dtype), 2.5)
    assert_same(got, marching_cubes(vol, 2.5))


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8, 64, 67])
def test_blocks_make_the_dense_mesh(side):
    along = {1: 5, 64: 1, 67: 1}.get(side, 3)
    vol = torch.from_numpy(noise((side + 1, 2 * side + 1, along * side + 1), seed=side))
    coords, values = shuffled(*blocks_of(vol, side))
    assert_same(marching_cubes_blocks(coords, values, 0.2), marching_cubes(vol, 0.2))


@pytest.mark.parametrize("side", [1, 3, 8])
def test_what_is_left_out_is_as_masked(side):
    vol = torch.from_numpy(noise((4 * side + 1, 5 * side + 1, 40 // side * side + 1), seed=5))
    random = np.random.default_rng(9)
    keep = {}
    coords, values = blocks_of(vol, side, lambda *p: keep.setdefault(p, random.random() < 0.4))
    verts, faces = marching_cubes_blocks(*shuffled(coords, values), 0.0)
    mask = torch.zeros(vol.shape, dtype=torch.bool)
    for x, y, z in coords.tolist():
        mask[tuple(slice(p * side, p * side + side + 1) for p in (z, y, x))] = True
    # A mask is of samples: cells between blocks count there, and here do not.
    dense_verts, dense_faces = marching_cubes(vol, 0.0, mask=mask)
    soup, dense = (
        {tuple(map(tuple, t.tolist())) for t in v[f.long()]}
        for v, f in ((verts, faces), (dense_verts, dense_faces))
    )
    assert soup <= dense
    assert len(soup) == len(faces)
    assert len(verts) == len(torch.unique(faces))
    z, y, x = (torch.from_numpy(g) for g in np.ogrid[tuple(slice(0, n - 1) for n in vol.shape)])
    held = torch.zeros(vol.shape, dtype=torch.bool)[:-1, :-1, :-1].clone()
    for bx, by, bz in coords.tolist():
        held[tuple(slice(p * side, p * side + side) for p in (bz, by, bx))] = True
    assert_same(marching_cubes_cells(*cells_of(vol, held), 0.0), (verts, faces))


def test_places_may_be_negative_and_far():
    vol = torch.from_numpy(ball((20, 20, 20), (9.3, 9.2, 9.1), 6.4)).double()
    coords, corners = cells_of(vol, crossed(vol, 0))
    verts, faces = marching_cubes(vol, 0)
    for shift in ([-1000, -3, -70], [2**33, 5, -(2**33)]):
        got, got_faces = marching_cubes_cells(coords + torch.tensor(shift), corners, 0)
        assert torch.equal(got_faces, faces)
        assert torch.allclose(got - torch.tensor(shift, dtype=torch.float64), verts, rtol=0, atol=1e-5)


def test_islands_far_apart():
    corners = torch.tensor([[-1.0, 1, 1, 1, 1, 1, 1, 1]])
    coords = torch.tensor([[0, 0, 0], [500, 0, 0], [0, 500, 0], [0, 0, 500]])
    verts, faces = marching_cubes_cells(coords, corners.expand(4, 8), 0)
    assert len(verts) == 12
    assert sorted(faces.reshape(-1).tolist()) == list(range(12))


def test_strides_and_arrays():
    vol = torch.from_numpy(noise((6, 7, 30)))
    coords, corners = cells_of(vol, crossed(vol, 0))
    want = marching_cubes(vol, 0)
    wide = torch.zeros(len(corners), 16).copy_(corners.repeat_interleave(2, 1))
    assert_same(marching_cubes_cells(coords.T.contiguous().T, wide[:, ::2], 0), want)
    assert_same(marching_cubes_cells(coords.numpy().astype(np.int16), corners.numpy(), 0), want)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_same_bytes_for_every_thread_count(threads):
    vol = torch.from_numpy(noise((30, 31, 65), seed=4))
    coords, corners = shuffled(*cells_of(vol, crossed(vol, 0)))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        got = marching_cubes_cells(coords, corners, 0)
    finally:
        torch.set_num_threads(before)
    assert_same(got, marching_cubes(vol, 0))


SNIPPET = """
import sys; sys.path.insert(0, {tests!r})
import torch, test_sparse as t
from conftest import mesh_hash
vol = torch.from_numpy(t.noise((17, 17, 145)))
blocks = t.shuffled(*t.blocks_of(vol, 8, lambda z, y, x: (x + y + z) % 3))
cells = t.shuffled(*t.cells_of(vol, t.crossed(vol, 0.1)[:, :, ::2].repeat_interleave(2, 2)))
print(mesh_hash(*t.marching_cubes_blocks(*blocks, 0.1)), mesh_hash(*t.marching_cubes_cells(*cells, 0.1)))
"""


def test_the_same_bytes_on_every_simd_level(run_python):
    code = SNIPPET.format(tests=str(Path(__file__).parent))
    assert len({run_python(code, TORCHMCUBES_SIMD=level) for level in _core.simd_levels()}) == 1


def test_nothing():
    for found in (
        marching_cubes_cells(torch.zeros(0, 3, dtype=torch.int64), torch.zeros(0, 8), 0),
        marching_cubes_blocks(torch.zeros(2, 3, dtype=torch.int32)[:1], torch.ones(1, 9, 9, 9), 0),
    ):
        assert [tuple(part.shape) for part in found] == [(0, 3), (0, 3)]


ONE = torch.zeros(1, 3, dtype=torch.int32)
TWO = torch.tensor([[0, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (lambda: marching_cubes_cells(ONE, torch.zeros(1, 7), 0), ValueError,
         "corners must have shape (N, 8), got shape (1, 7)"),
        (lambda: marching_cubes_cells(ONE.float(), torch.zeros(1, 8), 0), TypeError,
         "coords must have an integer dtype, got torch.float32"),
        (lambda: marching_cubes_cells(ONE[0], torch.zeros(1, 8), 0), ValueError,
         "coords must have shape (N, 3), got shape (3,)"),
        (lambda: marching_cubes_cells(ONE, torch.zeros(2, 8), 0), ValueError,
         "coords must have a row for each cell of corners, 2, got shape (1, 3)"),
        (lambda: marching_cubes_blocks(ONE, torch.zeros(1, 4, 4, 5), 0), ValueError,
         "values must have shape (N, B + 1, B + 1, B + 1) with B at least 1, got shape (1, 4, 4, 5)"),
        (lambda: marching_cubes_blocks(ONE.expand(2, 3), torch.zeros(2, 3, 3, 3), 0), ValueError,
         "coords must name each block once, got (0, 0, 0) twice"),
        (lambda: marching_cubes_cells(TWO, torch.arange(16.0).reshape(2, 8), 0), ValueError,
         "corners must agree where cells share a corner, got 1 and 8 at the sample (1, 0, 0)"),
        (lambda: marching_cubes_cells(ONE, torch.full((1, 8), float("nan")), 0), ValueError,
         "corners must not contain NaN, got one at the sample (0, 0, 0)"),
        (lambda: marching_cubes_cells(TWO * 2**41, torch.zeros(2, 8), 0), ValueError,
         "coords must lie within 2^40 of 0, and in a box that, its sides rounded up to powers of 2, "
         "has at most 2^62 positions"),
    ],
)  # fmt: skip
def test_errors(call, kind, text):
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == text


def test_a_meta_tensor_has_no_data():
    with pytest.raises(TypeError, match="coords must be a tensor with data"):
        marching_cubes_cells(ONE.to("meta"), torch.zeros(1, 8), 0)


def test_the_call_of_cubvh():
    vol = torch.from_numpy(ball((20, 21, 22), (9.3, 10.2, 9.1), 6.4))
    coords, corners = cells_of(vol, crossed(vol, 0))
    theirs = corners[:, [0, 1, 3, 2, 4, 5, 7, 6]]  # around the lower face, around the upper
    assert_same(sparse_marching_cubes(coords.int(), theirs, 0.0), marching_cubes(vol, 0))
    apart = theirs + 0.01 * torch.from_numpy(np.random.default_rng(0).random(theirs.shape)).float()
    with pytest.raises(ValueError, match="corners must agree where cells share a corner"):
        sparse_marching_cubes(coords, apart, 0.0)
    verts, faces = sparse_marching_cubes(coords, apart, 0.0, ensure_consistency=True)
    assert len(torch.unique(faces)) == len(verts)
    radius = (verts - torch.tensor([9.3, 10.2, 9.1])).norm(dim=1)
    assert (radius - 6.4).abs().max() < 0.1
