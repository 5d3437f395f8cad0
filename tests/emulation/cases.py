# SPDX-License-Identifier: MIT
"""What runs on the emulated GPU, each in a process of its own: python cases.py NAME.

TORCHMCUBES_LIBCUDA names the emulated driver, so that everything below the choice of a device is the real
thing. The GPU's memory is the host's, hence CPU tensors.
"""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import dual_cases
import numpy as np
import sparse_cases
import torch
import volumes
from torchmcubes_bw import _core, grid_interp, isosurface, marching_cubes
from torchmcubes_bw.arguments.batch import Room, batch
from torchmcubes_bw.arguments.points import points as checked_points
from torchmcubes_bw.arguments.request import request
from torchmcubes_bw.arguments.samples import checked
from torchmcubes_bw.arguments.volume import volume
from torchmcubes_bw.backends import cuda, cuda_batches, kernel_files

KERNELS = _core.CudaKernels(0, b"emulated")


def extract(vol, level, mask=None, nan="raise", border="open"):
    asked = request(volume(vol, "Nz, Ny, Nx"), level, mask, nan, border)
    verts, faces, _ = cuda.surface(KERNELS, 0, asked)
    return verts, faces


def check_batch(vol, levels, room=None, mask=None, nan="raise", border="open"):
    """Compare volumes in one call with the CPU's; faces that are none count from no vertex."""
    asked = request(checked(vol, "vol"), levels[0], mask, nan, border)
    got = cuda_batches.surfaces(KERNELS, 0, batch(asked, levels, room))
    size = {"max_verts": room.verts, "max_faces": room.faces} if room else {}
    want = isosurface(vol, levels, mask=mask, nan=nan, border=border, **size)
    dual_cases.assert_same_packed(got, want, vol)
    return got


def interpolate(vol, points):
    samples = volume(vol, "C, Nz, Ny, Nx")
    return cuda.grid_interp(KERNELS, 0, samples, checked_points(points, samples))


