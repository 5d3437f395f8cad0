# SPDX-License-Identifier: MIT
"""Gradients of the dual mesh, and diso's call of it."""

import dual_reference as reference
import mesh_checks as check
import pytest
import torch
import volumes
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import pad
from torchmcubes_bw import _core, dual_marching_cubes
from torchmcubes_bw.compat.diso import DiffDMC


def double_noise(*shape, seed=1):
    return torch.from_numpy(volumes.noise(shape or (3, 3, 4), seed)).double()


def a_level(value=0.1):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def by_formula(vol, level, deform=None, *, mask=None, nan="raise", border="open"):
    """Return the vertices by torch's own operations. Crossings next to a closed border stand still."""
    closed, edges = border == "closed", []
    for vertex, crossed in enumerate(
        reference.crossings(vol.detach().numpy(), float(level.detach()), mask, nan == "skip", closed)
    ):
        edges += [(vertex, *lower, axis) for lower, axis in crossed]
    vertex, x, y, z, axis = torch.tensor(edges).T
    lower, step = torch.stack([x, y, z], 1), torch.eye(3, dtype=torch.int64)[axis]
    last = torch.tensor(vol.shape[::-1]) - 1
    upper = torch.minimum(lower + step, last)
    stands = ((lower < 0) | (lower + step > last)).any(1)
    low, high = lower.clamp(min=0), upper
    a, b = vol[tuple(low.T.flip(0))], vol[tuple(high.T.flip(0))]
    t = torch.where(stands, (lower < 0).any(1).to(vol.dtype), (level - a) / torch.where(stands, 1, b - a))
    place = lower + step * t[:, None]
    if deform is not None:
        place = (
            place
            + deform[tuple(low.T.flip(0))] * (1 - t[:, None])
            + deform[tuple(high.T.flip(0))] * t[:, None]
        )
    total = torch.zeros(int(vertex.max()) + 1, 3, dtype=vol.dtype).index_add(0, vertex, place)
    return total / vertex.bincount()[:, None]


OPTIONS = [
    {"border": "open"},
    {"border": "closed"},
    {"border": "open", "mask": True},
    {"border": "closed", "nan": "skip"},
]


def case(shape, options, seed=1):
    """Return a volume and its options, with a mask or NaN where they are asked for."""
    vol, some = double_noise(*shape, seed=seed), double_noise(*shape, seed=seed + 7) > -1.2
    options = dict(options)
    if options.get("mask"):
        options["mask"] = some.numpy()
    if options.get("nan"):
        vol = torch.where(some, vol, torch.nan)
    return vol, options


@pytest.mark.parametrize("options", OPTIONS[:3], ids=str)
def test_gradients_to_samples_and_level(options):
    vol, options = case((3, 3, 4), options)
    given = vol.requires_grad_(), a_level()

    def verts(vol, level):
        return dual_marching_cubes(vol, level, spacing=(1, 2, 0.5), **options)[0]

    assert gradcheck(verts, given, eps=1e-7, atol=1e-5)
    assert gradgradcheck(verts, given, eps=1e-7, atol=1e-3, rtol=1e-3)


def few_inside():
    """Return a volume of several runs of rows a plane, with a surface here and there."""
    vol = double_noise(3, 90, 300, seed=3)
    return vol + 2.3


def both(function, given):
    """Return first derivatives of a weighted sum of vertices, and second ones of those."""
    verts = function(*given)
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(verts.shape, generator=generator, dtype=verts.dtype).requires_grad_()
    first = torch.autograd.grad((verts * weights).sum(), given, create_graph=True)
    towards = [torch.randn(one.shape, generator=generator, dtype=one.dtype) for one in first]
    second = torch.autograd.grad(first, (*given, weights), towards)
    return [verts.detach(), *(one.detach() for one in first), *second]


def assert_close(found, wanted):
    for ours, theirs in zip(found, wanted, strict=True):
        scale = theirs[theirs.isfinite()].abs().max() if theirs.numel() else 0
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9 * float(scale))


@pytest.mark.parametrize(
    "shape, options", [((3, 3, 70), OPTIONS[0]), ((4, 3, 64), OPTIONS[1]), ((2, 3, 129), OPTIONS[0])]
    + [((6, 7, 8), options) for options in OPTIONS], ids=str,
)  # fmt: skip
def test_equals_the_formula(shape, options):
    vol, options = case(shape, options, seed=5)
    given = vol.requires_grad_(), a_level()
    found = both(lambda v, level: dual_marching_cubes(v, level, **options)[0], given)
    assert_close(found, both(lambda v, level: by_formula(v, level, **options), given))


def test_equals_the_formula_where_a_plane_is_worked_on_in_parts(threads):
    threads(3)
    given = few_inside().requires_grad_(), a_level()
    found = both(lambda v, level: dual_marching_cubes(v, level)[0], given)
    assert_close(found, both(by_formula, given))


