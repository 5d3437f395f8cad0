# SPDX-License-Identifier: MIT
"""Every error: its type, and its text from the first letter to the last."""

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torchmcubes_bw import (
    _core,
    dual_marching_cubes,
    grid_interp,
    isosurface,
    label_surfaces,
    marching_cubes,
)

VOL = torch.ones(3, 4, 5)
VOLS = torch.ones(2, 3, 4, 5)
POINTS = torch.zeros(7, 3)


def nan_volume(dtype=torch.float32):
    vol = torch.ones(4, 5, 70, dtype=dtype)
    vol[1, 2, 69] = vol[1, 3, 0] = vol[3, 4, 68] = float("nan")
    return vol


MASKED = np.ma.masked_equal(np.arange(24.0).reshape(2, 3, 4), 7)
LONG_ROW = torch.tensor([0, 1], dtype=torch.uint8).as_strided((2, 2, 2**32 + 64), (0, 1, 0))
MANY = torch.ones(1, 1, 1).expand(2**62, 1, 1)
FORWARD_MODE = "gradients go backward here, got a forward-mode tangent with a tensor of shape"
SKIP = ' (nan="skip" passes over them)'
NAN_TEXT = "vol must not contain NaN, got 3 NaN samples, the first at vol[1, 2, 69]" + SKIP

