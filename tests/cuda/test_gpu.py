# SPDX-License-Identifier: MIT
"""On a real GPU: pytest -m gpu. Skipped where there is none, an error where TORCHMCUBES_REQUIRE_CUDA=1."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import volumes
from sparse_grids import blocks_of, cells_of, crossed, shuffled, some_of
from torchmcubes_bw import (
    HAS_CUDA,
    dual_marching_cubes,
    grid_interp,
    isosurface,
    marching_cubes,
    marching_cubes_blocks,
    marching_cubes_cells,
)

GPU = torch.cuda.is_available() and HAS_CUDA
REQUIRED = os.environ.get("TORCHMCUBES_REQUIRE_CUDA") == "1"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not GPU and not REQUIRED, reason="no GPU that torch sees, or a build without kernels"),
]


@pytest.fixture(autouse=True)
def _no_fallback(recwarn):
    yield
    assert not [w for w in recwarn if "computes on the CPU" in str(w.message)]


def check(vol, level, device="cuda"):
    want = marching_cubes(vol, level)
    got = marching_cubes(vol.to(device), level)
    for a, b in zip(got, want, strict=True):
        assert a.is_cuda
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.cpu().numpy().tobytes() == b.numpy().tobytes()


SHAPES = [
    (1, 1, 1),
    (2, 2, 2),
    (2, 3, 31),
    (3, 2, 65),
    (5, 40, 130),
    (64, 64, 64),
    (100, 101, 103),
    (2, 3, 70_000),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes(shape):
    check(torch.from_numpy(volumes.noise(shape)), 0.1)


@pytest.mark.parametrize(
    "name", ["float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "bool"]
)
def test_dtypes(name):
    values = torch.from_numpy(volumes.integer_lattice((40, 41, 70))).clamp(-4, 3) + 4
    vol = values > 3 if name == "bool" else values.to(getattr(torch, name))
    for level in (0.5, 3, 3.5):
        check(vol, level)


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "uint8", "int32", "int64"])
@pytest.mark.parametrize("quads", [False, True])
def test_dual(name, quads):
    vol = (torch.from_numpy(volumes.integer_lattice((40, 41, 70))).clamp(-4, 3) + 4).to(getattr(torch, name))
    mask = torch.from_numpy(volumes.noise(vol.shape, 1)) < 0.9
    for which, border in ((None, "open"), (mask, "closed")):
        options = {"border": border, "quads": quads, "spacing": (1.0, 0.5, 3.0)}
        want = dual_marching_cubes(vol, 3.5, mask=which, **options)
        on_gpu = None if which is None else which.cuda()
        for a, b in zip(dual_marching_cubes(vol.cuda(), 3.5, mask=on_gpu, **options), want, strict=True):
            assert a.is_cuda
            assert a.cpu().numpy().tobytes() == b.numpy().tobytes()


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "uint8", "int32", "int64"])
@pytest.mark.parametrize("side", [1, 2, 8, 16, 40])
def test_blocks(name, side):
    """Some, in any order and far from 0; and all, where cells and blocks make the dense mesh."""
    whole = torch.from_numpy(volumes.integer_lattice((41, 81, 121))).clamp(-4, 3) + 4
    vol = whole[tuple(slice(0, (n - 1) // side * side + 1) for n in whole.shape)].to(getattr(torch, name))
    coords, values = shuffled(*blocks_of(vol, side)) if side > 1 else cells_of(vol, crossed(vol, 3.5))
    call = marching_cubes_blocks if side > 1 else marching_cubes_cells
    for a, b in zip(call(coords.cuda(), values.cuda(), 3.5), marching_cubes(vol, 3.5), strict=True):
        assert a.is_cuda
        assert a.cpu().numpy().tobytes() == b.numpy().tobytes()
    coords, values = some_of(coords.int() - 10_000, values, 0.5)
    for a, b in zip(call(coords.cuda(), values.cuda(), 3.5), call(coords, values, 3.5), strict=True):
        assert a.cpu().numpy().tobytes() == b.numpy().tobytes()


def test_blocks_that_make_no_mesh():
    """What is wrong with them is told in the CPU's words, and the next call works."""
    coords, values = blocks_of(torch.from_numpy(volumes.noise((9, 9, 41))), 4)
    for bad, text in ((float("nan"), "values must not contain NaN"), (9.0, "values must agree where blocks")):
        spoilt = values.clone()
        spoilt[3, 4, 4, 0] = bad
        with pytest.raises(ValueError, match=text):
            marching_cubes_blocks(coords.cuda(), spoilt.cuda(), 0.1)
    with pytest.raises(ValueError, match="coords must name each block once"):
        marching_cubes_blocks(coords[[3, 3]].cuda(), values[[3, 3]].cuda(), 0.1)
    got, want = (
        marching_cubes_blocks(coords.cuda(), values.cuda(), 0.1),
        marching_cubes_blocks(coords, values, 0.1),
    )
    assert torch.equal(got[0].cpu(), want[0])
    assert torch.equal(got[1].cpu(), want[1])


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "uint8", "int32", "int64"])
@pytest.mark.parametrize("border", ["open", "closed"])
def test_requests(name, border):
    vol = (torch.from_numpy(volumes.integer_lattice((40, 41, 70))).clamp(-4, 3) + 4).to(getattr(torch, name))
    mask = torch.from_numpy(volumes.noise(vol.shape, 1)) < 0.9
    if vol.is_floating_point():
        vol[torch.from_numpy(volumes.noise(vol.shape, 2)) > 0.95] = float("nan")
    for which in (None, mask):
        want = isosurface(vol, 3.5, mask=which, nan="skip", border=border)
        on_gpu = None if which is None else which.cuda()
        got = isosurface(vol.cuda(), 3.5, mask=on_gpu, nan="skip", border=border)
        for a, b in zip(got, want, strict=True):
            assert a.cpu().numpy().tobytes() == b.numpy().tobytes()


