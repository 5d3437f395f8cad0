# SPDX-License-Identifier: MIT
"""Gradients of the dual mesh, and diso's call of it."""

import mesh_checks as check
import pytest
import torch
import volumes
from torchmcubes_bw import dual_marching_cubes
from torchmcubes_bw.compat.diso import DiffDMC


def double_noise():
    return torch.from_numpy(volumes.noise((3, 3, 4), 1)).double()


@pytest.mark.parametrize("border", ["open", "closed"])
def test_gradients_to_samples_and_level(border):
    vol, level = double_noise().requires_grad_(), torch.tensor(0.1, dtype=torch.float64, requires_grad=True)

    def verts(vol, level):
        return dual_marching_cubes(vol, level, border=border, spacing=(1, 2, 0.5))[0]

    assert torch.autograd.gradcheck(verts, (vol, level), eps=1e-7, atol=1e-5)
    assert torch.autograd.gradgradcheck(verts, (vol, level), eps=1e-7, atol=1e-3)


def test_the_mesh_is_the_same_with_gradients():
    vol = torch.from_numpy(volumes.noise((9, 8, 7), 2))
    plain = dual_marching_cubes(vol, 0.1)
    verts, faces = dual_marching_cubes(vol.clone().requires_grad_(), 0.1)
    assert torch.equal(verts.detach(), plain[0])
    assert torch.equal(faces, plain[1])


def test_nets_carry_no_gradient():
    with pytest.raises(ValueError, match='placement must be "mean" for a volume or level that requires grad'):
        dual_marching_cubes(torch.ones(3, 3, 3, requires_grad=True), 0.0, placement="nets")


def test_diso_gradients_to_grid_and_deform():
    grid = double_noise().requires_grad_()
    deform = (0.1 * torch.randn(*grid.shape, 3, dtype=torch.float64)).requires_grad_()
    call = DiffDMC(torch.float64)
    assert torch.autograd.gradcheck(
        lambda grid, deform: call(grid, deform, normalize=False)[0], (grid, deform), eps=1e-7, atol=1e-5
    )


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
