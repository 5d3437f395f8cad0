# SPDX-License-Identifier: MIT
"""Samples of every real dtype, at any strides, read by the core itself."""

import re

import numpy as np
import pytest
import torch
from torchmcubes_bw import _core, grid_interp, marching_cubes
from torchmcubes_bw.arguments.samples import checked

# What each dtype is read as, where that is another.
READ_AS = {
    "int64": torch.float64,
    "uint32": torch.float64,
    "uint64": torch.float64,
    "uint16": torch.int32,
    "bool": torch.uint8,
}
FLOAT8 = [f"float8_{kind}" for kind in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu")]
NAMES = ["float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", *READ_AS, *FLOAT8]
NAMES = [name for name in NAMES if hasattr(torch, name)]
FLOAT8 = [name for name in FLOAT8 if name in NAMES]


def volume(name, shape=(9, 10, 70)):
    """Return a volume of finite samples that use their type, and a level among them."""
    rng, dtype = np.random.default_rng(3), getattr(torch, name)
    if name in FLOAT8:
        every = torch.arange(256, dtype=torch.uint8)
        finite = every[every.view(dtype).float().isfinite()]
        return finite[torch.from_numpy(rng.integers(0, len(finite), shape))].view(dtype), 0.7
    low = -100 if name.startswith(("i", "f", "b")) else 0
    whole = torch.from_numpy(rng.integers(low, 2 if name == "bool" else 120, shape))
    return (whole > 0, 0.3) if name == "bool" else (whole.to(dtype), 17.25)


def views(vol):
    return vol, vol.transpose(0, 2), vol[::2, 1:, ::3], vol[:, :1].expand(vol.shape)


@pytest.mark.parametrize("name", NAMES)
def test_a_dtype_is_read_as_it_is_said(name):
    vol, level = volume(name)
    read_as = READ_AS.get(name, torch.float32 if name in FLOAT8 else vol.dtype)
    for view in views(vol):
        verts, faces = marching_cubes(view, level)
        want = marching_cubes(view.to(read_as).contiguous(), level)
        assert len(faces) > 20
        assert verts.dtype == (torch.float64 if name == "float64" else torch.float32)
        assert torch.equal(verts, want[0].to(verts.dtype))
        assert torch.equal(faces, want[1])


@pytest.mark.parametrize("name", NAMES)
def test_interpolation_reads_every_dtype(name):
    vol, _ = volume(name)
    real = torch.float64 if name == "float64" else torch.float32
    at = torch.from_numpy(np.random.default_rng(1).uniform(-1, 9, (300, 3)))
    for view in views(vol):
        stack = view[None].expand(2, *view.shape)
        got = grid_interp(stack, at.T.contiguous().T)
        assert torch.equal(got, grid_interp(stack.to(real).contiguous(), at.to(real)))
        assert got.dtype == real
    few = vol[:3, 0, 3:6]  # as points
    assert torch.equal(grid_interp(torch.rand(1, 4, 5, 6) * 0 + 2, few), torch.full((3, 1), 2.0))


@pytest.mark.parametrize("name", FLOAT8)
def test_all_values_of_eight_bits(name):
    every = torch.arange(256, dtype=torch.uint8).view(getattr(torch, name))
    want = every.float()
    got = grid_interp(every.reshape(256, 1, 1, 1), torch.zeros(1, 3))[0]
    assert torch.equal(got[want.isnan()].isnan(), torch.ones(int(want.isnan().sum()), dtype=torch.bool))
    assert torch.equal(got[want.isfinite()], want[want.isfinite()])
    for k in range(256):
        line = every[k].expand(2, 2, 2)
        assert survey(line).nans == (8 if want[k].isnan() else 0)
        assert survey(line).low == want[k] or want[k].isnan()


def survey(vol):
    at = checked(vol, "vol")
    return _core.survey(at.address, at.dtype, at.shape, at.strides, 2)


@pytest.mark.parametrize("name", NAMES)
def test_survey(name):
    vol, _ = volume(name, (40, 50, 130))
    for view in (vol, vol.transpose(0, 2)[3:, ::2]):
        seen, wide = survey(view), view.to(torch.float64)
        assert (seen.low, seen.high, seen.nans, seen.first_nan) == (wide.min(), wide.max(), 0, -1)


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "bfloat16"])
def test_survey_of_nan(name):
    vol, _ = volume(name, (40, 50, 130))
    places = torch.from_numpy(np.random.default_rng(2).integers(0, vol.numel(), 99)).unique()
    vol.view(-1)[places] = float("nan")
    for view in (vol, vol.transpose(0, 1), vol[5:, 7:, 1::2]):
        flat = view.flatten()
        nans = flat.isnan()
        seen = survey(view)
        assert seen.nans == nans.sum()
        assert seen.first_nan == nans.to(torch.uint8).argmax()
        assert (seen.low, seen.high) == (flat[~nans].min(), flat[~nans].max())
    nothing = survey(torch.full((2, 2, 2), float("nan"), dtype=vol.dtype))
    assert nothing.low > nothing.high