@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16", "uint8", "int32", "int64", "bool"])
def test_normals_and_attributes(name):
    values = torch.from_numpy(volumes.integer_lattice((20, 21, 70))).clamp(-4, 3) + 4
    vol = values > 3 if name == "bool" else values.to(getattr(torch, name))
    mask, colours = torch.rand(vol.shape) < 0.95, torch.rand(3, *vol.shape)
    asked = {"spacing": (0.5, 1, 2.5), "origin": (1e4, 0, -3), "border": "closed", "normals": True}
    want = isosurface(vol, 0.5, mask=mask, attributes=colours, **asked)
    got = isosurface(vol.cuda(), 0.5, mask=mask.cuda(), attributes=colours.cuda(), **asked)
    for part in ("verts", "faces", "normals", "attributes"):
        mine, theirs = getattr(got, part), getattr(want, part)
        assert mine.is_cuda, part
        assert mine.cpu().numpy().tobytes() == theirs.numpy().tobytes(), part


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("border", ["open", "closed"])
def test_gradients(dtype, border):
    """First and second derivatives by volume and level, and by the points of an interpolation."""
    vol = torch.from_numpy(volumes.noise((20, 21, 70))).to(dtype)
    mask, found = torch.rand(vol.shape) < 0.95, []
    for device in ("cpu", "cuda"):
        leaf = vol.to(device).requires_grad_()
        level = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
        verts = isosurface(leaf, level, mask=mask.to(device), border=border).verts
        first = torch.autograd.grad((verts**2).sum(), (leaf, level), create_graph=True)
        second = torch.autograd.grad((first[0] ** 2).sum() + first[1], (leaf, level))
        points = (verts.detach() + 0.25).requires_grad_()
        (by_points,) = torch.autograd.grad(grid_interp(leaf.detach()[None], points).sum(), points)
        found.append([t.detach().cpu().numpy().tobytes() for t in (*first, *second, by_points)])
    assert found[0] == found[1]