CASES = [
    (marching_cubes, ([[[1.0]]], 0), TypeError,
     "vol must be a torch.Tensor or numpy.ndarray, got list"),
    (marching_cubes, (None, 0), TypeError,
     "vol must be a torch.Tensor or numpy.ndarray, got NoneType"),
    (marching_cubes, (torch.ones(2, 3), 0), ValueError,
     "vol must have 3 dimensions (Nz, Ny, Nx), got shape (2, 3)"),
    (marching_cubes, (VOL.to(torch.complex64), 0), TypeError,
     "vol must have a real dtype, got torch.complex64"),
    (marching_cubes, (np.ones((2, 2, 2), complex), 0), TypeError,
     "vol must have a real dtype, got complex128"),
    (marching_cubes, (np.full((2, 2, 2), "a"), 0), TypeError,
     "vol must have a real dtype, got <U1"),
    (marching_cubes, (VOL.to_sparse(), 0), TypeError,
     "vol must be a dense tensor, got layout torch.sparse_coo"),
    (marching_cubes, (torch.ones(2, 2, 2, device="meta"), 0), TypeError,
     "vol must be a tensor with data, got one on device meta"),
    (marching_cubes, (MASKED, 0), TypeError,
     "vol must have no masked elements, got 1: pass vol.filled(...)"),
    (marching_cubes, (MANY, 0), ValueError,
     "vol must have at most 2^48 elements, got shape (4611686018427387904, 1, 1)"),
    (marching_cubes, (torch.ones(0, 4, 4), 0), ValueError,
     "vol must have no empty side, got shape (0, 4, 4)"),
    (marching_cubes, (VOL, "0.5"), TypeError, "thresh must be a number, got str"),
    (marching_cubes, (VOL, None), TypeError, "thresh must be a number, got NoneType"),
    (marching_cubes, (VOL, 1j), TypeError, "thresh must be a number, got complex"),
    (marching_cubes, (VOL, np.complex64(1 + 2j)), TypeError, "thresh must be a number, got complex64"),
    (marching_cubes, (VOL, torch.tensor(1j)), TypeError,
     "thresh must have a real dtype, got torch.complex64"),
    (marching_cubes, (VOL, torch.ones((), device="meta")), TypeError,
     "thresh must be a tensor with data, got one on device meta"),
    (marching_cubes, (VOL, np.datetime64("2020-01-01")), TypeError,
     "thresh must be a number, got datetime64"),
    (marching_cubes, (VOL, np.timedelta64(1, "s")), TypeError, "thresh must be a number, got timedelta64"),
    (marching_cubes, (VOL, np.void(b"12345678")), TypeError, "thresh must be a number, got void"),
    (marching_cubes, (VOL, np.ma.masked), TypeError,
     "thresh must have no masked elements, got 1: pass thresh.filled(...)"),
    (marching_cubes, (VOL, torch.tensor([0.0, 1.0])), ValueError,
     "thresh must be a single number, got shape (2,)"),
    (marching_cubes, (VOL, float("nan")), ValueError, "thresh must not be NaN, got nan"),
    (marching_cubes, (VOL, Decimal("sNaN")), ValueError,
     "thresh must be a number, got Decimal('sNaN')"),
    (marching_cubes, (VOL, 10**308 * 10), ValueError,
     "thresh must be in the range of float64, got 10000000000000000000…00000000000000000000"),
    (marching_cubes, (VOL, 1 << 20000), ValueError,
     "thresh must be in the range of float64, got an int of 20001 bits"),
    (marching_cubes, (VOL, Decimal("1e400")), ValueError,
     "thresh must be in the range of float64, got Decimal('1E+400')"),
    (marching_cubes, (VOL, Decimal("-1e400")), ValueError,
     "thresh must be in the range of float64, got Decimal('-1E+400')"),
    (marching_cubes, (nan_volume(), 0), ValueError, NAN_TEXT),
    (marching_cubes, (nan_volume(torch.float64), 0), ValueError, NAN_TEXT),
    (marching_cubes, (nan_volume(torch.float16), 0), ValueError, NAN_TEXT),
    (marching_cubes, (nan_volume(torch.bfloat16), 0), ValueError, NAN_TEXT),
    (marching_cubes, (torch.full((1, 1, 1), float("nan")), 0), ValueError,
     "vol must not contain NaN, got 1 NaN sample, the first at vol[0, 0, 0]" + SKIP),
    (marching_cubes, (LONG_ROW, 0.5), ValueError,
     "vol must have at most 858993459 samples a row (Nx), got shape (2, 2, 4294967360)"),
    (grid_interp, ("vol", POINTS), TypeError,
     "vol must be a torch.Tensor or numpy.ndarray, got str"),
    (grid_interp, (VOL, POINTS), ValueError,
     "vol must have 4 dimensions (C, Nz, Ny, Nx), got shape (3, 4, 5)"),
    (grid_interp, (torch.ones(1, 2, 0, 2), POINTS), ValueError,
     "vol must have no empty side, got shape (1, 2, 0, 2)"),
    (grid_interp, (VOLS, [0, 0, 0]), TypeError,
     "points must be a torch.Tensor or numpy.ndarray, got list"),
    (grid_interp, (VOLS, torch.zeros(3)), ValueError,
     "points must have shape (P, 3), got shape (3,)"),
    (grid_interp, (VOLS, torch.zeros(3, 2)), ValueError,
     "points must have shape (P, 3), got shape (3, 2)"),
    (grid_interp, (VOLS, POINTS.to(torch.complex64)), TypeError,
     "points must have a real dtype, got torch.complex64"),
    (grid_interp, (VOLS, POINTS.to("meta")), TypeError,
     "points must be a tensor with data, got one on device meta"),
    (grid_interp, (MASKED[None], POINTS), TypeError,
     "vol must have no masked elements, got 1: pass vol.filled(...)"),
    (grid_interp, (VOLS, np.ma.array(POINTS, mask=True)), TypeError,
     "points must have no masked elements, got 21: pass points.filled(...)"),
    (grid_interp, (MANY[None], POINTS), ValueError,
     "vol must have at most 2^48 elements, got shape (1, 4611686018427387904, 1, 1)"),
]  # fmt: skip


