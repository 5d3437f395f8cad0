# SPDX-License-Identifier: MIT
"""Functions become the dense grid's mesh with few of its evaluations; what can be missed is shown."""

import math
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mesh_checks import is_closed
from torchmcubes_bw import extract_field, isosurface, marching_cubes
from torchmcubes_bw.field_extraction import Frontier, fill_signs

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.triplane_decoder import RADIUS, TriplaneDecoder, fitted


def ball(points, radius=0.6, centre=(0, 0, 0)):
    return (points - points.new_tensor(centre)).norm(dim=1) - radius


def torus(points):
    ring = points[:, :2].norm(dim=1) - 0.5
    return torch.stack([ring, points[:, 2]], 1).norm(dim=1) - 0.2


def gyroid(points):
    x, y, z = (points * 1.5 * math.pi).unbind(1)
    return x.sin() * y.cos() + y.sin() * z.cos() + z.sin() * x.cos() + 0.0137


def two_balls(points):
    return torch.minimum(ball(points, 0.25, (0.6, 0.6, 0.6)), ball(points, 0.2, (-0.6, -0.5, -0.6)))


def sheet(points):
    turn = points.new_tensor([[0.8, 0.6, 0], [-0.6, 0.8, 0], [0, 0, 1]])
    away = (points @ turn).abs() - points.new_tensor([0.02, 0.6, 0.6])
    return away.clamp(min=0).norm(dim=1) + away.amax(1).clamp(max=0)


FIELDS = [ball, torus, gyroid, two_balls, sheet]


def samples(f, n, low=-1.0, high=1.0):
    """Evaluate every sample of a grid of n a side."""
    axis = (low + torch.arange(n, dtype=torch.float64) * ((high - low) / (n - 1))).float()
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    return f(torch.stack([x, y, z], -1).reshape(-1, 3)).reshape(n, n, n)


def dense(f, n, low=-1.0, high=1.0, level=0.0):
    return isosurface(samples(f, n, low, high), level, spacing=(high - low) / (n - 1), origin=low)


def assert_same(got, want):
    assert torch.equal(got.verts, want.verts)
    assert torch.equal(got.faces, want.faces)
    assert got.verts.dtype == want.verts.dtype


@pytest.mark.parametrize("f", FIELDS)
@pytest.mark.parametrize("n", [97, 128])
def test_the_mesh_is_the_dense_ones(f, n):
    mesh = extract_field(f, (-1, 1), n)
    assert_same(mesh, dense(f, n))
    assert mesh.evaluations < mesh.samples == n**3


@pytest.mark.parametrize("f", FIELDS)
def test_a_sixteenth_of_the_evaluations_at_256(f):
    evaluations = []

    def counted(points):
        evaluations.append(len(points))
        return f(points)

    mesh = extract_field(counted, (-1, 1), 256)
    assert mesh.evaluations == sum(evaluations)
    assert mesh.fraction <= (1 / 4 if f is gyroid else 1 / 16)
    if f is not gyroid:
        assert is_closed(mesh.faces.numpy())


@pytest.mark.parametrize("n", [2, 3, 9, 33, 70])
@pytest.mark.parametrize("coarse", [1, 2, 4, 16])
def test_every_side_and_stride(n, coarse):
    def f(points):
        return ball(points, 1.2, (0.4, 0.5, 0.3))  # it holds a corner of the grid

    mesh = extract_field(f, (-1, 1), n, coarse=coarse, chunk=1000)
    assert_same(mesh, dense(f, n))


def test_unlike_sides_and_spacings():
    sides, low, high = (30, 41, 75), (-1.0, 0.0, 2.0), (0.5, 3.0, 4.0)

    def f(points):
        return ((points - points.new_tensor([-0.3, 1.4, 3.0])) / points.new_tensor([0.5, 1.0, 0.7])).norm(
            dim=1
        ) - 1

    axes = [(a + torch.arange(n, dtype=torch.float64) * ((b - a) / (n - 1))).float()
            for a, b, n in zip(low, high, sides, strict=True)]  # fmt: skip
    z, y, x = torch.meshgrid(*axes[::-1], indexing="ij")
    vol = f(torch.stack([x, y, z], -1).reshape(-1, 3)).reshape(sides[::-1])
    spacing = [(b - a) / (n - 1) for a, b, n in zip(low, high, sides, strict=True)]
    want = isosurface(vol, 0.0, spacing=spacing, origin=low)
    assert_same(extract_field(f, (low, high), sides, coarse=4), want)
    assert_same(extract_field(f, (low, high), sides, exact=True, chunk=999), want)