@pytest.mark.parametrize("levels", [0.1, [0.0, 0.1, 0.2, 0.3]], ids=["one level", "a level each"])
@pytest.mark.parametrize("border", ["open", "closed"])
def test_several_volumes(levels, border):
    vols = torch.from_numpy(volumes.noise((4 * 20, 41, 70))).reshape(4, 20, 41, 70)
    want = isosurface(vols, levels, border=border)
    got = isosurface(vols.cuda(), levels, border=border)
    for name in ("verts", "faces", "vert_offsets", "face_offsets"):
        assert torch.equal(getattr(got, name).cpu(), getattr(want, name))


def test_a_fixed_size_in_a_graph():
    """Captured once, replayed with other samples: also with some whose mesh does not fit."""
    vols = torch.from_numpy(volumes.noise((3 * 20, 21, 40))).reshape(3, 20, 21, 40)
    ball = torch.from_numpy(volumes.ball((20, 21, 40), (20, 10, 10), 5.0))
    fits = isosurface(ball, 0.1)
    size = {"max_verts": len(fits.verts), "max_faces": len(fits.faces) + 1}
    given = vols[0].cuda()
    isosurface(given, 0.1, **size)  # loads the kernels
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        got = isosurface(given, 0.1, spacing=2, origin=-1, **size)
    for vol in (ball, vols[1], ball, vols[2]):
        given.copy_(vol)
        graph.replay()
        want = isosurface(vol, 0.1, spacing=2, origin=-1, **size)
        assert want.overflow.item() is (vol is not ball)
        for name in ("verts", "faces", "vert_offsets", "face_offsets", "overflow"):
            assert torch.equal(getattr(got, name).cpu(), getattr(want, name)), name


def test_all_256_cubes():
    for case in range(256):
        check(torch.tensor([-1.0 if case >> c & 1 else 0.7 for c in range(8)]).reshape(2, 2, 2), 0.0)


def test_strided():
    base = torch.from_numpy(volumes.noise((60, 61, 71)))
    for view in (base.permute(2, 1, 0), base[::2, 1::2, ::3], base[:1].expand(30, -1, -1)):
        want = marching_cubes(view.contiguous(), 0.1)
        on_gpu = base.cuda()
        on_gpu = on_gpu.as_strided(view.shape, view.stride(), view.storage_offset())
        got = marching_cubes(on_gpu, 0.1)
        assert torch.equal(got[0].cpu(), want[0])
        assert torch.equal(got[1].cpu(), want[1])


def test_side_stream():
    vol = torch.from_numpy(volumes.noise((64, 64, 64)))
    want = marching_cubes(vol, 0.1)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        on_gpu = vol.cuda(non_blocking=True)
        for _ in range(20):
            on_gpu = on_gpu * 1.0  # work that the extraction must wait for
        verts, faces = marching_cubes(on_gpu, 0.1)
    stream.synchronize()
    assert torch.equal(verts.cpu(), want[0])
    assert torch.equal(faces.cpu(), want[1])


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_another_device_than_the_current():
    with torch.cuda.device(0):
        check(torch.from_numpy(volumes.noise((40, 41, 42))), 0.1, "cuda:1")


def test_the_current_device_is_left_as_it_was():
    before = torch.cuda.current_device()
    device = f"cuda:{torch.cuda.device_count() - 1}"
    check(torch.from_numpy(volumes.noise((20, 20, 20))), 0.1, device)
    grid_interp(torch.rand(1, 3, 3, 3, device=device), torch.rand(5, 3, device=device))
    assert torch.cuda.current_device() == before
    assert torch.ones(3, device="cuda").sum().item() == 3  # and torch works on it


def test_more_samples_than_fit_31_bits():
    vol = torch.zeros((1300, 1300, 1300), dtype=torch.int8, device="cuda")
    vol[-2, -2, -2] = 9
    verts, faces = marching_cubes(vol, 4.5)
    assert len(verts) == 6
    assert len(faces) == 8
    assert torch.allclose(verts.mean(dim=0).cpu(), torch.full((3,), 1298.0))


def test_nan_and_the_call_after_it():
    vol = torch.ones((40, 40, 40), device="cuda")
    vol[7, 8, 9] = float("nan")
    with pytest.raises(ValueError, match=r"got 1 NaN sample, the first at vol\[7, 8, 9\]"):
        marching_cubes(vol, 0.0)
    check(torch.from_numpy(volumes.noise((20, 20, 20))), 0.1)


