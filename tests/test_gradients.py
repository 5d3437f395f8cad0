# SPDX-License-Identifier: MIT
"""Gradients of vertices, attributes and interpolated values, and diso's call of marching cubes."""

import numpy as np
import pytest
import torch
import torchmcubes
import volumes
from torch.autograd import gradcheck, gradgradcheck
from torchmcubes_bw import _core, grid_interp, isosurface, marching_cubes
from torchmcubes_bw.compat.diso import DiffMC

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def noise(*shape, seed=1):
    return torch.from_numpy(volumes.noise(shape, seed)).double()


def a_level(value=0.1):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def edges(vol, level, **options):
    """Return each vertex's edge: a volume of -1 and 1 has the same ones, crossed halfway."""
    halves = isosurface(torch.where(vol < level, -1.0, 1.0), 0.0, **options).verts
    lower = halves.floor().long()
    return lower, (halves != lower).long()


def by_formula(vol, level, **options):
    """Return the vertices as torch's own operations compute them. A cap's stand still."""
    lower, axis = edges(vol.detach(), level.detach().to(vol.dtype), **options)
    lower, upper = lower.T, (lower + axis).T
    a, b = vol[tuple(lower.flip(0))], vol[tuple(upper.flip(0))]
    caps = (axis == 0).all(1)
    t = torch.where(caps, 0, (level.to(vol.dtype) - a) / torch.where(caps, 1, b - a))
    return lower.T + axis * t[:, None]


@pytest.mark.parametrize("border", ["open", "closed"])
@pytest.mark.parametrize("masked", [False, True])
def test_first_and_second_derivatives(border, masked):
    vol, level = noise(3, 4, 5).requires_grad_(), a_level()
    mask = noise(3, 4, 5, seed=7) > -0.8 if masked else None

    def verts(vol, level):
        return isosurface(vol, level, border=border, mask=mask, spacing=(1, 2, 0.5), origin=(3, 4, 5)).verts

    assert gradcheck(verts, (vol, level), eps=1e-7, atol=1e-4)
    assert gradgradcheck(verts, (vol, level), eps=1e-7, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("shape", [(3, 3, 70), (5, 2, 64), (2, 3, 129), (70, 65, 66), (9, 8, 300)])
@pytest.mark.parametrize("border", ["open", "closed"])
def test_equals_the_formula(shape, border):
    """Rows of one word and of several, many chunks of rows a plane, planes of many chunks."""
    vol = noise(*shape)
    weights = None
    found = []
    for function in (lambda v, le: isosurface(v, le, border=border).verts, by_formula):
        leaf, level = vol.clone().requires_grad_(), a_level()
        options = {"border": border} if function is by_formula else {}
        verts = function(leaf, level, **options)
        weights = torch.randn(verts.shape, dtype=verts.dtype) if weights is None else weights
        found.append(torch.autograd.grad((verts * weights).sum(), (leaf, level)))
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9 * theirs.abs().max())


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_dtype_has_gradients(dtype):
    vol = (noise(9, 8, 7, seed=2) * 4).to(dtype)
    level = a_level(0.3)
    leaf = vol.clone().requires_grad_()
    verts, faces = marching_cubes(leaf, level)
    plain = marching_cubes(vol, 0.3)
    assert torch.equal(verts.detach(), plain[0])
    assert torch.equal(faces, plain[1])
    assert not faces.requires_grad
    weights = torch.randn_like(verts)
    verts.backward(weights)
    assert leaf.grad.dtype == dtype
    wide, at = vol.double().requires_grad_(), a_level(float(torch.tensor(0.3).to(verts.dtype)))
    by_formula(wide, at).backward(weights.double())
    close = {torch.float16: 1e-3, torch.bfloat16: 8e-3}.get(dtype, 1e-6)
    assert torch.allclose(leaf.grad.double(), wide.grad, rtol=close, atol=close * wide.grad.abs().max())
    assert level.grad.item() == pytest.approx(at.grad.item(), rel=1e-6)


