# SPDX-License-Identifier: MIT
"""Samples so far apart that their difference overflows, and infinite ones: a vertex stays where it is due."""

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import reference
import torch
from torchmcubes_bw import _core, grid_interp, marching_cubes

LARGEST = {dtype: torch.finfo(dtype).max for dtype in (torch.float32, torch.float64, torch.bfloat16)}


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("dtype", LARGEST, ids=str)
def test_the_middle_between_the_largest_and_the_least(dtype, axis):
    vol = torch.full((2, 2, 2), LARGEST[dtype], dtype=dtype)
    vol.select(2 - axis, 0).neg_()
    verts, _ = marching_cubes(vol, 0.0)
    assert verts[:, axis].tolist() == [0.5] * 4
    assert torch.equal(verts, marching_cubes(vol / 2, 0.0)[0])


def far_apart(dtype, level, seed=0):
    """Return samples below and above the level by turns, of every size up to the type's largest."""
    rng = np.random.default_rng(seed)
    info = np.finfo(dtype)
    size = np.ldexp(rng.uniform(1, 2, 150), rng.integers(info.maxexp - 4, info.maxexp, 150)).astype(dtype)
    size[::7] = info.max
    size[3::11] = np.ldexp(rng.uniform(1, 2, len(size[3::11])), info.minexp - 3)
    row = np.where(
        np.arange(150) % 2, np.maximum(size, level), np.minimum(-size, np.nextafter(level, -info.max))
    )
    return np.ascontiguousarray(np.broadcast_to(row.astype(dtype), (2, 2, 150)))


def exact_places(row, level):
    samples = [Fraction(float(v)) for v in row]
    at = Fraction(float(level))
    return [k + (at - a) / (b - a) for k, (a, b) in enumerate(pairwise(samples))]


@pytest.mark.parametrize("level", [0.0, 1e-44, -3.0, 1.5e38, -1.5e38, 3.3e38])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_finite_pair_is_right_to_the_last_places(dtype, level):
    level = dtype(level if dtype is np.float32 else level * 5e269)
    vol = far_apart(dtype, level)
    want = exact_places(vol[0, 0], level)
    for axis in range(3):
        verts, _ = marching_cubes(np.moveaxis(vol, 2, 2 - axis), level)
        got = np.sort(verts.numpy()[:, axis])[::4]
        assert len(got) == 149
        for place, exact in zip(got, want, strict=True):
            assert abs(Fraction(float(place)) - exact) <= 2 * Fraction(float(np.spacing(place))), (
                place,
                exact,
            )


EXTREMES = [-np.inf, -1, 0, 1, np.inf]


def extreme_meshes():
    """Return the meshes' bytes of volumes that mix usual, huge, tiny and infinite samples."""
    found = []
    for dtype in (np.float32, np.float64):
        largest, least = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
        values = np.array([*EXTREMES, largest, -largest, largest / 2, -largest / 2, least, -least], dtype)
        vol = np.random.default_rng(1).choice(values, (5, 6, 70))
        for level in (0.0, 0.25, largest, -largest, largest / 3, least, np.inf):
            found.append([vol, level, marching_cubes(vol, level)])
    return found


def test_equals_the_oracle():
    for vol, level, (verts, faces) in extreme_meshes():
        want_verts, want_faces = reference.marching_cubes(vol, level)
        assert verts.numpy().tobytes() == want_verts.tobytes()
        assert faces.numpy().tobytes() == want_faces.tobytes()


SNIPPET = """
import sys; sys.path.insert(0, {tests!r})
import hashlib, json, test_extreme_samples as t
from torchmcubes_bw import _core
parts = [part.numpy().tobytes() for _, _, mesh in t.extreme_meshes() for part in mesh]
print(json.dumps([_core.simd_level(), hashlib.sha256(b"".join(parts)).hexdigest()]))
"""


def test_every_simd_level_gives_the_same_bytes(run_python):
    code = SNIPPET.format(tests=str(Path(__file__).parent))
    got = dict(json.loads(run_python(code, TORCHMCUBES_SIMD=level)) for level in _core.simd_levels())
    assert list(got) == _core.simd_levels()
    assert len(set(got.values())) == 1


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.uint16, torch.uint8], ids=str)
def test_the_widest_integers(dtype):
    info = torch.iinfo(dtype)
    vol = torch.tensor([info.min, info.max]).to(dtype).expand(2, 2, 2)
    middle = info.max / 2 + info.min / 2
    verts, _ = marching_cubes(vol.clone(), middle)
    assert verts[:, 0].tolist() == [0.5] * 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("infinite", [float("inf"), float("-inf")])
def test_grid_interp_beside_an_infinite_sample(infinite, dtype):
    vol = torch.arange(27, dtype=dtype).reshape(1, 3, 3, 3)
    vol[0, 2, 2, 2] = vol[0, 1, 1, 1] = infinite
    z, y, x = torch.meshgrid(*[torch.arange(3)] * 3, indexing="ij")
    at = torch.stack([x, y, z], -1).reshape(-1, 3).to(dtype)
    assert torch.equal(grid_interp(vol, at)[:, 0], vol.flatten())  # each sample at its own place
    beyond = torch.tensor([[9, 9, 9], [2, 2, 1.5], [2, 1.5, 2], [1.5, 2, 2]], dtype=dtype)
    assert grid_interp(vol, beyond).flatten().tolist() == [infinite] * 4
    assert grid_interp(vol, torch.tensor([[0.5, 0, 0]], dtype=dtype)).item() == 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_grid_interp_equals_the_oracle(dtype):
    rng = np.random.default_rng(3)
    vol = rng.choice(np.array([-np.inf, -1, 2, np.inf, np.finfo(dtype).max], dtype), (2, 4, 5, 6))
    points = rng.choice(np.arange(-1, 7, 0.5), (400, 3)).astype(dtype)
    got, want = grid_interp(vol, points).numpy(), reference.grid_interp(vol, points)
    assert np.isnan(want).any()  # between -inf and inf
    assert np.array_equal(got, want, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_grid_interp_of_the_largest_samples_is_finite(dtype):
    points = torch.rand(20_000, 3, dtype=dtype, generator=torch.Generator().manual_seed(0)) * 3
    for largest in (torch.finfo(dtype).max, torch.finfo(dtype).min):
        values = grid_interp(torch.full((1, 4, 4, 4), largest, dtype=dtype), points)
        assert torch.isfinite(values).all()
        assert torch.allclose(values, values.new_tensor(largest), rtol=8 * torch.finfo(dtype).eps)