def check(vol, level, **asked):
    got = extract(vol, level, **asked)
    want = isosurface(vol, level, **asked) if asked else marching_cubes(vol, level)
    for a, b in zip(got, want, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape, (tuple(vol.shape), a.shape, b.shape)
        assert a.numpy().tobytes() == b.numpy().tobytes(), tuple(vol.shape)
    return got


def all_256_cubes():
    for case in range(256):
        corners = [-1.0 if case >> c & 1 else 0.7 for c in range(8)]
        check(torch.tensor(corners).reshape(2, 2, 2), 0.0)


def awkward_shapes():
    shapes = [(1, 1, 1), (1, 5, 5), (5, 1, 5), (5, 5, 1), (2, 3, 31), (3, 2, 32), (2, 3, 33), (2, 2, 63)]
    shapes += [(3, 2, 64), (2, 3, 65), (7, 11, 13), (2, 70, 64), (3, 40, 130), (2, 3, 1100), (2, 300, 5)]
    for seed, shape in enumerate(shapes):
        check(torch.from_numpy(volumes.noise(shape, seed)), 0.1)
    check(torch.from_numpy(volumes.ball((20, 40, 70), (35.2, 20.1, 9.7), 8.2)), 0.0)


def several_tiles():
    """Planes of more than one tile, rows of more than one run, a scan of more than one round."""
    shapes = [(3, 200, 200), (2, 190, 260), (2, 2, 33_000), (2, 32, 1025), (3, 2049, 20), (600, 2, 2)]
    for seed, shape in enumerate([*shapes, (520, 3, 40), (1030, 2, 33)]):
        check(torch.from_numpy(volumes.noise(shape, seed)), 0.1)
    base = torch.from_numpy(volumes.noise((200, 201, 6)))
    check(base.permute(2, 1, 0), 0.1)
    check(base.permute(2, 0, 1)[::2], 0.1)
    levels = ((base.permute(2, 0, 1) + 1) * 100).clamp(0, 255).to(torch.uint8)
    check(levels, 110)
    check(levels[:, 1:, 1:], 110.5)


def many_rounds_of_the_scan():
    """More counts than the one block takes at a time: 8192 of them."""
    check(torch.from_numpy(volumes.noise((4100, 2, 2))), 0.1)


def flat_runs():
    """Volumes without gaps, of whole words and segments: four samples at a time, bytes compared together."""
    values = torch.from_numpy(np.random.default_rng(3).integers(-130, 258, (3, 32, 64)))
    for name in ("float32", "float64", "float16", "bfloat16", "int16", "int32"):
        check(values.to(getattr(torch, name)), 0.5)
    for kind in (torch.uint8, torch.int8):
        limits = torch.iinfo(kind)
        vol = values.clamp(limits.min, limits.max).to(kind)
        ends = (limits.min, limits.min + 0.5, limits.max, limits.max + 0.5)
        for level in (*ends, 1e-10, 0, 1, 127, 127.5, 1e9, -1e9):
            check(vol, level)
    vol = values.to(torch.float32)
    check(vol[1:], 0.5)
    check(vol.flatten()[1:].clone()[: 2 * 2048].reshape(2, 32, 64), 0.5)
    check(
        torch.cat([vol.flatten(), vol.flatten()])[1:4097].reshape(2, 32, 64), 0.5
    )  # not on a boundary of 16 bytes
    for at in (0, 1, 31, 32, 1023, 1024, 6143):
        bad = torch.ones(3, 32, 64)
        bad.view(-1)[at] = float("nan")
        assert cuda_has_nan(bad)


def cuda_has_nan(vol):
    try:
        extract(vol, 0.0)
    except ValueError:
        return True
    return False


def few_cells():
    """A surface that leaves most words alone: ids are asked of words that own nothing."""
    for shape, centre, radius in (
        ((40, 36, 70), (31.5, 18.2, 20.1), 9.3),
        ((34, 32, 64), (32.2, 15.7, 31.9), 12.0),
        ((5, 40, 1100), (1023.6, 20.0, 2.2), 6.5),
        ((12, 64, 96), (63.5, 31.5, 6.0), 31.0),
    ):
        check(torch.from_numpy(volumes.ball(shape, centre, radius)), 0.0)
    lone = torch.ones(3, 40, 100)
    for y in range(1, 39, 3):
        lone[y % 3, y, (7 * y) % 99] = -1
    check(lone, 0.0)


def planes_too_large():
    """Their words have 31 bits for their number."""
    vol = torch.zeros(1, dtype=torch.uint8).expand(2, 131074, 1 << 20)
    text = "vol must have planes of fewer than 2^36 samples on a GPU, rows counted in whole 32s"
    assert_raises(ValueError, text, _core.cuda_scratch_bytes, vol.shape)
    assert _core.cuda_scratch_bytes((1, 65000, 1 << 20)) > 0
    text = "vol must have fewer than 2^41 samples on a GPU, planes in whole 1024s"
    assert_raises(ValueError, text, _core.cuda_scratch_bytes, (40, 65000, 1 << 20))


def dtypes_and_ties():
    values = torch.from_numpy(np.random.default_rng(7).integers(0, 4, (4, 5, 70)))
    for name in ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64"):
        vol = values.to(getattr(torch, name))
        for level in (0.5, 1, 2.5, 300.0, -300.0):
            check(vol, level)
    check(values > 1, 0.5)


def strides():
    base = torch.from_numpy(volumes.noise((9, 10, 71)))
    check(base.permute(2, 1, 0), 0.1)
    check(base[::2, 1::2, ::3], 0.1)
    check(base[:1].expand(4, -1, -1), 0.1)
    check(base[:, :, :1].expand(-1, -1, 70), 0.1)


def infinite_and_nan():
    rng = np.random.default_rng(11)
    vol = torch.from_numpy(rng.choice([-np.inf, -1, 0, 2, np.inf], (4, 5, 67)).astype(np.float32))
    for level in (0.0, float("inf"), float("-inf")):
        check(vol, level)
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        largest = torch.finfo(dtype).max
        huge = torch.tensor(
            [-largest, -largest / 2, -1.0, 1.0, largest / 3, largest, float("inf")], dtype=dtype
        )
        vol = huge[torch.from_numpy(rng.integers(0, 7, (4, 5, 67)))]
        for level in (0.0, largest / 4, largest):
            check(vol, level)
    for at in (0, 31, 32, 66):
        bad = torch.ones(3, 4, 67)
        bad[2, 1, at] = float("nan")
        try:
            extract(bad, 0.0)
        except ValueError as error:
            assert f"the first at vol[2, 1, {at}]" in str(error), error
        else:
            raise AssertionError("a NaN was not seen")
    check(torch.ones(3, 3, 3), 0.0)  # the next call works


def with_nan(vol, seed, share):
    """Floats get NaN in their place here and there; return which samples a mask lets count too."""
    rng = np.random.default_rng(seed)
    if vol.is_floating_point():
        vol[torch.from_numpy(rng.random(vol.shape) < share)] = float("nan")
    return torch.from_numpy(rng.random(vol.shape) >= share)


def requests():
    """Masks, NaN to skip and closed borders, each alone and together."""
    shapes = [
        (2, 2, 31),
        (3, 4, 32),
        (4, 3, 33),
        (5, 7, 62),
        (2, 5, 63),
        (3, 3, 64),
        (4, 6, 66),
        (2, 3, 1100),
    ]
    shapes += [(1, 1, 1), (1, 5, 30), (3, 1, 64), (3, 40, 70)]
    names = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64")
    for seed, shape in enumerate(shapes):
        values = torch.from_numpy(np.random.default_rng(seed).integers(0, 6, shape))
        for name in (names[seed % 9], names[(seed + 4) % 9]):
            vol = values.to(getattr(torch, name))
            mask = with_nan(vol, seed, 0.02 if seed % 2 else 0.2)
            for level in (2.5, 3.0):
                check(vol, level, nan="skip")
                check(vol, level, mask=mask, nan="skip", border="closed")
            check(vol, 2.5, mask=mask, nan="skip")
            check(values.to(vol.dtype), 2.5, mask=mask)
            check(values.to(vol.dtype), 2.5, border="closed")
    base, mask = torch.from_numpy(volumes.noise((9, 10, 71))), torch.rand(9, 10, 71) < 0.9
    for view in (lambda v: v.permute(2, 1, 0), lambda v: v[::2, 1::2, ::3], lambda v: v[:, 1:, 3:-1]):
        check(view(base), 0.1, mask=view(mask), border="closed")
    check(torch.full((3, 4, 5), float("-inf")), 0.0, border="closed")
    check(torch.from_numpy(volumes.ball((34, 40, 66), (31.5, 18.2, 20.1), 9.3)), 0.0, nan="skip")


def normals():
    """By the CPU's rule, of every type, with all that a request can ask, samples apart by axis."""
    names = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool")
    spacing = (0.5, 1.0, 2.5)
    for seed, name in enumerate(names):
        values = torch.from_numpy(np.random.default_rng(seed).integers(0, 6, (4, 5, 66 + seed)))
        vol = values > 2 if name == "bool" else values.to(getattr(torch, name))
        level = 0.5 if name == "bool" else 2.5
        hold_normals(vol, level, spacing)
        mask = with_nan(vol, seed, 0.05)
        hold_normals(vol, level, spacing, mask=mask, nan="skip", border="closed")
    hold_normals(torch.from_numpy(volumes.noise((9, 10, 71)))[::2, 1::2, ::3], 0.1, spacing, border="closed")
    ball = torch.from_numpy(volumes.ball((34, 40, 66), (31.5, 18.2, 20.1), 9.3))
    hold_normals(ball, 0.0, (1.0, 1.0, 1.0))
    rng = np.random.default_rng(3)
    wild = rng.choice([-np.inf, -3e38, 0, 2, np.inf], (4, 5, 67)).astype(np.float32)
    hold_normals(torch.from_numpy(wild), 0.5, spacing)
    hold_normals(torch.ones(3, 3, 3), 0.0, spacing)


def hold_normals(vol, level, spacing, mask=None, nan="raise", border="open"):
    asked = request(volume(vol, "Nz, Ny, Nx"), level, mask, nan, border)._replace(spacing=spacing)
    _, faces, got = cuda.surface(KERNELS, 0, asked, normals=True)
    want = isosurface(vol, level, spacing=spacing, mask=mask, nan=nan, border=border, normals=True)
    assert (got.dtype, got.shape) == (want.normals.dtype, want.normals.shape)
    assert got.numpy().tobytes() == want.normals.numpy().tobytes(), vol.dtype
    assert torch.equal(faces, want.faces)


def requests_with_nan_that_counts():
    vol, mask = torch.ones(3, 4, 67), torch.ones(3, 4, 67, dtype=torch.bool)
    vol[2, 1, 66] = float("nan")
    text = 'vol must not contain NaN where mask is True (nan="skip" passes over it)'
    assert_raises(ValueError, text, extract, vol, 0.0, mask)
    mask[2, 1, 66] = False
    check(vol, 2.0, mask=mask)
    text = (
        'vol must not contain NaN, got 1 NaN sample, the first at vol[2, 1, 66] (nan="skip" passes over them)'
    )
    assert_raises(ValueError, text, extract, vol, 0.0, None, "raise", "closed")


def dual():
    dual_cases.shapes(KERNELS)


def dual_requests():
    dual_cases.requests(KERNELS, with_nan)
    dual_cases.several(KERNELS)
    with fault("capturing:1"):
        dual_cases.captured(KERNELS, assert_raises, CAPTURED)


def sparse():
    for case in sparse_cases.CASES:
        case(KERNELS)
    with fault("capturing:1"):
        assert_raises(RuntimeError, CAPTURED, sparse_cases.one_cell, KERNELS)


def batches():
    """Volumes one above the other: one level or one each, of any strides, with masks, NaN and borders."""
    for seed, shape in enumerate(
        [(3, 2, 2, 2), (5, 3, 4, 33), (2, 7, 3, 64), (3, 2, 40, 130), (4, 5, 16, 64)]
    ):
        vols = torch.from_numpy(volumes.noise((shape[0] * shape[1], *shape[2:]), seed)).reshape(shape)
        check_batch(vols, [0.1] * len(vols))
        check_batch(vols, [0.1 * k for k in range(len(vols))], border="closed")
        check_batch(vols.double(), [0.1 * k for k in range(len(vols))])
        mask = torch.rand(shape) < 0.9
        check_batch(vols, [0.1] * len(vols), mask=mask)
        vols[torch.rand(shape) < 0.05] = float("nan")
        check_batch(vols, [0.1] * len(vols), mask=mask, nan="skip", border="closed")
    base = torch.from_numpy(volumes.noise((24, 9, 70))).reshape(4, 6, 9, 70)
    for vols in (
        base[::2],
        base[:, 1:4],
        base.permute(2, 0, 1, 3),
        base[:1].expand(3, -1, -1, -1),
        base[..., 3:],
    ):
        check_batch(vols, [0.1] * len(vols))
    for name in ("float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool"):
        check_batch((base * 9).abs().to(getattr(torch, name)), [0.5, 1.0, 2.5, 0.0])
    for shape in ((3, 1, 4, 5), (2, 3, 1, 70), (4, 2, 3, 1)):
        check_batch(torch.rand(shape), [0.5] * shape[0])
    check_batch(torch.zeros(2, 1, 1, 1), [0.5] * 2, border="closed")
    bad = torch.ones(3, 4, 5, 6)
    bad[1, 2, 3, 4] = float("nan")
    found = "got 1 NaN sample, the first at vol[1, 2, 3, 4]"
    text = f'vol must not contain NaN, {found} (nan="skip" passes over them)'
    assert_raises(ValueError, text, check_batch, bad, [0.0] * 3)


def fixed_sizes():
    """Results of a fixed size: nothing is waited for, also while a graph is captured; nothing beyond them."""
    waits = ctypes.CDLL(os.environ["TORCHMCUBES_LIBCUDA"]).mc_emulated_waits
    vols = torch.from_numpy(volumes.noise((12, 9, 70))).reshape(3, 4, 9, 70)
    whole = isosurface(vols, 0.1)
    verts, faces = len(whole.verts), len(whole.faces)
    first = isosurface(vols[0], 0.1)
    alone = len(first.verts), len(first.faces)
    before = waits()
    with fault("capturing:1"):
        for more in (0, 5):
            assert not check_batch(vols, [0.1] * 3, Room(verts + more, faces + more)).overflow
            for vol in (vols[:1], vols[:1].double(), vols[:1].to(torch.bfloat16)):
                check_batch(vol, [0.1], Room(alone[0] + more, alone[1] + more))
            check_batch(vols[:1], [0.1], Room(9000, 9000), border="closed")
        for room in (Room(verts - 1, faces), Room(verts, faces - 1), Room(0, 0)):
            assert check_batch(vols, [0.1] * 3, room).overflow
        for room in (Room(alone[0] - 1, alone[1]), Room(alone[0], alone[1] - 1), Room(0, 0)):
            assert check_batch(vols[:1], [0.1], room).overflow
        check_batch(vols[:, :1], [0.1] * 3, Room(3, 3))
        bad = vols.clone()
        bad[1, 3, 8, 69] = float("nan")
        for vol in (bad, bad[1:2], bad[1:2, 3:]):
            got = check_batch(vol, [0.1] * len(vol), Room(verts, faces))
            assert got.overflow
            assert got.vert_offsets[0] == -1
    assert waits() == before


def interpolation():
    vol, points = torch.rand(3, 4, 5, 6), torch.rand(700, 3) * 8 - 1
    points[5, 1] = float("nan")
    points[20:300].floor_()
    vol[0, 1, 2, 3] = vol[1, 3, 4, 5] = float("inf")
    for dtype in (torch.float32, torch.float64):
        got = interpolate(vol.to(dtype), points.to(dtype))
        want = grid_interp(vol.to(dtype), points.to(dtype))
        assert got.numpy().tobytes() == want.numpy().tobytes()
    assert interpolate(vol, points[:0]).shape == (0, 3)


def one_wait_and_little_scratch():
    waits = ctypes.CDLL(os.environ["TORCHMCUBES_LIBCUDA"]).mc_emulated_waits
    before = waits()
    extract(torch.from_numpy(volumes.noise((5, 6, 7))), 0.1)
    assert waits() - before == 1
    for n in (64, 128, 256, 512, 1024):
        assert _core.cuda_scratch_bytes((n, n, n)) <= 4 * n**3 / 8
        assert _core.cuda_dual_scratch_bytes((n, n, n)) <= _core.cuda_scratch_bytes((n, n, n)) + 3 * n**3 / 8
        assert _core.cuda_scratch_bytes((n, n, n), True) <= _core.cuda_scratch_bytes((n, n, n)) + n**3 / 8


def held():
    """Contexts that are current, contexts retained, modules loaded."""
    numbers = ctypes.CDLL(os.environ["TORCHMCUBES_LIBCUDA"]).mc_emulated_held
    numbers.restype = ctypes.POINTER(ctypes.c_int)
    return numbers()[:3]


@contextlib.contextmanager
def fault(name):
    """Let a call of the driver fail, with the error after the colon."""
    libc = ctypes.CDLL(None)
    libc.setenv(b"MC_EMULATED_FAULT", name.encode(), 1)
    yield
    libc.unsetenv(b"MC_EMULATED_FAULT")


def assert_raises(kind, text, call, *arguments):
    try:
        call(*arguments)
    except Exception as error:
        assert type(error) is kind, type(error)
        assert str(error) == text, error
    else:
        raise AssertionError(f"went unnoticed: {text}")


ILLEGAL = "an illegal memory access was encountered"
FULL = (torch.cuda.OutOfMemoryError, "cuLaunchKernel: out of memory (CUDA error 2)")
CAPTURED = "marching_cubes cannot be captured into a CUDA graph: the mesh's size is read on the way"
FAULTS = {
    "cuLaunchKernel:2": FULL,
    "cuLaunchKernel:700": (RuntimeError, f"cuLaunchKernel: {ILLEGAL} (CUDA error 700)"),
    "cuStreamSynchronize:999": (RuntimeError, "cuStreamSynchronize: unknown error (CUDA error 999)"),
    "capturing:1": (RuntimeError, CAPTURED),
}


def faults():
    vol = torch.from_numpy(volumes.noise((4, 5, 6)))
    for name, (kind, text) in FAULTS.items():
        with fault(name):
            assert_raises(kind, text, extract, vol, 0.1)
        check(vol, 0.1)
    arguments = vol[None], torch.rand(7, 3)
    with fault("cuLaunchKernel:2"):
        assert_raises(*FULL, interpolate, *arguments)
    interpolate(*arguments)
    assert held() == [0, 1, 1]


def a_module_that_does_not_load():
    """Nothing of it stays, whichever call fails; out of memory is torch's own error."""
    kernel_files.images_for = lambda *_: ["sm_120.cubin"]
    kernel_files.read = lambda _image: b"emulated"
    torch.cuda.get_device_capability = lambda _index: (12, 0)
    device = torch.device("cuda:0")
    for call in ("cuLibraryLoadData", "cuLibraryGetKernel", "cuKernelGetFunction", "cuMemHostAlloc"):
        with fault(f"{call}:2"):
            text = f"{call}: out of memory (CUDA error 2)"
            assert_raises(torch.cuda.OutOfMemoryError, text, cuda.kernels_for, device)
        assert held() == [0, 1, 1]
    with fault("cuLibraryGetKernel:700"):  # may pass: raised, and tried again at the next call
        text = f"cuLibraryGetKernel: {ILLEGAL} (CUDA error 700)"
        assert_raises(RuntimeError, text, cuda.kernels_for, device)
    assert cuda._loaded == {}
    with fault("cuLibraryLoadData:209"):
        text = "sm_120.cubin does not load: cuLibraryLoadData: unknown error (CUDA error 209)"
        assert_raises(cuda.NoKernels, text, cuda.kernels_for, device)
    assert_raises(cuda.NoKernels, text, cuda.kernels_for, device)  # for good
    assert held() == [0, 1, 1]


def no_memory_for_the_results():
    """The allocation between counting and emitting fails: nothing stays behind, the next call works."""
    vol, empty = torch.from_numpy(volumes.noise((4, 5, 6))), torch.empty

    def full(size, **kind):
        if isinstance(size, tuple):
            raise FULL[0](FULL[1])
        return empty(size, **kind)

    torch.empty = full
    assert_raises(*FULL, extract, vol, 0.1)
    torch.empty = empty
    check(vol, 0.1)
    assert held() == [0, 1, 1]


CASES = (
    all_256_cubes,
    awkward_shapes,
    several_tiles,
    many_rounds_of_the_scan,
    dtypes_and_ties,
    flat_runs,
    few_cells,
    planes_too_large,
    strides,
    infinite_and_nan,
    requests,
    normals,
    requests_with_nan_that_counts,
    dual,
    dual_requests,
    sparse,
    batches,
    fixed_sizes,
    interpolation,
    one_wait_and_little_scratch,
    faults,
    a_module_that_does_not_load,
    no_memory_for_the_results,
)

if __name__ == "__main__":
    {case.__name__: case for case in CASES}[sys.argv[1]]()
