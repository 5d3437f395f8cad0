# SPDX-License-Identifier: MIT
"""Every error: its type, and its text from the first letter to the last."""

import re

import numpy as np
import pytest
import torch
from torchmcubes_bw import grid_interp, marching_cubes

VOL = torch.ones(3, 4, 5)
VOLS = torch.ones(2, 3, 4, 5)
POINTS = torch.zeros(7, 3)


def nan_volume(dtype=torch.float32):
    vol = torch.ones(4, 5, 70, dtype=dtype)
    vol[1, 2, 69] = vol[1, 3, 0] = vol[3, 4, 68] = float("nan")
    return vol


NAN_TEXT = "vol must not contain NaN, got 3 NaN samples, the first at vol[1, 2, 69]"

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
    (marching_cubes, (torch.ones(0, 4, 4), 0), ValueError,
     "vol must have no empty side, got shape (0, 4, 4)"),
    (marching_cubes, (VOL, "0.5"), TypeError, "thresh must be a number, got str"),
    (marching_cubes, (VOL, None), TypeError, "thresh must be a number, got NoneType"),
    (marching_cubes, (VOL, 1j), TypeError, "thresh must be a number, got complex"),
    (marching_cubes, (VOL, torch.tensor([0.0, 1.0])), ValueError,
     "thresh must be a single number, got shape (2,)"),
    (marching_cubes, (VOL, float("nan")), ValueError, "thresh must not be NaN, got nan"),
    (marching_cubes, (nan_volume(), 0), ValueError, NAN_TEXT),
    (marching_cubes, (nan_volume(torch.float64), 0), ValueError, NAN_TEXT),
    (marching_cubes, (nan_volume(torch.float16), 0), ValueError, NAN_TEXT),
    (marching_cubes, (nan_volume(torch.bfloat16), 0), ValueError, NAN_TEXT),
    (marching_cubes, (torch.full((1, 1, 1), float("nan")), 0), ValueError,
     "vol must not contain NaN, got 1 NaN sample, the first at vol[0, 0, 0]"),
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
]  # fmt: skip


@pytest.mark.parametrize("function, arguments, kind, text", CASES, ids=[c[3] for c in CASES])
def test_error(function, arguments, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        function(*arguments)


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
