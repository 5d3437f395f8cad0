# SPDX-License-Identifier: MIT
"""Meshes, byte for byte against the oracle."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import reference
import torch
import volumes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torchmcubes_bw import fields, grid_interp, marching_cubes
from torchmcubes_bw.arguments.samples import checked

NATIVE = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.bool,
]
CONVERTED = [  # torch before 2.3 has not all of them
    getattr(torch, name)
    for name in ("int64", "uint16", "uint32", "uint64", "float8_e4m3fn")
    if hasattr(torch, name)
]


def as_oracle(vol):
    """Return a tensor as the NumPy array that the oracle computes alike."""
    name = str(vol.dtype).removeprefix("torch.")
    if name in ("bfloat16", "float16", "float8_e4m3fn"):
        vol = vol.float()
    if name == "uint16":
        vol = vol.to(torch.int32)
    return vol.numpy()


def check(vol, thresh):
    """Compare with the oracle: same bytes."""
    verts, faces = marching_cubes(vol, thresh)
    array = vol if isinstance(vol, np.ndarray) else as_oracle(vol)
    want_verts, want_faces = reference.marching_cubes(array, thresh)
    assert verts.numpy().dtype == want_verts.dtype
    assert faces.numpy().dtype == want_faces.dtype
    assert faces.numpy().tobytes() == want_faces.tobytes()
    assert verts.numpy().tobytes() == want_verts.tobytes()
    return verts, faces


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
def test_unsigned_arrays_before_torch_2_3(monkeypatch, name):
    """Such a torch knows none of their dtypes."""
    array = np.random.default_rng(5).integers(0, 60_000, (5, 6, 7)).astype(name)
    want_verts, want_faces = marching_cubes(array.astype("int32"), 30_000)
    with monkeypatch.context() as older:
        older.delattr(torch, name, raising=False)
        verts, faces = marching_cubes(array, 30_000)
    assert torch.equal(faces, want_faces)
    torch.testing.assert_close(verts, want_verts, check_dtype=False)


@pytest.mark.parametrize("low, high", [(-1.0, 1.0), (-0.1, 0.9), (-3.0, 0.25)])
def test_all_256_cubes(low, high):
    for case in range(256):
        corners = [low if case >> c & 1 else high for c in range(8)]
        check(torch.tensor(corners).reshape(2, 2, 2), 0.0)


SHAPES = [
    (2, 2, 2),
    (1, 5, 5),
    (5, 1, 5),
    (5, 5, 1),
    (1, 1, 1),
    (1, 1, 9),
    (2, 3, 63),
    (3, 2, 64),
    (2, 3, 65),
    (3, 3, 66),
    (2, 2, 127),
    (2, 3, 128),
    (3, 2, 129),
    (2, 2, 200),
    (65, 3, 2),
    (3, 66, 2),
    (7, 11, 13),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_random_shapes(shape, seed):
    check(torch.from_numpy(volumes.noise(shape, seed)), 0.1)


@pytest.mark.parametrize("dtype", NATIVE + CONVERTED, ids=str)
@pytest.mark.parametrize("thresh", [0.5, 1, 1.5, -0.25, 300.0, -300.0])
def test_dtypes_with_ties(dtype, thresh):
    values = np.random.default_rng(7).integers(0, 4, (4, 5, 70))
    signed = dtype.is_signed
    vol = torch.from_numpy(values - 2 if signed else values)
    vol = (vol > 0) if dtype == torch.bool else vol.to(torch.float32).to(dtype)
    check(vol, thresh)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32], ids=str)
def test_integer_extremes(dtype):
    info = torch.iinfo(dtype)
    values = torch.tensor([info.min, info.min + 1, 0, 1, info.max - 1, info.max], dtype=dtype)
    vol = values[torch.from_numpy(np.random.default_rng(3).integers(0, 6, (4, 4, 66)))]
    for thresh in (info.min, info.min + 0.5, info.max, info.max + 0.5, 0.5, 1e30, -1e30):
        check(vol, thresh)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_every_half(dtype):
    bits = torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
    finite = bits[torch.isfinite(bits)]
    vol = finite[: len(finite) // 4 * 4].reshape(2, 2, -1)
    verts, faces = marching_cubes(vol, 3e-6)
    want = marching_cubes(vol.float(), 3e-6)
    assert torch.equal(verts, want[0])
    assert torch.equal(faces, want[1])
    assert len(faces) > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
@pytest.mark.parametrize("thresh", [0.0, float("inf"), float("-inf")])
def test_infinite_samples_and_levels(dtype, thresh):
    rng = np.random.default_rng(11)
    vol = torch.from_numpy(rng.choice([-np.inf, -1, 0, 2, np.inf], (4, 5, 67))).to(dtype)
    check(vol, thresh)


def test_float64_keeps_its_precision():
    vol = volumes.noise((5, 6, 7)).astype(np.float64) + 1e-12
    verts, _ = check(vol, 0.1)
    assert verts.dtype == torch.float64
    assert not torch.equal(verts, verts.float().double())


@pytest.mark.parametrize("dtype", CONVERTED, ids=str)
def test_converted_integers_give_float32(dtype):
    """Computed in float64, as samples beyond 2^24 show, and rounded once at the end."""
    if not dtype.is_floating_point and dtype.itemsize > 2:
        vol = torch.tensor([2**24, 2**24 + 1] * 4, dtype=torch.int64).reshape(2, 2, 2).to(dtype)
        verts, _ = check(vol, 2**24 + 0.7)
        assert torch.equal(verts[:, 0], torch.full((4,), 0.7))
    else:
        verts, _ = check(torch.tensor([0, 1] * 4).reshape(2, 2, 2).float().to(dtype), 0.5)
    assert verts.dtype == torch.float32
    assert verts.is_contiguous()


def test_int32_beyond_float32():
    vol = torch.tensor([2**24, 2**24 + 1] * 4, dtype=torch.int32).reshape(2, 2, 2)
    _, faces = check(vol, 2**24 + 0.5)
    assert len(faces) == 2


STRIDED = {
    "transposed": lambda v: v.permute(2, 1, 0),
    "swapped": lambda v: v.transpose(1, 2),
    "stepped": lambda v: v[::2, 1::2, ::3],
    "sliced": lambda v: v[1:-1, 2:, 3:-2],
    "expanded": lambda v: v[:1].expand(4, -1, -1),
    "expanded in x": lambda v: v[:, :, :1].expand(-1, -1, 70),
    "channels last": lambda v: torch.stack([v, -v], dim=-1)[..., 1],
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.uint8], ids=str)
@pytest.mark.parametrize("view", STRIDED, ids=str)
def test_strides(view, dtype):
    base = torch.from_numpy(volumes.noise((9, 10, 71))).mul(3).abs().to(dtype)
    vol = STRIDED[view](base)
    assert not vol.is_contiguous()
    verts, faces = marching_cubes(vol, 1.5)
    want_verts, want_faces = marching_cubes(vol.contiguous(), 1.5)
    assert torch.equal(faces, want_faces)
    assert torch.equal(verts, want_verts)


def test_numpy_views():
    vol = volumes.noise((6, 7, 8))
    for view in (vol[::-1], vol[:, ::-2], vol.T, vol.astype(">f4"), vol.astype(np.longdouble)):
        check(np.ascontiguousarray(view, dtype=np.float32), 0.1)
        verts, faces = marching_cubes(view, 0.1)
        want = marching_cubes(np.ascontiguousarray(view, dtype=np.float32), 0.1)
        assert torch.equal(faces, want[1])
        assert torch.allclose(verts.float(), want[0], atol=1e-6)
    vol.flags.writeable = False
    check(vol, 0.1)


def test_fields_of_packed_records():
    """Their samples lie a step apart that is no multiple of their size."""
    vol = volumes.noise((6, 7, 8))
    records = np.zeros(vol.shape, dtype=[("tag", "u1"), ("value", "f4")])
    records["value"] = vol
    want = marching_cubes(vol, 0.1)
    for got, same in zip(marching_cubes(records["value"], 0.1), want, strict=True):
        assert torch.equal(got, same)


def test_read_only_arrays_are_not_copied():
    vol = volumes.noise((6, 7, 8))
    vol.flags.writeable = False
    try:
        torch.from_dlpack(vol)
    except (BufferError, TypeError):
        pytest.skip("this torch and NumPy pass no read-only memory to each other")
    assert checked(vol, "vol").address == vol.ctypes.data


@pytest.mark.parametrize("where", ["meta", "cuda"])
def test_default_device(where):
    """What torch allocates by default is elsewhere; results are where the volume is."""
    vol = torch.from_numpy(volumes.noise((4, 5, 6)))
    points = torch.rand(9, 3)
    want = [*marching_cubes(vol, 0.1), grid_interp(vol[None], points), fields.sample("noise", 5)]
    with torch.device(where):
        got = [*marching_cubes(vol, 0.1), grid_interp(vol[None], points), fields.sample("noise", 5)]
        samples = [fields.sample(name, 5) for name in fields.FIELDS]
        with pytest.raises(ValueError, match="1 NaN sample, the first at"):
            marching_cubes(np.full((1, 1, 1), np.nan), 0)
    for a, b in zip(got, want, strict=True):
        assert a.device.type == "cpu"
        assert torch.equal(a, b)
    assert {sample.device.type for sample in samples} == {"cpu"}


@settings(max_examples=60, deadline=None, print_blob=True)
@given(
    vol=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6),
        elements=st.sampled_from([-np.inf, -(2.0**99), -1.0, -(2.0**-126), 0.0, 0.25, 1.0, 2.0**99, np.inf]),
    ),
    thresh=st.sampled_from([0.0, 0.25, -1.0, 2.0**99, np.inf]),
)
def test_awkward_values(vol, thresh):
    check(vol, thresh)


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_nothing_crossed(value):
    verts, faces = marching_cubes(torch.full((4, 4, 4), value), 0.0)
    assert verts.shape == faces.shape == (0, 3)
    assert verts.dtype == torch.float32
    assert faces.dtype == torch.int32


def test_results_are_the_callers_own():
    vol = torch.from_numpy(volumes.ball((9, 9, 9), (4, 4, 4), 3))
    verts, faces = marching_cubes(vol, 0.0)
    for result in (verts, faces):
        assert not result.requires_grad
        assert result.is_contiguous()
        assert result.device == vol.device
        result += 1  # writable
    again, _ = marching_cubes(vol, 0.0)
    assert torch.equal(again + 1, verts)


@pytest.mark.parametrize(
    "thresh", [0, 0.0, np.float32(0), np.float64(0), np.int64(0), np.array(0.0), np.array([0.0]),
               torch.tensor(0.0), torch.tensor([0]), torch.tensor(0.0, requires_grad=True), False,
               Decimal(0), Fraction(0), np.float16(0), np.longdouble(0), np.ma.array(0.0)],
    ids=repr,
)  # fmt: skip
def test_kinds_of_level(thresh):
    vol = torch.from_numpy(volumes.ball((6, 6, 6), (2.5, 2.5, 2.5), 2))
    assert torch.equal(marching_cubes(vol, thresh)[0], marching_cubes(vol, 0.0)[0])


def test_keywords():
    vol = torch.from_numpy(volumes.ball((6, 6, 6), (2.5, 2.5, 2.5), 2))
    assert len(marching_cubes(vol=vol, thresh=0.0)[0]) > 0


def test_more_samples_than_fit_31_bits():
    """A crossing behind the 2^31st sample, in memory of which one page is touched."""
    vol = torch.zeros((2, 2, 2**29 + 70), dtype=torch.uint8)
    vol[1, 1, -1] = 9
    verts, faces = marching_cubes(vol, 4.5)
    assert vol.numel() > 2**31
    assert len(verts) == 3
    assert faces.tolist() == [[0, 2, 1]] or len(faces) == 1
    assert verts[:, 0].max() == float(np.float32(2**29 + 69))
