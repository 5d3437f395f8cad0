# SPDX-License-Identifier: MIT
"""Dual meshes of several volumes in one call, and of a fixed size: the bytes of one call each."""

import numpy as np
import pytest
import torch
import volumes
from test_batches import SMALL, same
from torchmcubes_bw import Mesh, dual_marching_cubes, isosurface


def alone(vols, levels, mask=None, **asked):
    """Return the dual mesh of each volume by a call of its own."""
    return [
        dual_marching_cubes(vol, level, mask=None if mask is None else mask[k], **asked)
        for k, (vol, level) in enumerate(zip(vols, levels, strict=True))
    ]


def check(vols, levels, **asked):
    """Compare a batch with a loop."""
    packed = dual_marching_cubes(vols, levels, **asked)
    assert isinstance(packed, Mesh)
    each = levels if isinstance(levels, list) else [levels] * len(vols)
    parts, wanted = packed.unpack(), alone(vols, each, **asked)
    assert len(parts) == len(wanted)
    for part, (verts, faces), level in zip(parts, wanted, each, strict=True):
        same(part.verts, verts)
        same(part.faces, faces)
        assert part.level == level
    assert packed.vert_offsets.tolist() == np.cumsum([0, *(len(v) for v, _ in wanted)]).tolist()
    assert packed.face_offsets.tolist() == np.cumsum([0, *(len(f) for _, f in wanted)]).tolist()
    return packed


@pytest.mark.parametrize("quads", [False, True])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_batch_is_a_loop(count, quads, threads):
    threads(count)
    check(SMALL, 0.1, quads=quads)
    check(SMALL, [0.1 * k for k in range(9)], quads=quads, border="closed", spacing=(1, 2, 0.5), origin=3)
    large = torch.stack([torch.from_numpy(volumes.gyroid(72)), torch.from_numpy(volumes.noise((72,) * 3))])
    check(torch.cat([large, large[:1]]), 0.1, quads=quads)  # all threads share some of them
    check(SMALL[:3], 0.1, quads=quads, placement="nets", rounds=3)


@pytest.mark.parametrize("name", ["float64", "float16", "uint8", "int32", "int64", "bool"])
def test_dtypes_masks_and_nan(name):
    values = torch.from_numpy(np.random.default_rng(1).integers(0, 4, (4, 3, 5, 70)))
    vols, mask = values.to(getattr(torch, name)), values != 3
    check(vols, [0.5, 1, 1.5, 2])
    check(vols, [0.5, 1, 1.5, 2], mask=mask, quads=True, border="closed")
    if vols.is_floating_point():
        vols[torch.rand(vols.shape) < 0.05] = torch.nan
        check(vols, 1.5, nan="skip", mask=mask)


def test_strides_and_volumes_without_cells():
    base = torch.from_numpy(volumes.noise((4, 6, 9 * 71))).reshape(4, 6, 9, 71)
    check(base.permute(3, 2, 1, 0), 0.1)
    check(base[:, ::2, 1:, 3:-1], 0.1, quads=True)
    check(base[:1].expand(3, -1, -1, -1), 0.1)
    assert len(check(torch.rand(3, 1, 4, 5), 0.5).verts) == 0
    assert len(check(torch.zeros(2, 1, 1, 1), 0.5, border="closed").verts) == 16


@pytest.mark.parametrize("normals", [False, True])
def test_isosurface_by_the_dual_method(normals):
    asked = {"method": "dual", "normals": normals, "dtype": torch.float64, "spacing": 0.5}
    packed = isosurface(SMALL, 0.1, **asked)
    for part, vol in zip(packed.unpack(), SMALL, strict=True):
        want = isosurface(vol, 0.1, **asked)
        for name in ("verts", "faces", "normals"):
            same(getattr(part, name), getattr(want, name))
    nets = isosurface(SMALL[:2], 0.1, method="dual", placement="nets")
    same(nets.unpack()[1].verts, isosurface(SMALL[1], 0.1, method="dual", placement="nets").verts)


def test_a_nan_is_told_of_where_it_is():
    vols = torch.ones(3, 4, 5, 6)
    vols[1, 2, 3, 4] = torch.nan
    with pytest.raises(ValueError, match=r"got 1 NaN sample, the first at vol\[1, 2, 3, 4\]"):
        dual_marching_cubes(vols, 0.0)


@pytest.mark.parametrize("quads", [False, True])
@pytest.mark.parametrize("vol, level", [(SMALL[0], 0.1), (SMALL, [0.1 * k for k in range(9)])])
def test_a_fixed_size(vol, level, quads):
    asked = {"quads": quads, "border": "closed", "origin": (1, 2, 3)}
    want = dual_marching_cubes(vol, level, **asked)
    verts, faces = want
    for more in (0, 7):
        size = {"max_verts": len(verts) + more, "max_faces": len(faces) + more}
        got = dual_marching_cubes(vol, level, **asked, **size)
        assert got.overflow.item() is False
        assert (len(got.verts), len(got.faces)) == tuple(size.values())
        assert (got.vert_offsets[-1], got.face_offsets[-1]) == (len(verts), len(faces))
        same(got.verts[: len(verts)], verts)
        same(got.faces[: len(faces)], faces)
        assert not got.faces[len(faces) :].any()
        assert (got.verts[len(verts) :] == torch.tensor([1, 2, 3])).all()
    for less in ((1, 0), (0, 1)):
        size = {"max_verts": len(verts) - less[0], "max_faces": len(faces) - less[1]}
        got = dual_marching_cubes(vol, level, quads=quads, border="closed", **size)
        assert got.overflow.item() is True
        assert not got.verts.any()
        assert not got.faces.any()
        assert (got.vert_offsets[-1], got.face_offsets[-1]) == (len(verts), len(faces))
        with pytest.raises(ValueError, match="max_verts and max_faces must hold the mesh"):
            got.unpack()


