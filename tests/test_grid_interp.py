# SPDX-License-Identifier: MIT
import numpy as np
import pytest
import reference
import torch
from torchmcubes_bw import grid_interp, marching_cubes


def case(shape=(3, 4, 5, 6), count=200, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    vol = rng.standard_normal(shape).astype(dtype)
    points = (rng.uniform(-0.5, 1.5, (count, 3)) * shape[:0:-1]).astype(dtype)
    return vol, points


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (1, 1, 1, 1), (2, 1, 7, 2), (5, 9, 1, 1)], ids=str)
def test_equals_the_oracle(shape, dtype):
    vol, points = case(shape, dtype=dtype)
    got = grid_interp(vol, points).numpy()
    assert got.dtype == dtype
    assert got.tobytes() == reference.grid_interp(vol, points).tobytes()


def test_samples_themselves_and_points_outside():
    vol = torch.arange(24.0).reshape(1, 2, 3, 4)
    z, y, x = np.indices((2, 3, 4)).reshape(3, -1)
    at = torch.tensor(np.stack([x, y, z], axis=1), dtype=torch.float32)
    assert torch.equal(grid_interp(vol, at)[:, 0], vol.flatten())
    far = torch.tensor([[-9.0, -9, -9], [99, 99, 99], [float("inf"), 0, 0], [-float("inf"), 1, 1]])
    assert grid_interp(vol, far)[:, 0].tolist() == [0.0, 23.0, 3.0, 16.0]


def test_nan_point_gives_nan_and_no_other():
    vol = torch.ones(2, 3, 3, 3)
    points = torch.ones(40, 3)
    points[7, 1] = float("nan")
    values = grid_interp(vol, points)
    assert torch.isnan(values[7]).all()
    assert torch.isnan(values).sum() == 2


def test_agrees_with_grid_sample():
    vol, points = (torch.from_numpy(a) for a in case((4, 20, 21, 22), 5000))
    size = torch.tensor([22, 21, 20])
    grid = (points / (size - 1) * 2 - 1)[None, None, None]
    want = torch.nn.functional.grid_sample(vol[None], grid, align_corners=True, padding_mode="border")[
        0, :, 0, 0
    ].T
    assert torch.allclose(grid_interp(vol, points), want, atol=2e-5)


def test_shapes_without_content():
    vol, points = case()
    assert grid_interp(vol, points[:0]).shape == (0, 3)
    assert grid_interp(vol[:0], points).shape == (200, 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.uint8, torch.int64, torch.bool], ids=str)
def test_other_dtypes_are_computed_in_float32(dtype):
    vol = torch.randint(0, 2, (2, 4, 4, 4)).to(dtype)
    points = torch.rand(50, 3) * 3
    got = grid_interp(vol, points)
    assert got.dtype == torch.float32
    assert torch.equal(got, grid_interp(vol.float(), points))
    assert torch.equal(grid_interp(vol.float(), points.double()), got)


def test_strided_arguments():
    vol, points = (torch.from_numpy(a) for a in case())
    want = grid_interp(vol, points)
    assert torch.equal(grid_interp(vol.transpose(1, 3).contiguous().transpose(1, 3), points), want)
    assert torch.equal(grid_interp(vol, points.T.contiguous().T), want)


def test_negated_views():
    """torch negates some views when they are read, the imaginary part of a conjugate for one."""
    vol, points = (torch.from_numpy(a) for a in case())
    want = grid_interp(-vol, points)
    for view in (torch._neg_view(vol), torch.complex(vol, vol).conj().imag):
        assert view.is_neg()
        assert torch.equal(grid_interp(view, points), want)
    assert torch.equal(grid_interp(-vol, torch._neg_view(-points)), want)
    assert torch.equal(marching_cubes(torch._neg_view(vol[0]), 0.1)[0], marching_cubes(-vol[0], 0.1)[0])


@pytest.mark.parametrize("count", [1, 2, 7])
def test_thread_counts(count, threads):
    vol, points = case((3, 30, 31, 32), 70_000)
    threads(1)
    want = grid_interp(vol, points)
    threads(count)
    assert torch.equal(grid_interp(vol, points), want)


def test_more_samples_than_fit_31_bits():
    vol = torch.zeros(1, dtype=torch.float32).expand(1, 2, 2, 2)
    assert grid_interp(vol, torch.zeros(1, 3)).item() == 0
    big = torch.zeros((2, 2, 2, 2**28 + 3))  # 8.6 GB of address space, one page touched
    big[1, 1, 1, -1] = 5
    at = torch.tensor([[2.0**28 + 2, 1, 1]])
    assert grid_interp(big, at).tolist() == [[0.0, 5.0]]


def test_warps_a_meshs_vertices():
    """The use that the function exists for: coordinates looked up at vertices."""
    coordinates = torch.stack(torch.meshgrid(*[torch.arange(8.0)] * 3, indexing="ij")).flip(0)
    verts, _ = marching_cubes((coordinates - 3.5).norm(dim=0) - 2.2, 0.0)
    assert torch.allclose(grid_interp(coordinates, verts), verts, atol=1e-5)
