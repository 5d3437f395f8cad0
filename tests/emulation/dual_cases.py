# SPDX-License-Identifier: MIT
"""The dual mesh on the emulated GPU, for cases.py."""

import ctypes
import os

import numpy as np
import torch
import volumes
from torchmcubes_bw.arguments.batch import Room, batch
from torchmcubes_bw.arguments.options import Method
from torchmcubes_bw.arguments.request import request
from torchmcubes_bw.arguments.samples import checked
from torchmcubes_bw.arguments.volume import volume
from torchmcubes_bw.backends import choose, cpu_dual, cuda, cuda_dual_batches


def check(kernels, vol, level, mask=None, nan="raise", border="open", spacing=(1.0, 1.0, 1.0)):
    """Quads and triangles, byte for byte."""
    asked = request(volume(vol, "Nz, Ny, Nx"), level, mask, nan, border)._replace(spacing=spacing)
    for quads in (False, True):
        got, want = cuda.dual(kernels, 0, asked, quads), choose.dual(asked, quads)
        for a, b in zip(got, want[:2], strict=True):
            assert a.dtype == b.dtype
            assert a.shape == b.shape, (tuple(vol.shape), a.shape, b.shape)
            assert a.numpy().tobytes() == b.numpy().tobytes(), (tuple(vol.shape), quads)


def shapes(kernels):
    """All cases and pairs across a pinched face, rows of all kinds of ends, several tiles."""
    rng = np.random.default_rng(3)
    corners = torch.tensor([[-1.0 if case >> c & 1 else 0.7 for c in range(8)] for case in range(256)])
    cubes = torch.nn.functional.pad(corners.reshape(8, 32, 2, 2, 2), (1,) * 6, value=0.7)
    check(kernels, cubes.permute(2, 0, 3, 1, 4).reshape(4, 32, 128), 0.0)
    shapes = [(1, 1, 1), (1, 5, 5), (5, 1, 5), (5, 5, 1), (2, 2, 2), (2, 3, 31), (3, 2, 32), (2, 3, 33)]
    shapes += [(3, 2, 64), (2, 3, 65), (7, 11, 13), (2, 70, 64), (3, 40, 130), (2, 3, 1100), (2, 300, 5)]
    shapes += [(3, 60, 600), (2, 32, 1025), (3, 2049, 20), (600, 2, 2), (24, 20, 66)]
    for seed, shape in enumerate(shapes):
        check(kernels, torch.from_numpy(volumes.noise(shape, seed)), 0.1, spacing=(1.0, 0.5, 3.0))
    two = torch.from_numpy(rng.choice([-1.0, 1.0], (9, 9, 97)).astype(np.float32))  # ties of diagonals
    check(kernels, two, 0.0)
    check(kernels, torch.from_numpy(volumes.ball((40, 40, 70), (35.2, 20.1, 19.7), 12.2)), 0.0)


def requests(kernels, with_nan):
    """Every dtype, masks, NaN to skip, closed borders, strides, wide faces; NaN is refused."""
    names = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool")
    shapes = [(3, 4, 32), (4, 3, 33), (5, 7, 62), (2, 5, 63), (3, 3, 64), (4, 6, 66), (2, 2, 31)]
    for seed, name in enumerate(names):
        shape = shapes[seed % len(shapes)]
        values = torch.from_numpy(np.random.default_rng(seed).integers(0, 6, shape))
        vol = (values > 2 if name == "bool" else values).to(getattr(torch, name))
        level = 0.5 if name == "bool" else 2.5
        check(kernels, vol, level)
        mask = with_nan(vol, seed, 0.02 if seed % 2 else 0.2)
        check(kernels, vol, level, mask=mask, nan="skip", border="closed")
        check(kernels, vol, level, mask=mask, nan="skip")
        check(kernels, values.to(vol.dtype), level, border="closed")
    base = torch.from_numpy(volumes.noise((9, 10, 71)))
    check(kernels, base.permute(2, 1, 0), 0.1)
    check(kernels, base[::2, 1::2, ::3], 0.1, border="closed")
    check(kernels, torch.full((3, 4, 5), float("-inf")), 0.0, border="closed")
    check(kernels, torch.from_numpy(extreme_samples()), 0.0)
    largest, cuda.INT32_MAX, cpu_dual.INT32_MAX = cuda.INT32_MAX, -1, -1
    check(kernels, base, 0.1)
    cuda.INT32_MAX = cpu_dual.INT32_MAX = largest
    base[2, 1, 66] = float("nan")
    asked = request(volume(base, "Nz, Ny, Nx"), 0.0, None, "raise", "open")
    try:
        cuda.dual(kernels, 0, asked, False)
    except ValueError as error:
        if "got 1 NaN sample, the first at vol[2, 1, 66]" not in str(error):
            raise AssertionError(str(error)) from error
    else:
        raise AssertionError("a NaN was not seen")