@pytest.mark.parametrize("level", [-1, 0, 0.2, 1, 1.0001, 3])
def test_any_byte_of_a_bool_but_0_is_true(level):
    rng = np.random.default_rng(0)
    bytes_ = torch.from_numpy(rng.choice(np.array([0, 0, 1, 2, 127, 128, 255], np.uint8), (6, 7, 66)))
    odd, clean = bytes_.view(torch.bool), bytes_ != 0
    for a, b in zip(views(odd)[:3], views(clean)[:3], strict=True):
        for got, want in zip(marching_cubes(a, level), marching_cubes(b, level), strict=True):
            assert torch.equal(got, want)
    points = torch.from_numpy(rng.uniform(0, 6, (50, 3)))
    assert torch.equal(grid_interp(odd[None], points), grid_interp(clean[None].float(), points))


@pytest.mark.parametrize("name", ["bits8", "float4_e2m1fn_x2", "uint4", "int4", "quint4x2"])
def test_no_real_dtype(name):
    if not hasattr(torch, name):
        pytest.skip("this torch has no such dtype")
    odd = torch.ones(1, 3, 3, 3, dtype=torch.uint8).view(getattr(torch, name))
    calls = {
        "vol": [lambda: marching_cubes(odd[0], 1), lambda: grid_interp(odd, torch.ones(1, 3))],
        "points": [lambda: grid_interp(torch.ones(1, 3, 3, 3), odd[0, 0])],
        "thresh": [lambda: marching_cubes(torch.ones(3, 3, 3), odd[0, 0, 0, :1])],
    }
    for argument, of_argument in calls.items():
        for call in of_argument:
            with pytest.raises(TypeError, match=rf"^{argument} must have a real dtype, got torch\.{name}$"):
                call()


@pytest.mark.parametrize("kind", [np.longlong, np.ulonglong, np.int_, np.uint, np.intc, np.longdouble])
def test_numpys_own_names_of_a_size(kind):
    vol = np.arange(27).reshape(3, 3, 3).astype(kind)
    wide = torch.from_numpy(vol.astype(np.float64))
    verts, faces = marching_cubes(vol, 12.5)
    want = marching_cubes(wide, 12.5)
    assert torch.equal(verts, want[0].to(verts.dtype))
    assert torch.equal(faces, want[1])
    assert grid_interp(vol[None], np.ones((1, 3), kind)).item() == 13


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_negated_views_of_every_dtype(dtype):
    vol = torch.from_numpy(np.random.default_rng(5).standard_normal((6, 7, 8))).to(dtype)
    for a, b in zip(
        marching_cubes(torch._neg_view(vol)[1:], 0.1), marching_cubes(-vol[1:], 0.1), strict=True
    ):
        assert torch.equal(a, b)


@pytest.mark.parametrize("shape", [(1, 64, 64), (64, 1, 64), (64, 64, 1), (1, 1, 9), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_side_of_one_sample_has_no_cells(shape, name):
    vol, level = volume(name, shape)
    verts, faces = marching_cubes(vol, level)
    assert verts.shape == faces.shape == (0, 3)
    assert verts.dtype == (torch.float64 if name == "float64" else torch.float32)
    if "float" in name and name not in FLOAT8:
        vol.view(-1)[-1] = float("nan")
        last = re.escape(str([n - 1 for n in shape]))
        with pytest.raises(ValueError, match=rf"got 1 NaN sample, the first at vol{last}"):
            marching_cubes(vol, level)