def test_the_level_alone_of_integers_and_strides():
    vol = (torch.from_numpy(volumes.noise((14, 9, 16), 3)) * 100).to(torch.int16)[::2, :, ::2]
    level = a_level(3.5)
    marching_cubes(vol, level)[0].sum().backward()
    at = a_level(3.5)
    by_formula(vol.double(), at).sum().backward()
    assert level.grad.item() == pytest.approx(at.grad.item(), rel=1e-6)
    array_level = a_level(3.5)
    marching_cubes(vol.numpy(), array_level)[0].sum().backward()
    assert torch.equal(array_level.grad, level.grad)


@pytest.mark.parametrize("closed", [False, True])
def test_one_gradient_for_every_thread_count(closed):
    vol = torch.from_numpy(volumes.noise((90, 80, 140), 4))
    found, threads = [], torch.get_num_threads()
    for count in (1, 2, 7):
        torch.set_num_threads(count)
        leaf, level = vol.clone().requires_grad_(), torch.tensor(0.1, requires_grad=True)
        attributes = torch.stack([vol, -vol]).requires_grad_()
        mesh = isosurface(leaf, level, border="closed" if closed else "open", attributes=attributes)
        loss = (mesh.verts**2).sum() + (mesh.attributes**3).sum()
        found.append(torch.autograd.grad(loss, (leaf, level, attributes)))
    torch.set_num_threads(threads)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


HASHED = """
import hashlib, torch, torchmcubes_bw as m
vol = torch.sin(torch.arange(40 * 41 * 150) ** 2 * 0.37).reshape(40, 41, 150).requires_grad_()
level = torch.tensor(0.1, requires_grad=True)
mesh = m.isosurface(vol, level, mask=vol > -0.9, border="closed")
found = torch.autograd.grad((mesh.verts ** 2).sum(), (vol, level))
digest = hashlib.sha256(b"".join(t.numpy().tobytes() for t in found)).hexdigest()
"""


def test_one_gradient_for_every_simd_level(run_python):
    here = {}
    exec(HASHED, here)
    for level in set(_core.simd_levels()) - {_core.simd_level()}:
        assert run_python(HASHED + "print(digest)", TORCHMCUBES_SIMD=level) == here["digest"]


def test_a_gradient_that_negates_its_memory():
    vol = torch.from_numpy(volumes.noise((5, 5, 5), 1)).requires_grad_()
    verts, _ = marching_cubes(vol, 0.1)
    (plain,) = torch.autograd.grad(verts, vol, torch.ones_like(verts), retain_graph=True)
    (negated,) = torch.autograd.grad(verts, vol, torch._neg_view(torch.ones_like(verts)))
    assert torch.equal(negated, -plain)


def test_nan_that_is_skipped_gets_no_gradient():
    vol = noise(6, 6, 6)
    vol[2:4, 2, 3] = torch.nan
    leaf = vol.clone().requires_grad_()
    marching_cubes(leaf, 0.0, nan="skip")[0].sum().backward()
    assert not leaf.grad.isnan().any()
    assert (leaf.grad[vol.isnan()] == 0).all()


@pytest.mark.parametrize(
    "row, expected",
    [
        ([0.0, -1.0], [1.0, 0.0]),  # a sample on the level: the formula, as if the edge stayed crossed
        ([-2.0, 2.0], [-0.125, -0.125]),
        ([-torch.inf, 1.0], [0.0, 0.0]),
        ([-1e-45, 1e-45], [-torch.inf, -torch.inf]),  # too steep for float32
        ([-3e38, 3e38], [-8.333333e-40, -8.333333e-40]),  # further apart than float32 goes
    ],
)
def test_samples_at_the_ends_of_the_type(row, expected):
    vol = torch.tensor(row).repeat(2, 2, 1).requires_grad_()
    verts, _ = marching_cubes(vol, 0.0)
    verts.sum().backward()
    assert torch.allclose(vol.grad[0, 0], torch.tensor(expected), atol=0, rtol=1e-5)


def test_float64_samples_too_close_to_tell():
    vol = torch.tensor([-5e-324, 5e-324], dtype=torch.float64).repeat(2, 2, 1).requires_grad_()
    marching_cubes(vol, 0.0)[0].sum().backward()
    assert (vol.grad == 0).all()


def test_no_surface_no_gradient():
    for shape in ((4, 4, 4), (1, 4, 4)):
        vol, level = torch.ones(shape, requires_grad=True), torch.tensor(0.0, requires_grad=True)
        marching_cubes(vol, level)[0].sum().backward()
        assert torch.equal(vol.grad, torch.zeros(shape))
        assert level.grad == 0


