# SPDX-License-Identifier: MIT
"""Gradients on the emulated GPU, as cases.py has meshes: python gradient_cases.py NAME."""

import sys
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
import volumes
from cases import KERNELS, assert_raises, with_nan
from torchmcubes_bw import isosurface
from torchmcubes_bw.arguments.points import points
from torchmcubes_bw.arguments.request import request
from torchmcubes_bw.arguments.volume import volume
from torchmcubes_bw.backends import choose, cuda, cuda_gradient
from torchmcubes_bw.backends.cpu_gradient import Direction

DTYPES = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool")


def check(vol, level, along=False, verts=None, asked=(True, True), **options):
    """Compare the gradient, or its derivative in a direction, byte for byte."""
    wanted = {"mask": None, "nan": "raise", "border": "open", **options}
    to = request(volume(vol, "Nz, Ny, Nx"), level, wanted["mask"], wanted["nan"], wanted["border"])
    rng = np.random.default_rng(5)
    if verts is None:
        mesh = isosurface(vol, level, **options).verts
        verts = torch.from_numpy(rng.standard_normal(mesh.shape)).to(mesh.dtype)
    towards = Direction(torch.from_numpy(rng.standard_normal(vol.shape)), 0.7) if along else None
    got = cuda_gradient.vertices(KERNELS, 0, to, verts, *asked, towards)
    want = choose.vertex_gradients(to, verts, *asked, towards)
    for a, b in zip((got.volume, got.verts), (want.volume, want.verts), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            assert a.numpy().tobytes() == b.numpy().tobytes(), (tuple(vol.shape), vol.dtype, options)
    assert got.level == want.level, (tuple(vol.shape), vol.dtype, options, got.level, want.level)


def gradients():
    """Rows, planes and segments of all kinds of ends, several tiles, few cells."""
    shapes = [(1, 1, 1), (1, 5, 5), (5, 1, 5), (5, 5, 1), (2, 2, 2), (2, 3, 31), (3, 2, 32), (2, 3, 33)]
    shapes += [(2, 2, 63), (3, 2, 64), (2, 3, 65), (7, 11, 13), (2, 70, 64), (3, 40, 130), (2, 3, 1100)]
    shapes += [(2, 300, 5), (3, 60, 600), (2, 32, 1025), (2, 3, 2050), (30, 2, 2), (3, 2049, 3)]
    for seed, shape in enumerate(shapes):
        check(torch.from_numpy(volumes.noise(shape, seed)), 0.1)
    check(torch.from_numpy(volumes.ball((20, 36, 70), (31.5, 18.2, 10.1), 9.3)), 0.0)
    check(torch.from_numpy(volumes.ball((5, 40, 1100), (1023.6, 20, 2.2), 6.5)), 0.0)
    check(torch.ones(3, 40, 40), 0.0)


def gradients_of_requests():
    """Every type, with masks, NaN to skip, closed borders, strides; the level's or the volume's alone."""
    shapes = [(3, 4, 1), (3, 4, 32), (4, 3, 33), (5, 7, 62), (2, 5, 63), (3, 3, 64), (4, 6, 66), (2, 2, 31)]
    for seed, name in enumerate(DTYPES):
        values = torch.from_numpy(np.random.default_rng(seed).integers(0, 6, shapes[seed % len(shapes)]))
        vol = (values > 2 if name == "bool" else values).to(getattr(torch, name))
        level = 0.5 if name == "bool" else 2.3
        check(vol, level)
        check(vol, level, border="closed", asked=(True, False))
        mask = with_nan(vol, seed, 0.02 if seed % 2 else 0.2)
        check(vol, level, mask=mask, nan="skip", border="closed")
        check(vol, level, mask=mask, nan="skip", along=True, asked=(False, True))
    base = torch.from_numpy(volumes.noise((9, 10, 71)))
    check(base.permute(2, 1, 0), 0.1)
    check(base[::2, 1::2, ::3], 0.1, border="closed")
    check(base, 0.1, verts=torch.ones(1, 1).expand(len(isosurface(base, 0.1).verts), 3))
    check(torch.full((3, 4, 5), float("-inf")), 0.0, border="closed")
    rng = np.random.default_rng(11)
    wild = torch.from_numpy(rng.choice([-np.inf, -3e38, -1, 1e-45, 2, 3e38, np.inf], (4, 5, 67)))
    check(wild, 0.5)
    check(wild.float(), 0.5, along=True)
    text = "vol must not change while it is read, got shape (9, 10, 71)"
    assert_raises(RuntimeError, text, check, base, 0.1, False, torch.ones(3, 3))


def gradients_in_a_direction():
    shapes = [(2, 2, 2), (2, 3, 33), (3, 2, 64), (7, 11, 13), (3, 40, 130), (2, 3, 1100)]
    for seed, shape in enumerate(shapes):
        vol = torch.from_numpy(volumes.noise(shape, seed))
        check(vol, 0.1, along=True)
        check(vol.double(), 0.1, along=True, border="closed")


def gradients_of_points():
    """Between samples, on them, on and beyond the grid's sides, of one sample an axis, with a NaN."""
    rng = np.random.default_rng(4)
    for shape in ((3, 4, 5, 6), (1, 1, 5, 1), (2, 2, 1, 70), (0, 3, 3, 3)):
        vol = torch.from_numpy(rng.standard_normal(shape))
        at = torch.from_numpy(rng.random((700, 3))) * torch.tensor(shape[:0:-1]) * 1.2 - 0.5
        at[5, 1], at[9, 0] = float("nan"), float("inf")
        at[20:300].floor_()
        for dtype in (torch.float32, torch.float64):
            samples = volume(vol.to(dtype).permute(0, 3, 1, 2), "C, Nz, Ny, Nx")
            where = points(at.to(torch.float64 if len(vol) == 2 else dtype), samples)
            values = torch.from_numpy(rng.standard_normal((shape[0], 700))).to(dtype).T
            got = cuda_gradient.by_points(KERNELS, 0, samples, where, values)
            _, want = choose.value_gradients(samples, where, values, False, True)
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            assert got.numpy().tobytes() == want.numpy().tobytes(), shape


class OnCuda(torch.Tensor):
    """A CPU tensor that says it is on a GPU: the emulated one's memory is the host's."""

    @property
    def device(self):
        return torch.device("cuda:0")


def gradients_that_are_chosen():
    """A tensor on a GPU has its gradients made there, without a warning but of the interpolated volume."""
    empty, zeros = torch.empty, torch.zeros
    on_host = {
        name: lambda *a, device=None, make=make, **k: make(*a, **k)  # noqa: ARG005
        for name, make in (("empty", empty), ("zeros", zeros))
    }
    vol = torch.from_numpy(volumes.noise((4, 5, 6)))
    verts = torch.ones_like(isosurface(vol, 0.1).verts)
    there, here = (
        request(volume(v, "Nz, Ny, Nx"), 0.1, None, "raise", "open") for v in (vol.as_subclass(OnCuda), vol)
    )
    stacks = [volume(v[None], "C, Nz, Ny, Nx") for v in (vol.as_subclass(OnCuda), vol)]
    at = [points(p, stack) for p, stack in zip((verts.as_subclass(OnCuda), verts), stacks, strict=True)]
    with (
        mock.patch.multiple(torch, **on_host),
        mock.patch.object(choose, "_kernels", lambda _device, unserved="": None if unserved else KERNELS),
        mock.patch.object(cuda, "current_stream", return_value=0),
    ):
        got = choose.vertex_gradients(there, verts, True, True)
        _, by_points = choose.value_gradients(stacks[0], at[0], verts[:, :1], False, True)
    want = choose.vertex_gradients(here, verts, True, True)
    assert torch.equal(got.volume, want.volume)
    assert got.level == want.level
    assert torch.equal(by_points, choose.value_gradients(stacks[1], at[1], verts[:, :1], False, True)[1])


CASES = (
    gradients,
    gradients_of_requests,
    gradients_in_a_direction,
    gradients_of_points,
    gradients_that_are_chosen,
)

if __name__ == "__main__":
    {case.__name__: case for case in CASES}[sys.argv[1]]()