def test_finite_differences_of_a_large_volume():
    vol = double_noise(60, 61, 62)
    vol = torch.where((vol - 0.1).abs() < 1e-3, 0.2, vol)  # no sample crosses the level on the way
    towards, level = double_noise(60, 61, 62, seed=4), a_level()
    leaf = vol.clone().requires_grad_()
    verts, faces = dual_marching_cubes(leaf, level)
    weights = torch.randn_like(verts) + 1
    by_vol, by_level = torch.autograd.grad((verts * weights).sum(), (leaf, level))
    step = 1e-6
    ends = [dual_marching_cubes(vol + by * towards, 0.1 + by * 3) for by in (step, -step)]
    assert torch.equal(ends[0][1].unique(), faces.unique())
    slope = sum(float((e[0] * weights).sum()) * s for e, s in zip(ends, (1, -1), strict=True)) / (2 * step)
    assert slope == pytest.approx(float((by_vol * towards).sum() + 3 * by_level), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_every_dtype_has_gradients(dtype):
    vol, level = (double_noise(6, 7, 8) * 4).to(dtype), a_level(0.3)
    leaf = vol.clone().requires_grad_()
    verts, faces = dual_marching_cubes(leaf, level, spacing=(0.1, 3, 0.7), origin=5)
    plain = dual_marching_cubes(vol, 0.3, spacing=(0.1, 3, 0.7), origin=5)
    assert torch.equal(verts.detach(), plain[0])
    assert torch.equal(faces, plain[1])
    assert not faces.requires_grad
    weights = torch.randn_like(verts)
    verts.backward(weights)
    assert leaf.grad.dtype == dtype
    wide, at = vol.double().requires_grad_(), a_level(float(torch.tensor(0.3).to(verts.dtype)))
    (by_formula(wide, at) * torch.tensor([0.1, 3, 0.7])).backward(weights.double())
    close = {torch.float16: 1e-3, torch.bfloat16: 8e-3}.get(dtype, 1e-6)
    assert torch.allclose(leaf.grad.double(), wide.grad, rtol=close, atol=close * wide.grad.abs().max())
    assert level.grad.item() == pytest.approx(at.grad.item(), rel=1e-5)


def test_the_level_alone_of_integers_and_strides():
    vol = (double_noise(8, 9, 16, seed=3) * 100).to(torch.int16)[::2, :, ::2]
    level, at = a_level(3.5), a_level(3.5)
    dual_marching_cubes(vol, level)[0].sum().backward()
    by_formula(vol.double(), at).sum().backward()
    assert level.grad.item() == pytest.approx(at.grad.item(), rel=1e-6)


HASHED = """
import hashlib, torch, torchmcubes_bw as m
from torchmcubes_bw.compat.diso import DiffDMC
vol = torch.sin(torch.arange(12 * 31 * 150) ** 2 * 0.37).reshape(12, 31, 150)
found = []
for options in ({"border": "closed", "mask": vol > -0.9}, {}):
    leaf, level = vol.clone().requires_grad_(), torch.tensor(0.1, requires_grad=True)
    verts = m.dual_marching_cubes(leaf, level, **options)[0]
    first = torch.autograd.grad((verts ** 2).sum(), (leaf, level), create_graph=True)
    found += [*first, *torch.autograd.grad((first[0] ** 2).sum(), (leaf, level))]
grid, deform = vol[:9].clone().requires_grad_(), torch.cos(torch.arange(9. * 31 * 150 * 3))
deform = (0.1 * deform).reshape(9, 31, 150, 3).requires_grad_()
verts, _ = DiffDMC()(grid, deform)
first = torch.autograd.grad((verts ** 2).sum(), (grid, deform), create_graph=True)
found += [verts, *first, *torch.autograd.grad(sum((one ** 2).sum() for one in first), (grid, deform))]
digest = hashlib.sha256(b"".join(t.detach().contiguous().numpy().tobytes() for t in found)).hexdigest()
"""


def test_one_gradient_for_every_simd_level_and_thread_count(run_python, threads):
    found = set()
    for count in (1, 2, 7):
        threads(count)
        here = {}
        exec(HASHED, here)
        found.add(here["digest"])
    for level in set(_core.simd_levels()) - {_core.simd_level()}:
        found.add(run_python(HASHED + "print(digest)", TORCHMCUBES_SIMD=level))
    assert len(found) == 1


def test_nan_that_is_skipped_and_infinity_get_no_gradient():
    vol = double_noise(6, 6, 6)
    vol[2:4, 2, 3], vol[1, 1, 1] = torch.nan, torch.inf
    leaf = vol.clone().requires_grad_()
    verts, _ = dual_marching_cubes(leaf, 0.0, nan="skip")
    (first,) = torch.autograd.grad(verts.sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad((first**2).sum(), leaf)
    for found in (first, second):
        assert found.isfinite().all()
        assert (found[~vol.isfinite()] == 0).all()


def test_no_surface_no_gradient():
    for shape in ((4, 4, 4), (1, 4, 4)):
        vol, level = torch.ones(shape, requires_grad=True), torch.tensor(0.0, requires_grad=True)
        dual_marching_cubes(vol, level)[0].sum().backward()
        assert torch.equal(vol.grad, torch.zeros(shape))
        assert level.grad == 0


def test_a_gradient_that_negates_its_memory_or_has_strides():
    vol = double_noise(5, 5, 5).requires_grad_()
    verts, _ = dual_marching_cubes(vol, 0.1)
    given = torch.randn_like(verts)
    (plain,) = torch.autograd.grad(verts, vol, given, retain_graph=True)
    (negated,) = torch.autograd.grad(verts, vol, torch._neg_view(given), retain_graph=True)
    (turned,) = torch.autograd.grad(verts, vol, given.T.contiguous().T)
    assert torch.equal(negated, -plain)
    assert torch.equal(turned, plain)


def test_what_is_written_to_meanwhile_is_noticed():
    vol = double_noise(5, 5, 5).requires_grad_()
    verts, _ = dual_marching_cubes(vol, 0.0)
    with torch.no_grad():
        vol += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        verts.sum().backward()


def test_transforms_of_functions():
    vol = double_noise(4, 4, 4)

    def loss(vol):
        return (dual_marching_cubes(vol, 0.1)[0] ** 2).sum()

    leaf = vol.clone().requires_grad_()
    (first,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
    assert torch.equal(torch.func.grad(loss)(vol), first)
    (second,) = torch.autograd.grad((first**2).sum(), leaf, create_graph=True)
    with pytest.raises(RuntimeError, match="vol has first and second derivatives here, and no third"):
        torch.autograd.grad(second.sum(), leaf)
    with pytest.raises(TypeError, match=r"vol must be one volume, got a batch of vmap's"):
        torch.vmap(torch.func.grad(loss))(vol[None])


def test_nets_carry_no_gradient():
    with pytest.raises(ValueError, match='placement must be "mean" for a volume or level that requires grad'):
        dual_marching_cubes(torch.ones(3, 3, 3, requires_grad=True), 0.0, placement="nets")


def displaced(*shape):
    generator = torch.Generator().manual_seed(2)
    return 0.1 * torch.randn(*shape, 3, generator=generator, dtype=torch.float64)


def test_diso_gradients_to_grid_and_deform():
    given = double_noise().requires_grad_(), displaced(3, 3, 4).requires_grad_()

    def verts(grid, deform):
        return DiffDMC(torch.float64)(grid, deform, normalize=False)[0]

    assert gradcheck(verts, given, eps=1e-7, atol=1e-5)
    assert gradgradcheck(verts, given, eps=1e-7, atol=1e-3, rtol=1e-3)


def test_diso_equals_the_formula():
    given = double_noise(6, 7, 8).requires_grad_(), displaced(6, 7, 8).requires_grad_()

    def formula(grid, deform):
        vol = pad(grid, (1,) * 6, value=1.0).permute(2, 1, 0)
        moved = pad(deform, (0, 0) + (1,) * 6).permute(2, 1, 0, 3)
        return by_formula(vol, torch.tensor(0.1, dtype=vol.dtype), moved) - 1

    found = both(lambda grid, deform: DiffDMC(torch.float64)(grid, deform, 0.1, normalize=False)[0], given)
    assert_close(found, both(formula, given))


@pytest.mark.parametrize("quads", [False, True])
def test_a_decoders_band_gives_a_closed_mesh(quads):
    """The calls of image-to-3D projects: NaN outside a band around the surface, no deform."""
    ball = torch.from_numpy(volumes.ball((33, 35, 37), (18.2, 17.1, 16.3), 12))
    grid = torch.where(ball.abs() > 3, torch.nan, ball)
    verts, faces = DiffDMC(dtype=torch.float32)(grid, deform=None, return_quads=quads, normalize=True)
    assert verts.dtype == torch.float32
    assert faces.dtype == torch.int64
    assert faces.shape[1] == (4 if quads else 3)
    assert check.most_faces_on_an_edge(faces) == 2
    assert 0 < verts.min() < verts.max() < 1
    if not quads:
        assert check.is_closed(faces)
        assert check.signed_volume(verts * (torch.tensor(grid.shape) - 1), faces) > 7000


def test_axes_are_the_grids_own():
    grid = torch.ones(5, 6, 7)
    grid[1, 2, 4] = -1
    verts, _ = DiffDMC()(grid, normalize=False)
    assert verts.mean(0).tolist() == pytest.approx([1, 2, 4])


def test_no_surface():
    verts, faces = DiffDMC()(torch.ones(3, 3, 3))
    assert verts.shape == (0, 3)
    assert faces.shape == (0, 3)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"grid must have 3 dimensions \(X, Y, Z\), got shape \(2, 3\)"):
        DiffDMC()(torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"deform must have shape \(2, 3, 4, 3\), got shape \(2, 3, 4\)"):
        DiffDMC()(torch.ones(2, 3, 4), torch.ones(2, 3, 4))
    with pytest.raises(ValueError, match=r"dtype must be torch\.float32 or torch\.float64, got torch\.int32"):
        DiffDMC(torch.int32)