def test_what_is_written_to_meanwhile_is_noticed():
    vol = torch.from_numpy(volumes.noise((5, 5, 5), 1)).requires_grad_()
    verts, _ = marching_cubes(vol, 0.0)
    with torch.no_grad():
        vol += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        verts.sum().backward()


@pytest.mark.parametrize("method", ["primal", "dual"])
def test_a_level_in_the_middle_moves_with_the_ends(method):
    vol = (noise(4, 4, 5) - noise(4, 4, 5).amin() + 1).requires_grad_()
    assert gradcheck(lambda vol: isosurface(vol, method=method).verts, vol, eps=1e-7, atol=1e-4)
    ties = vol.detach().clamp(*vol.detach().quantile(torch.tensor([0.2, 0.8]).double())).requires_grad_()
    isosurface(ties, method=method).verts.sum().backward()
    given = ties.detach().clone().requires_grad_()
    mesh = isosurface(given, (given.amin() + given.amax()) / 2, method=method)
    mesh.verts.sum().backward()
    assert torch.allclose(ties.grad, given.grad, atol=1e-12)


def test_a_level_in_the_middle_of_what_float64_holds():
    vol = torch.full((4, 4, 4), 1.7e308, dtype=torch.float64)
    vol[1, 1, 1] = 1e308
    assert len(isosurface(vol).faces) == len(isosurface(vol.requires_grad_()).faces) == 8


def test_a_level_of_zero_stands_still():
    vol, given = noise(4, 4, 5).requires_grad_(), noise(4, 4, 5).requires_grad_()
    isosurface(vol).verts.sum().backward()
    isosurface(given, 0.0).verts.sum().backward()
    assert torch.equal(vol.grad, given.grad)


@pytest.mark.parametrize("degenerate", ["keep", "drop"])
def test_a_whole_pipeline_by_finite_differences(degenerate):
    """Vertices, attributes and a loss on both, by volume, level and attributes."""
    vol, level = noise(4, 5, 6), torch.tensor(0.1, dtype=torch.float64)
    attributes = torch.stack([noise(4, 5, 6, seed=2), noise(4, 5, 6, seed=3)])

    def loss(vol, level, attributes):
        mesh = isosurface(
            vol, level, attributes=attributes, border="closed", spacing=2, degenerate=degenerate
        )
        corner = mesh.verts[mesh.faces.long()]
        areas = torch.linalg.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]).square().sum(1)
        return (areas + 1e-12).sqrt().sum() + (mesh.attributes**2 * mesh.verts[:, :1]).sum()

    given = tuple(t.clone().requires_grad_() for t in (vol, level, attributes))
    assert gradcheck(loss, given, eps=1e-7, atol=1e-3, rtol=1e-3, fast_mode=True)


def test_the_dual_method_has_gradients_too():
    vol = noise(4, 4, 4).requires_grad_()
    attributes = noise(1, 4, 4, 4).requires_grad_()
    mesh = isosurface(vol, 0.1, method="dual", attributes=attributes, normals=True)
    plain = isosurface(vol.detach(), 0.1, method="dual", attributes=attributes.detach(), normals=True)
    assert torch.equal(mesh.verts.detach(), plain.verts)
    assert torch.equal(mesh.normals, plain.normals)
    by_vol, by_attributes = torch.autograd.grad(mesh.attributes.sum(), (vol, attributes))
    assert by_vol.any()
    assert by_attributes.any()
    with pytest.raises(ValueError, match='placement must be "mean" for a volume or level that requires grad'):
        isosurface(vol, 0.1, method="dual", placement="nets")
    nets = isosurface(vol.detach(), 0.1, method="dual", placement="nets", attributes=attributes)
    assert nets.attributes.requires_grad


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 4, 2), (3, 2, 1, 1)])
def test_interpolation(shape):
    vol = noise(*shape[1:]).expand(shape).clone().requires_grad_()
    cells = torch.from_numpy(np.random.default_rng(2).integers(-1, 5, (9, 3)))
    points = (cells + 0.1 + 0.8 * noise(9, 3, 1)[..., 0].sigmoid()).requires_grad_()  # away from the kinks
    assert gradcheck(grid_interp, (vol, points))
    assert gradgradcheck(grid_interp, (vol, points))
    whole = torch.arange(8).reshape(1, 2, 2, 2)
    assert gradcheck(lambda at: grid_interp(whole, at).double(), (points,), eps=1e-3, atol=1e-2)