def test_exact_keeps_no_grid_and_gives_every_mesh():
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((20, 21, 70)).astype(np.float32))

    def f(points):
        x, y, z = points.long().unbind(1)
        return noise[z, y, x]

    mesh = extract_field(f, ((0, 0, 0), (69, 20, 19)), (70, 21, 20), 0.3, exact=True)
    assert_same(mesh, isosurface(noise, 0.3))
    assert mesh.fraction == 1


def test_types_of_values_and_points():
    mesh = extract_field(lambda p: ball(p).half(), (-1, 1), 64)
    assert_same(mesh, dense(lambda p: ball(p).half(), 64))
    double = extract_field(lambda p: ball(p.double()), (-1, 1), 64)
    assert_same(double, dense(lambda p: ball(p.double()), 64))
    assert double.verts.dtype == torch.float64
    seen = []
    extract_field(lambda p: seen.append(p.dtype) or ball(p)[:, None], (-1, 1), 16, dtype=torch.float64)
    assert set(seen) == {torch.float64}


def test_the_surface_is_followed_out_of_what_is_known():
    """A thread thinner than the coarse cells, of which one coarse sample tells."""

    def f(points):
        x, y, z = points.unbind(1)
        rod = torch.stack([(x.abs() - 0.8).clamp(min=0), y - 0.3 * x, z - 0.2], 1).norm(dim=1) - 0.03
        return torch.minimum(rod, ball(points, 0.2, (-0.8, -0.24, 0.2)))

    mesh = extract_field(f, (-1, 1), 128, coarse=16)
    assert_same(mesh, dense(f, 128))
    assert mesh.fraction < 1 / 16


def small_and_large(points):
    return torch.minimum(ball(points, 0.5), ball(points, 0.02, (0.7, 0.7, 0.7)))


def test_a_part_smaller_than_the_coarse_cell_is_missed_but_not_with_a_lipschitz_constant():
    want = dense(small_and_large, 128)
    missed = extract_field(small_and_large, (-1, 1), 128)
    assert_same(missed, dense(lambda p: ball(p, 0.5), 128))
    for options in ({"lipschitz": 1}, {"margin": 0.12}, {"coarse": 1}):
        found = extract_field(small_and_large, (-1, 1), 128, **options)
        assert_same(found, want)
    assert extract_field(small_and_large, (-1, 1), 128, lipschitz=1).fraction < 1 / 8


@pytest.fixture(scope="module")
def decoder():
    return fitted(steps=150, batch=1024, channels=8, side=24, width=32, layers=4)


def test_a_decoder_like_triposrs(decoder):
    mesh = extract_field(decoder, (-RADIUS, RADIUS), 96)
    exact = extract_field(decoder, (-RADIUS, RADIUS), 96, exact=True)
    assert_same(mesh, exact)
    assert len(mesh.verts) > 3000
    assert mesh.fraction < 1 / 4
    assert extract_field(decoder, (-RADIUS, RADIUS), 256).fraction <= 1 / 16


class Renderer:
    """What TripoSR's renderer offers to an extraction."""

    cfg = SimpleNamespace(radius=RADIUS)
    chunk_size = 8192

    def set_chunk_size(self, size):
        self.chunk_size = size

    def query_triplane(self, decoder, points, scene_code):
        answer = decoder.query(points)
        return {"density_act": 25 * answer[:, :1].exp(), "color": answer[:, 1:] + scene_code.sum()}


def test_the_example_for_triposr(decoder):
    pytest.importorskip("trimesh")
    path = Path(__file__).parent.parent / "examples" / "triposr_extract.py"
    spec = spec_from_file_location("triposr_extract", path)
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    model = SimpleNamespace(renderer=Renderer(), decoder=decoder)
    codes = torch.zeros(2, 3, 8, 24, 24)
    mesh, again = example.extract_mesh(model, codes, resolution=64, chunk=5000)
    want = extract_field(decoder, (-RADIUS, RADIUS), 64, exact=True)
    assert (mesh.vertices == again.vertices).all()
    assert (mesh.vertices.astype("f4") == want.verts.numpy()).all()
    assert (mesh.faces == want.faces.numpy()).all()
    colours = 255 * decoder.query(want.verts)[:, 1:].clamp(0, 1)
    assert abs(mesh.visual.vertex_colors[:, :3] - colours.numpy()).max() <= 1
    assert model.renderer.chunk_size == 8192
    assert example.extract_mesh(model, codes, False, resolution=64)[0].visual.kind is None
    empty = example.extract_mesh(model, codes, resolution=64, threshold=1e9)
    assert [len(each.faces) for each in empty] == [0, 0]