def test_out_of_memory_and_the_call_after_it():
    free, _ = torch.cuda.mem_get_info()
    vol = torch.zeros((1, 1, 1), dtype=torch.uint8, device="cuda")
    side = int((free * 40) ** (1 / 3))  # scratch alone is more than there is
    with pytest.raises(torch.cuda.OutOfMemoryError):
        marching_cubes(vol.expand(side, side, side), 0.5)
    check(torch.from_numpy(volumes.noise((20, 20, 20))), 0.1)


def test_no_memory_for_the_results_and_the_call_after_it():
    """The samples and the scratch memory fit, the mesh does not."""
    vol = torch.from_numpy(volumes.noise((128, 128, 128)))  # 8 MiB; its mesh is some 100
    on_gpu = vol.cuda()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    allowed = torch.cuda.memory_reserved() + 2**25
    torch.cuda.set_per_process_memory_fraction(allowed / torch.cuda.mem_get_info()[1])
    try:
        with pytest.raises(torch.cuda.OutOfMemoryError):
            marching_cubes(on_gpu, 0.1)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    check(vol, 0.1)


def test_capture_is_refused_and_goes_on():
    """The mesh's size must be read on the way; the error comes before the capture is spoilt."""
    vol = torch.from_numpy(volumes.noise((20, 20, 20)))
    on_gpu = vol.cuda()
    marching_cubes(on_gpu, 0.1)
    doubled, graph = torch.zeros_like(on_gpu), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        torch.mul(on_gpu, 2, out=doubled)
        with pytest.raises(RuntimeError, match=r"^marching_cubes cannot be captured into a CUDA graph: "):
            marching_cubes(on_gpu, 0.1)
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(doubled.cpu(), vol * 2)
    check(vol, 0.1)


def test_grid_interp_is_captured():
    vol, points = torch.rand((2, 9, 10, 11)), torch.rand((500, 3)) * 12
    on_gpu, at = vol.cuda(), points.cuda()
    grid_interp(on_gpu, at)  # loads the kernels, which a capture must not
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        values = grid_interp(on_gpu, at)
    on_gpu.copy_(1 - vol)
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(values.cpu(), grid_interp(1 - vol, points))


def test_many_threads():
    vols = [torch.from_numpy(volumes.noise((40, 41, 42), seed)) for seed in range(4)]
    want = [marching_cubes(vol, 0.1) for vol in vols]
    on_gpu = [vol.cuda() for vol in vols]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda k: marching_cubes(on_gpu[k % 4], 0.1), range(64)))
    for k, (verts, faces) in enumerate(got):
        assert torch.equal(verts.cpu(), want[k % 4][0])
        assert torch.equal(faces.cpu(), want[k % 4][1])


def test_no_memory_leaks():
    vol = torch.from_numpy(volumes.ball((16, 16, 16), (7.5, 7.4, 7.3), 5)).cuda()
    for _ in range(100):
        marching_cubes(vol, 0.0)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated(), torch.cuda.mem_get_info()[0]
    for _ in range(10_000):
        marching_cubes(vol, 0.0)
    torch.cuda.synchronize()
    assert torch.cuda.memory_allocated() == before[0]
    assert before[1] - torch.cuda.mem_get_info()[0] < 2**22


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_grid_interp(dtype):
    vol, points = torch.rand((3, 20, 21, 22), dtype=dtype), torch.rand((10_000, 3), dtype=dtype) * 30 - 4
    got = grid_interp(vol.cuda(), points.cuda())
    assert got.cpu().numpy().tobytes() == grid_interp(vol, points).numpy().tobytes()


def test_grid_interp_on_a_side_stream():
    vol, points = torch.rand((3, 64, 64, 64)), torch.rand((100_000, 3)) * 70 - 3
    on_gpu, at, stream = vol.cuda(), points.cuda(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        later = on_gpu
        for _ in range(20):
            later = later * 1.0  # work that the interpolation must wait for
        got = grid_interp(later, at)
    stream.synchronize()
    assert torch.equal(got.cpu(), grid_interp(vol, points))