def assert_same_packed(got, want, vol):
    """Compare the packed meshes of volumes, byte for byte."""
    for name in ("verts", "faces", "vert_offsets", "face_offsets", "overflow"):
        a, b = getattr(got, name), getattr(want, name)
        if b is not None:
            assert (a.dtype, a.shape) == (b.dtype, b.shape), (name, a.shape, b.shape)
            assert a.numpy().tobytes() == b.numpy().tobytes(), (name, tuple(vol.shape))


def check_batch(kernels, vol, levels, quads, room=None, mask=None, nan="raise", border="open"):
    """Volumes in one call; faces that are none count from no vertex."""
    asked = request(checked(vol, "vol"), levels[0], mask, nan, border)
    asked = batch(asked, levels, room, Method(True, 0, quads))
    got = cuda_dual_batches.surfaces(kernels, 0, asked)
    assert_same_packed(got, choose.surfaces(asked), vol)
    return got


def several(kernels):
    """Volumes one by one, selected from and not; the NaN of one is told of with its place among all."""
    vols = torch.from_numpy(volumes.noise((12, 9, 70))).reshape(3, 4, 9, 70)
    for quads in (False, True):
        check_batch(kernels, vols, [0.1, 0.3, -0.2], quads)
        check_batch(kernels, vols.double(), [0.1] * 3, quads, border="closed", mask=vols < 1)
        check_batch(kernels, vols[:, :1], [0.1] * 3, quads)
    bad = vols.clone()
    bad[1, 2, 3, 4] = float("nan")
    check_batch(kernels, bad, [0.1] * 3, False, nan="skip")
    try:
        check_batch(kernels, bad, [0.1] * 3, False)
    except ValueError as error:
        if "the first at vol[1, 2, 3, 4]" not in str(error):
            raise AssertionError(str(error)) from error
    else:
        raise AssertionError("a NaN was not seen")


def captured(kernels, assert_raises, text):
    """A mesh of its own size is refused, one of a fixed size is not waited for."""
    waits = ctypes.CDLL(os.environ["TORCHMCUBES_LIBCUDA"]).mc_emulated_waits
    vols = torch.from_numpy(volumes.noise((4, 9, 70)))[None]
    asked = request(volume(vols[0], "Nz, Ny, Nx"), 0.0, None, "raise", "open")
    assert_raises(RuntimeError, text, cuda.dual, kernels, 0, asked, False)
    before = waits()
    for quads, of_type in ((False, vols), (True, vols), (False, vols.double()), (True, (vols * 9).int())):
        verts, faces = choose.dual(asked._replace(volume=volume(of_type[0], "Nz, Ny, Nx")), quads)[:2]
        for more in (0, 5):
            room = Room(len(verts) + more, len(faces) + more)
            assert not check_batch(kernels, of_type, [0.0], quads, room).overflow
        for room in (Room(len(verts) - 1, len(faces)), Room(len(verts), len(faces) - 1), Room(0, 0)):
            assert check_batch(kernels, of_type, [0.0], quads, room).overflow
        check_batch(kernels, of_type, [0.0], quads, Room(9000, 19000), border="closed", mask=of_type < 3)
        check_batch(kernels, of_type[:, :1], [0.0], quads, Room(3, 3))
    vols[0, 3, 8, 69] = float("nan")
    for vol in (vols, vols[:, 3:]):
        got = check_batch(kernels, vol, [0.1], False, Room(9000, 9000))
        assert got.overflow
        assert got.face_offsets[0] == -1
    assert waits() == before


def extreme_samples():
    values = [-np.inf, np.inf, 0, -1, 1, 3e38, -3e38, 1e-45]
    return np.random.default_rng(1).choice(values, (6, 7, 8)).astype(np.float32)