def test_random_weights_are_noise_on_which_it_fails():
    torch.manual_seed(0)
    decoder = TriplaneDecoder(8, 64, 32, 4).requires_grad_(False)
    decoder.planes *= 50

    def f(points):
        answer = decoder.query(points)[:, 0]
        return answer + 0.05

    mesh = extract_field(f, (-RADIUS, RADIUS), 64, coarse=16)
    exact = extract_field(f, (-RADIUS, RADIUS), 64, exact=True)
    assert len(exact.faces) > 1000
    assert mesh.evaluations > 0.5 * mesh.samples or len(mesh.faces) < len(exact.faces)


def test_white_noise_without_a_coarse_hint_is_lost():
    """Alone, samples tell nothing of their neighbours: islands smaller than a cell are missed."""
    inside = np.random.default_rng(1).random((65, 65, 65)) < 0.01
    inside[::8, ::8, ::8] = False
    vol = torch.from_numpy(np.where(inside, -1.0, 1.0).astype(np.float32))
    vol[32, 32, 32] = -1

    def f(points):
        x, y, z = points.long().unbind(1)
        return vol[z, y, x]

    mesh = extract_field(f, (0, 64), 65)
    assert 0 < len(mesh.verts) < 0.1 * len(marching_cubes(vol, 0)[0])
    assert_same(extract_field(f, (0, 64), 65, exact=True), isosurface(vol, 0))


def test_progress_is_told_and_may_stop():
    told = []
    mesh = extract_field(ball, (-1, 1), 64, chunk=5000, progress=lambda *now: told.append(now))
    done, expected = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == mesh.evaluations == expected[-1]
    with pytest.raises(RuntimeError, match="progress stopped the extraction after 729 evaluations"):
        extract_field(ball, (-1, 1), 64, progress=lambda *_: False)


def test_a_loop_of_ones_own_from_a_coarse_grid():
    n, coarse = 65, 4
    grid = samples(ball, n)
    frontier = Frontier((-1, 1), n, coarse=coarse, values=grid[::coarse, ::coarse, ::coarse], index=True)
    while len(places := frontier.points(3000)):
        assert places.dtype == torch.int32
        x, y, z = places.long().unbind(1)
        frontier.take(grid[z, y, x])
    assert_same(frontier.mesh(), dense(ball, n))


def test_the_inner_side_of_a_band_is_no_surface():
    vol = samples(ball, 48)
    band = torch.where(vol.abs() < 0.15, vol, torch.nan)
    filled = fill_signs(band)
    assert not filled.isnan().any()
    assert torch.equal(filled < 0, vol < 0)
    for got, want in zip(marching_cubes(filled, 0), marching_cubes(vol, 0), strict=True):
        assert torch.equal(got, want)
    second = torch.nan_to_num(band, nan=1.0)  # what a fill with one value does
    assert len(marching_cubes(second, 0)[0]) > 1.5 * len(marching_cubes(vol, 0)[0])


