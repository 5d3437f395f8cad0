# SPDX-License-Identifier: MIT
"""The ways in which existing code calls torchmcubes; each must keep working."""

import importlib.util
import shutil
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import mesh_checks as check
import numpy as np
import pytest
import torch
import torchmcubes
import torchmcubes_bw
import torchmcubes_module
import trimesh
import volumes


def test_names():
    assert torchmcubes.__version__ == torchmcubes_bw.__version__
    assert torchmcubes.HAS_CUDA is torchmcubes_bw.HAS_CUDA
    for name in ("torchmcubes", "torchmcubes_module"):
        assert importlib.util.find_spec(name) is not None
    assert callable(torchmcubes_module.mcubes_cpu)
    assert callable(torchmcubes_module.grid_interp_cpu)
    assert hasattr(torchmcubes_module, "mcubes_cuda") == torchmcubes_bw.HAS_CUDA
    assert hasattr(torchmcubes_module, "grid_interp_cuda") == torchmcubes_bw.HAS_CUDA


def test_module_functions():
    vol = torch.from_numpy(volumes.ball((8, 8, 8), (3.5, 3.5, 3.5), 2.5))
    verts, faces = torchmcubes_module.mcubes_cpu(vol, 0.0)
    assert torch.equal(verts, torchmcubes.marching_cubes(vol, 0.0)[0])
    values = torchmcubes_module.grid_interp_cpu(vol[None], verts)
    assert values.abs().max() < 0.2
    assert faces.dtype == torch.int32


def test_triposr_helper():
    """The helper that every copy of TripoSR carries, spelled out anew."""
    resolution = 32
    side = torch.linspace(0, 1, resolution)
    x, y, z = torch.meshgrid(side, side, side, indexing="ij")
    density = (0.3 - ((x - 0.5) ** 2 + (y - 0.4) ** 2 + (z - 0.6) ** 2).sqrt()).requires_grad_()
    level = -density.view(resolution, resolution, resolution)
    try:
        v_pos, faces = torchmcubes.marching_cubes(level.detach(), 0.0)
    except AttributeError:
        v_pos, faces = torchmcubes.marching_cubes(level.detach().cpu(), 0.0)
    v_pos = v_pos[..., [2, 1, 0]] / (resolution - 1.0)
    v_pos, faces = v_pos.to(level.device), faces.to(level.device)
    centre = (v_pos.min(dim=0).values + v_pos.max(dim=0).values) / 2
    assert torch.allclose(centre, torch.tensor([0.5, 0.4, 0.6]), atol=1e-2)
    mesh = trimesh.Trimesh(vertices=v_pos, faces=faces, process=False)
    assert mesh.is_watertight


def test_block_wise_use_shifts_faces_in_place():
    vol = torch.from_numpy(volumes.ball((16, 16, 16), (7.5, 7.5, 7.5), 3))
    verts, faces, count = [], [], 0
    for z in range(0, 15, 3):
        v, f = torchmcubes.marching_cubes(vol[z : z + 4], 0.0)
        f += count
        v[:, 2] += z
        count += len(v)
        verts.append(v)
        faces.append(f)
    whole = torchmcubes.marching_cubes(vol, 0.0)
    assert len(torch.cat(faces)) == len(whole[1])
    soup = check.signed_volume(torch.cat(verts), torch.cat(faces))
    assert soup == pytest.approx(check.signed_volume(*whole), rel=1e-5)


def test_empty_surface():
    verts, faces = torchmcubes.marching_cubes(torch.ones(8, 8, 8), 0.0)
    faces = faces.numpy()
    assert np.all(faces == [[0, 0, 0]]) or faces.size == 0
    assert verts.shape == (0, 3)


def test_results_go_straight_to_trimesh():
    verts, faces = torchmcubes.marching_cubes(
        torch.from_numpy(volumes.ball((16, 16, 16), (7.5, 7.5, 7.5), 5)).requires_grad_(), 0.0
    )
    mesh = trimesh.Trimesh(vertices=verts, faces=faces)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0


def test_coordinate_warp():
    coordinates = torch.rand(3, 4, 5, 6)
    mesh = trimesh.creation.box((2, 2, 2))
    values = torchmcubes.grid_interp(coordinates, torch.Tensor(mesh.vertices))
    assert values.shape == (8, 3)


def test_quantised_volumes():
    vol = (volumes.ball((20, 20, 20), (9.5, 9.5, 9.5), 6) * 4 + 128).clip(0, 255).astype(np.uint8)
    _, faces = torchmcubes.marching_cubes(torch.from_numpy(vol), 128)
    assert check.is_closed(faces)


@pytest.mark.parametrize("kind", ["numpy", "float64", "half", "strided", "int thresh"])
def test_what_shims_accept(kind):
    vol = volumes.ball((12, 12, 12), (5.5, 5.4, 5.3), 4)
    tensor = torch.from_numpy(vol)
    given = {
        "numpy": vol,
        "float64": tensor.double(),
        "half": tensor.half(),
        "strided": tensor.permute(2, 1, 0),
        "int thresh": tensor,
    }[kind]
    verts, faces = torchmcubes.marching_cubes(given, 0)
    assert isinstance(verts, torch.Tensor)
    assert check.is_closed(faces)


def test_where_the_original_is_wrong():
    """A small distance field, which an absolute snap would ruin, and a non-cubic grid_interp."""
    vol = volumes.ball((64, 64, 64), (31.5, 31.4, 31.3), 20) * 1e-4
    verts, faces = torchmcubes.marching_cubes(torch.from_numpy(vol), 0.0)
    assert check.is_closed(faces)
    assert np.abs(np.linalg.norm(verts.numpy() - [31.5, 31.4, 31.3], axis=1) - 20).max() < 0.02
    ramp = torch.arange(9.0).reshape(1, 9, 1, 1).expand(1, 9, 3, 2)
    assert torchmcubes.grid_interp(ramp, torch.tensor([[0.0, 0.0, 7.5]])).item() == 7.5


@pytest.mark.parametrize("name", ["torchmcubes", "torchmcubes_module"])
def test_the_original_beside_us_is_told(name, tmp_path, run_python):
    for package in ("torchmcubes", "torchmcubes_module"):
        shutil.copytree(Path(sys.modules[package].__file__).parent, tmp_path / package)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {name}"
    assert run_python(code, check=False).stderr == ""
    (tmp_path / f"torchmcubes_module{EXTENSION_SUFFIXES[0]}").touch()
    done = run_python(code, check=False)
    assert done.returncode == 0
    assert "RuntimeWarning: torchmcubes and torchmcubes-bw are both installed" in done.stderr