@pytest.mark.parametrize("function, arguments, kind, text", CASES, ids=[c[3] for c in CASES])
def test_error(function, arguments, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        function(*arguments)


def wrapper():
    class Wrapper(torch.Tensor):
        @classmethod
        def __torch_dispatch__(cls, *_arguments):
            return NotImplemented

    return torch.Tensor._make_wrapper_subclass(Wrapper, (2, 3, 4))


def fake():
    with FakeTensorMode():
        return torch.ones(2, 3, 4)


def resized(size, strides=(12, 4, 1)):
    tensor = torch.ones(2, 3, 4).as_strided((2, 3, 4), strides)
    tensor.untyped_storage().resize_(size)
    return tensor


def nested():
    return torch.nested.nested_tensor([torch.ones(3, 4)] * 2)


WITHOUT_DATA = "{} must be a tensor with data, got a {} without memory"
NO_MEMORY = [
    (wrapper, TypeError, WITHOUT_DATA.format("vol", "Wrapper")),
    (lambda: torch._efficientzerotensor((2, 3, 4)), TypeError, WITHOUT_DATA.format("vol", "Tensor")),
    (lambda: resized(0), TypeError, WITHOUT_DATA.format("vol", "Tensor")),
    (lambda: resized(95), ValueError, "vol must have memory for its shape (2, 3, 4), got 95 bytes"),
    (lambda: resized(95, (1, 2, 6)), ValueError,
     "vol must have memory for its shape (2, 3, 4), got 95 bytes"),
    (nested, TypeError, "vol must be a dense tensor, got a nested one"),
]  # fmt: skip


@pytest.mark.parametrize("make, kind, text", NO_MEMORY, ids=lambda value: getattr(value, "__name__", value))
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_tensors_that_are_not_all_in_memory(make, kind, text):
    """What was a crash of the process: there is nothing at the address, or less than the shape says."""
    for function in (marching_cubes, grid_interp):
        with pytest.raises(kind, match=f"^{re.escape(text)}$"):
            function(make(), POINTS if function is grid_interp else 0)


def test_a_fake_tensor_whose_mode_knows_no_sizes():
    text = "vol must be in a FakeTensorMode with a shape_env: a mesh's size is not known before, "
    text += "got a FakeTensor"
    with pytest.raises(TypeError, match=f"^{text}$"):
        marching_cubes(fake(), 0)


@pytest.mark.parametrize("others", [True, False])
def test_fake_tensor_mode(others):
    """Arguments are real there, results are not: the calls must not fill them."""
    ball = torch.tensor([1.0, -1.0, 1.0] * 9).reshape(3, 3, 3)
    calls = [(marching_cubes, v, t) for v in (ball, ball.long(), nan_volume()) for t in (0, 9)]
    calls += [(grid_interp, v, POINTS) for v in (VOLS, VOLS.double())]
    with FakeTensorMode(allow_non_fake_inputs=others):
        for function, *arguments in calls:
            text = WITHOUT_DATA.format("the result", "FakeTensor")
            with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
                function(*arguments)
        text = WITHOUT_DATA.format("vol", "FakeTensor")
        with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
            marching_cubes(np.ones((3, 3, 3)), 0)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("name", ["vmap", "jvp", "functionalize"])
def test_inside_a_transform(name):
    """torch.func's transforms pass on tensors that stand for others."""
    run = {
        "vmap": lambda f, x: torch.vmap(f)(x[None]),
        "jvp": lambda f, x: torch.func.jvp(f, (x,), (x,)),
        "functionalize": lambda f, x: torch.func.functionalize(f)(x),
    }[name]
    for argument, function, given in [
        ("vol", lambda x: marching_cubes(x, 0)[0].sum(), VOL),
        ("vol", lambda x: grid_interp(x, POINTS).sum(), VOLS),
        ("points", lambda x: grid_interp(VOLS, x).sum(), POINTS),
        ("thresh", lambda x: marching_cubes(VOL, x)[0].sum(), torch.tensor(0.0)),
    ]:
        text = f"({argument}|vol|the result) must be a tensor with data, got"
        with pytest.raises(TypeError, match=f"^{FORWARD_MODE if name == 'jvp' else text}"):
            run(function, given)


def test_a_tangent_of_forward_mode():
    with forward_ad.dual_level():
        for argument, function in [
            (VOL, lambda x: marching_cubes(x, 0)),
            (torch.tensor(0.0), lambda x: marching_cubes(VOL, x)),
            (VOL, lambda x: isosurface(VOL, 0.0, attributes=x[None])),
            (VOL, lambda x: dual_marching_cubes(x, 0)),
            (VOLS, lambda x: grid_interp(x, POINTS)),
            (POINTS, lambda x: grid_interp(VOLS, x)),
        ]:
            given = forward_ad.make_dual(argument, torch.ones_like(argument))
            with pytest.raises(TypeError, match=f"^{FORWARD_MODE}"):
                function(given)
        assert len(marching_cubes(VOL, 0.1)) == 2


@pytest.mark.skipif(
    np.finfo(np.longdouble).max <= np.finfo(np.float64).max, reason="longdouble is float64 here"
)
@pytest.mark.parametrize("wrap", [lambda v: v, np.array, lambda v: np.array([[v]])])
def test_a_level_that_only_longdouble_holds(wrap):
    for text in ("1e400", "-1e400"):
        with pytest.raises(ValueError, match="in the range of float64, got"):
            marching_cubes(VOL, wrap(np.longdouble(text)))
    assert marching_cubes(VOL, wrap(np.longdouble("inf")))[0].shape == (0, 3)
    assert len(marching_cubes(torch.arange(8.0).reshape(2, 2, 2), wrap(np.longdouble(0.5)))[1])


def test_a_recorded_call(run_python):
    """In a process of its own: torch's tracer stumbles over what other libraries leave to be collected."""
    tests = str(Path(__file__).parent)
    run_python(f"import sys; sys.path.insert(0, {tests!r}); import test_errors as t; t.record_calls()")


def record_calls():
    """See that recorders are refused: what they record is the results' memory without what fills it."""
    calls = [
        ("vol", lambda x: marching_cubes(x, 0)),
        ("vol", lambda x: [x + 1, *marching_cubes(VOL, 0)]),
        ("vol", lambda _x: marching_cubes(VOL.numpy(), 0)),
        ("vol", lambda x: grid_interp(x[None], POINTS)),
    ]
    for argument, call in calls:
        text = f"{argument} must be a tensor with data, got one that torch.jit.trace is recording"
        with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
            torch.jit.trace(call, (VOL,))
    from torch.fx.experimental.proxy_tensor import make_fx

    text = "labels must be a tensor with data, got one that make_fx is recording"
    with pytest.raises(TypeError, match=f"^{text}$"):
        make_fx(lambda x: label_surfaces(x).verts)(VOL.int())
    assert marching_cubes(VOL, 0)[0].shape == (0, 3)


def test_no_memory(monkeypatch):
    def full(*_arguments):
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr(_core, "prepare", full)
    text = "vol needs more memory than there is, got shape (3, 4, 5)"
    with pytest.raises(MemoryError, match=f"^{re.escape(text)}$"):
        marching_cubes(VOL, 0)


def test_nan_is_found_wherever_it_is():
    for at in (0, 1, 63, 64, 127, 128, 129):
        vol = torch.ones(2, 2, 130)
        vol[1, 0, at] = float("nan")
        with pytest.raises(ValueError, match=rf"the first at vol\[1, 0, {at}\]"):
            marching_cubes(vol, 0)
        with pytest.raises(ValueError, match=rf"the first at vol\[1, {at}, 0\]"):
            marching_cubes(vol.transpose(1, 2), 0)


def test_an_error_leaves_the_next_call_working():
    with pytest.raises(ValueError, match="NaN"):
        marching_cubes(nan_volume(), 0)
    assert marching_cubes(VOL, 0)[0].shape == (0, 3)


def test_points_elsewhere():
    """No second device is at hand everywhere: a tensor that says it is on one."""

    class Elsewhere(torch.Tensor):
        @property
        def device(self):
            return torch.device("cuda:0")

        def detach(self):
            return self

    text = "points must be on the device of vol, cpu, got cuda:0"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        grid_interp(VOLS, POINTS.as_subclass(Elsewhere))