@pytest.mark.parametrize("seed", range(3))
def test_fill_signs_equals_an_obvious_flood(seed):
    random = np.random.default_rng(seed)
    vol = random.choice([-1.0, 1.0, np.nan], (7, 9, 140), p=[0.25, 0.25, 0.5]).astype(np.float32)
    want = vol.copy()
    ndimage = pytest.importorskip("scipy.ndimage")
    regions, count = ndimage.label(np.isnan(vol))
    for region in range(1, count + 1):
        inside = regions == region
        around = vol[ndimage.binary_dilation(inside) & ~inside]
        if len(around) and (around < 0).all():
            want[inside] = -5
        elif len(around) and (around > 0).all():
            want[inside] = 7
    got = fill_signs(vol, inside=-5, outside=7)
    assert np.array_equal(got.numpy(), want, equal_nan=True)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_same_bytes_for_every_thread_count(threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        mesh = extract_field(torus, (-1, 1), 70)
    finally:
        torch.set_num_threads(before)
    assert_same(mesh, dense(torus, 70))


NAN = float("nan")


@pytest.mark.parametrize(
    "arguments, options, kind, text",
    [
        ((-1, 64), {}, TypeError, "bounds must be two corners (x, y, z), got -1"),
        (((1, -1), 64), {}, ValueError, "bounds must be the lower corner and the upper one, got (1, -1)"),
        ((("111", "222"), 8), {}, TypeError, "bounds must be a number or three numbers (x, y, z), got '111'"),
        (((0, 1e39), 8), {}, ValueError, "bounds must be within 1e+38 of 0, got 1e+39"),
        (((0, 1e-46), 8), {}, ValueError, "bounds must be 1e-30 a sample apart at least, got (0, 1e-46)"),
        (((-1, 1), {4, 5, 6}), {}, TypeError,
         "resolution must be an integer or three (x, y, z), got {4, 5, 6}"),
        (((-1, 1), 1), {}, ValueError, "resolution must be from 2 to 1048576, got 1"),
        (((-1, 1), (4, 5)), {}, TypeError, "resolution must be an integer or three (x, y, z), got (4, 5)"),
        (((-1, 1), 8.0), {}, TypeError, "resolution must be an integer or three (x, y, z), got 8.0"),
        (((-1, 1), 64), {"coarse": 6}, ValueError, "coarse must be a power of two, got 6"),
        (((-1, 1), 64), {"coarse": 0}, ValueError, "coarse must be from 1 to 1024, got 0"),
        (((-1, 1), 64), {"widen": 0.5}, TypeError, "widen must be an integer, got float"),
        (((-1, 1), 64), {"margin": -1}, ValueError, "margin must be at least 0 and finite, got -1"),
        (((-1, 1), 64), {"lipschitz": 0}, ValueError, "lipschitz must be above 0 or None, got 0"),
        (((-1, 1), 64), {"chunk": 0}, ValueError, "chunk must be from 1 to 2147483647, got 0"),
        (((-1, 1), 64, NAN), {}, ValueError, "level must not be NaN, got nan"),
        (((-1, 1), 64), {"dtype": torch.float16}, ValueError,
         "dtype must be torch.float32 or torch.float64, got torch.float16"),
    ],
)  # fmt: skip
def test_errors(arguments, options, kind, text):
    with pytest.raises(kind) as raised:
        extract_field(ball, *arguments, **options)
    assert str(raised.value) == text


@pytest.mark.parametrize(
    "f, kind, text",
    [
        (lambda p: p, ValueError, "the values of f must have shape (125,), got shape (125, 3)"),
        (lambda _: None, TypeError, "the values of f must be a torch.Tensor or numpy.ndarray, got NoneType"),
        (lambda p: p[:, 0] / (p[:, 0] != 1), ValueError,
         "the values of f must not contain NaN, got one at (1, -1, -1)"),
    ],
)  # fmt: skip
def test_what_a_function_returns(f, kind, text):
    if "NaN" in text:
        f = lambda p: torch.where(p[:, 0] == 1, NAN, 1.0)  # noqa: E731
    with pytest.raises(kind) as raised:
        extract_field(f, (-1, 1), 33)
    assert str(raised.value) == text


@pytest.mark.parametrize("coarse", [1, 2, 8])
def test_a_mesh_that_is_asked_for_too_early(coarse):
    """A thin string off a ball, which only the finest grid meets, and follows bit by bit."""

    def f(p):
        string = torch.stack([(p[:, 1] - 0.2 * (p[:, 0] + 0.6)) / 1.04**0.5, p[:, 2]]).norm(dim=0) - 0.02
        return torch.minimum((p - torch.tensor([-0.6, 0, 0])).norm(dim=1) - 0.3, string)

    frontier = Frontier((-1, 1), 64, coarse=coarse, widen=0)
    early = []
    while len(points := frontier.points()):
        with pytest.raises(RuntimeError, match=f"got {len(points)} points left$"):
            frontier.mesh()
        frontier.take(f(points))
        try:
            early.append(frontier.mesh())
        except RuntimeError as error:
            assert re.search(r"got [1-9]\d* points left$", str(error))  # noqa: PT017
    sizes = {len(mesh.verts) for mesh in (*early, frontier.mesh())}
    assert len(sizes) == 1


def test_order_of_calls_and_other_arguments():
    frontier = Frontier((-1, 1), 16)
    frontier.points(10)
    with pytest.raises(RuntimeError, match="points must be followed by take, got 10 points without values"):
        frontier.points()
    with pytest.raises(RuntimeError, match="mesh must be called when points returns none"):
        frontier.mesh()
    with pytest.raises(ValueError, match=r"values must have shape \(3, 3, 3\), got shape \(2, 2, 2\)"):
        Frontier((-1, 1), 16, values=torch.zeros(2, 2, 2))
    with pytest.raises(TypeError, match=r"vol must have dtype float32, got torch\.float64"):
        fill_signs(torch.zeros(2, 2, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="inside must be below the level 0 and outside not, got 1 and 1"):
        fill_signs(torch.zeros(2, 2, 2), inside=1)


def test_a_frontier_names_its_own_argument():
    with pytest.raises(ValueError, match="most must be from 1 to 2147483647, got 0"):
        Frontier((-1, 1), 8).points(0)