def test_a_point_on_a_sample_and_one_that_is_nan():
    vol = torch.arange(8.0).reshape(1, 2, 2, 2).requires_grad_()
    points = torch.tensor([[0.0, 0.5, 0.5], [torch.nan, 0, 0], [5, 0.5, 0]], requires_grad=True)
    grid_interp(vol, points).sum().backward()
    assert torch.equal(points.grad, torch.tensor([[0, 2.0, 4], [0, 0, 0], [0, 2, 0]]))
    assert vol.grad.sum() == 2


def test_transforms_of_functions():
    vol = noise(4, 4, 4)

    def loss(vol):
        return (marching_cubes(vol, 0.1)[0] ** 2).sum()

    leaf = vol.clone().requires_grad_()
    (first,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
    assert torch.equal(torch.func.grad(loss)(vol), first)
    (second,) = torch.autograd.grad((first**2).sum(), leaf, create_graph=True)
    assert torch.equal(torch.func.grad(lambda v: (torch.func.grad(loss)(v) ** 2).sum())(vol), second)
    with pytest.raises(RuntimeError, match="vol has first and second derivatives here, and no third"):
        torch.autograd.grad(second.sum(), leaf)
    with pytest.raises(TypeError, match=r"vol must be one volume, got a batch of vmap's"):
        torch.vmap(torch.func.grad(loss))(vol[None])


def test_the_drop_in_never_requires_grad():
    vol = torch.from_numpy(volumes.noise((5, 5, 5), 1)).requires_grad_()
    verts, _ = torchmcubes.marching_cubes(vol, torch.tensor(0.0, requires_grad=True))
    values = torchmcubes.grid_interp(vol[None], torch.rand(3, 3, requires_grad=True))
    assert len(verts)
    assert not verts.requires_grad
    assert not values.requires_grad
    with torch.no_grad():
        assert not marching_cubes(vol, 0.0)[0].requires_grad


def diso_by_formula(grid, deform, isovalue):
    vol = torch.nn.functional.pad(grid, (1,) * 6, value=1.0).permute(2, 1, 0)
    verts = by_formula(vol, torch.tensor(isovalue, dtype=grid.dtype))
    lower, axis = edges(vol.detach(), isovalue)
    fraction = ((verts - lower) * axis).sum(1, keepdim=True)
    moved = torch.nn.functional.pad(deform, (0, 0) + (1,) * 6)
    a, b = (moved[tuple(at.T)] for at in (lower, lower + axis))
    return (verts + a * (1 - fraction) + b * fraction - 1) / (torch.tensor(grid.shape) - 1)


def test_disos_marching_cubes():
    grid, deform = noise(4, 5, 6), 0.1 * torch.randn(4, 5, 6, 3, dtype=torch.float64)
    found = []
    for call in (lambda g, d: DiffMC(torch.float64)(g, d, 0.2)[0], lambda g, d: diso_by_formula(g, d, 0.2)):
        given = grid.clone().requires_grad_(), deform.clone().requires_grad_()
        verts = call(*given)
        found.append((verts.detach(), *torch.autograd.grad((verts**2).sum(), given)))
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_disos_results_are_differentiated_in_any_order():
    """Nothing is kept between calls, as it is in diso, where the last call's state answers every backward."""
    call = DiffMC()
    grids = [torch.from_numpy(volumes.noise((6, 7, 8), k)).requires_grad_() for k in (1, 2)]
    alone = [torch.autograd.grad(call(grid)[0].sum(), grid)[0] for grid in grids]
    together = [call(grid)[0].sum() for grid in grids]
    for k in (0, 1):
        assert torch.equal(torch.autograd.grad(together[k], grids[k])[0], alone[k])
    verts, faces = call(grids[0], normalize=False)
    assert faces.dtype == torch.int64
    assert verts.min() >= -1
    assert verts.max() > 1