def test_a_fixed_size_of_isosurface():
    want = isosurface(SMALL, 0.1, method="dual", normals=True)
    size = {"max_verts": len(want.verts) + 1, "max_faces": len(want.faces) + 2}
    got = isosurface(SMALL, 0.1, method="dual", normals=True, **size)
    for name in ("verts", "faces", "normals"):
        same(getattr(got, name)[: len(getattr(want, name))], getattr(want, name))
        assert not getattr(got, name)[len(getattr(want, name)) :].any()


def test_a_nan_in_results_of_a_fixed_size():
    bad = SMALL.clone()
    bad[4, 0, 0, 0] = torch.nan
    got = dual_marching_cubes(bad, 0.1, max_verts=10_000, max_faces=10_000)
    assert got.overflow.item() is True
    assert not got.verts.any()
    assert set(got.vert_offsets.tolist() + got.face_offsets.tolist()) == {-1}


@pytest.mark.parametrize(
    "asked, error, text",
    [
        ({"level": None}, ValueError, "level must be given for several volumes and with max_verts"),
        ({"level": [1.0, 2.0]}, ValueError, "level must be a number, or one for each of 9 volumes, got 2"),
        ({"max_verts": 9}, ValueError, "max_verts and max_faces must be given together, got no max_faces"),
        ({"max_verts": 9, "max_faces": 1.5}, TypeError, "max_faces must be an integer, got float"),
        ({"vol": SMALL[0, 0]}, ValueError, "vol must have 3 dimensions (Nz, Ny, Nx), or 4 (B, Nz, Ny, Nx)"),
        ({"mask": SMALL[0] > 0}, ValueError, "mask must have the shape of vol"),
    ],
)
def test_what_is_refused(asked, error, text):
    with pytest.raises(error) as caught:
        dual_marching_cubes(**{"vol": SMALL, "level": 0.0, **asked})
    assert text in str(caught.value)


@pytest.mark.parametrize("quads", [False, True])
def test_a_batch_with_gradients_is_a_loop(quads):
    vols, levels = SMALL[:3].double().requires_grad_(), torch.full((3,), 0.1).requires_grad_()
    copies = [t.detach().clone().requires_grad_() for t in (vols, levels)]
    packed = dual_marching_cubes(vols, levels, spacing=2, quads=quads)
    parts = [dual_marching_cubes(copies[0][k], copies[1][k], spacing=2, quads=quads) for k in range(3)]
    for got, (verts, faces) in zip(packed.unpack(), parts, strict=True):
        same(got.verts.detach(), verts.detach())
        same(got.faces, faces)
    packed.verts.square().sum().backward()
    sum(verts.square().sum() for verts, _ in parts).backward()
    same(vols.grad, copies[0].grad)
    same(levels.grad, copies[1].grad)
    mesh = isosurface(vols, 0.1, method="dual", normals=True)
    assert mesh.verts.requires_grad
    same(mesh.normals, isosurface(vols.detach(), 0.1, method="dual", normals=True).normals)
    with pytest.raises(ValueError, match="max_verts must be None for a volume or level that requires grad"):
        dual_marching_cubes(vols, 0.1, max_verts=9, max_faces=9)
    with pytest.raises(ValueError, match='placement must be "mean" for a volume or level that requires grad'):
        dual_marching_cubes(vols, 0.1, placement="nets")


def test_quads_go_where_they_are_held():
    pyvista = pytest.importorskip("pyvista")
    mesh = dual_marching_cubes(SMALL[:1], 0.1, quads=True).unpack()[0]
    assert isinstance(mesh.to_pyvista(), pyvista.PolyData)
    for call in (mesh.to_trimesh, mesh.to_open3d, mesh.to_pytorch3d):
        with pytest.raises(
            ValueError, match=r"mesh must have triangles, got quads, faces of shape \(\d+, 4\)"
        ):
            call()


@pytest.mark.skipif(not hasattr(torch.library, "custom_op"), reason="torch has operators from 2.4 on")
@pytest.mark.parametrize("quads", [False, True])
def test_a_fixed_size_where_torch_traces(quads):
    size = {"max_verts": 60_000, "max_faces": 60_000, "quads": quads}

    def call(vol):
        mesh = dual_marching_cubes(vol, 0.1, **size)
        return mesh.verts, mesh.faces, mesh.vert_offsets, mesh.face_offsets, mesh.overflow

    torch.compiler.reset()
    want = call(SMALL)
    assert not want[-1]
    for one, other in zip(torch.compile(call, fullgraph=True, backend="aot_eager")(SMALL), want, strict=True):
        same(one, other)
