# SPDX-License-Identifier: MIT
"""Several volumes in one call, and results of a fixed size: the bytes of one call each."""

import re
import sys
import types

import numpy as np
import pytest
import torch
import volumes
from torchmcubes_bw import Mesh, isosurface

SMALL = torch.stack([torch.from_numpy(volumes.noise((5, 6, 70), seed)) for seed in range(9)])


def same(got, want):
    if want is None:
        assert got is None
        return
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    assert got.numpy().tobytes() == want.numpy().tobytes()


def check(vols, level, *, mask=None, **asked):
    """Compare a batch with a loop; a level may be one for each."""
    packed = isosurface(vols, level, mask=mask, **asked)
    levels = level if isinstance(level, list) else [level] * len(vols)
    for k, part in enumerate(packed.unpack()):
        alone = isosurface(vols[k], levels[k], mask=None if mask is None else mask[k], **asked)
        for name in ("verts", "faces", "normals"):
            same(getattr(part, name), getattr(alone, name))
        assert part.level == alone.level
    assert packed.vert_offsets.tolist()[-1] == len(packed.verts)
    assert packed.face_offsets.tolist()[-1] == len(packed.faces)
    assert len(packed.unpack()) == len(vols)
    return packed


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_a_batch_is_a_loop(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        check(SMALL, 0.1)
        check(SMALL, [0.1 * k for k in range(9)])
        check(SMALL, 0.1, border="closed", normals=True, spacing=(1, 2, 0.5), origin=(9, -3, 1))
        large = torch.stack(
            [torch.from_numpy(volumes.gyroid(72)), torch.from_numpy(volumes.noise((72,) * 3))]
        )
        check(torch.cat([large, large[:1]]), 0.1)  # more than two threads' worth: all threads share some
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "name", ["float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "uint16", "bool"]
)
def test_dtypes(name):
    values = torch.from_numpy(np.random.default_rng(1).integers(0, 4, (4, 3, 5, 70)))
    check(values.to(getattr(torch, name)), [0.5, 1, 1.5, 2])


def test_strides():
    base = torch.from_numpy(volumes.noise((4, 6, 9 * 71))).reshape(4, 6, 9, 71)
    check(base.permute(3, 2, 1, 0), 0.1)
    check(base.permute(2, 0, 1, 3)[::2], 0.1)
    check(base[:1].expand(3, -1, -1, -1), 0.1)
    check(base[:, ::2, 1:, 3:-1], 0.1, mask=base[:, ::2, 1:, 3:-1] < 0.4)


def test_masks_and_nan():
    vols, mask = SMALL.clone(), torch.rand(SMALL.shape) < 0.9
    vols[torch.rand(vols.shape) < 0.05] = float("nan")
    check(vols, 0.1, nan="skip")
    check(vols, [0.1] * 8 + [0.2], nan="skip", mask=mask, border="closed", normals=True)


def test_volumes_without_cells():
    assert len(check(torch.rand(3, 1, 4, 5), 0.5).verts) == 0
    assert len(check(torch.zeros(2, 1, 1, 1), 0.5, border="closed").verts) == 12
    assert len(check(torch.ones(2, 3, 4, 5), 0.5).verts) == 0


def test_levels_of_every_kind():
    levels = [0.1, 0.2, 0.0] * 3
    want = isosurface(SMALL, levels)
    for kind in (tuple(levels), np.array(levels), torch.tensor(levels, dtype=torch.float64)):
        same(isosurface(SMALL, kind).verts, want.verts)
    assert want.levels == tuple(levels)
    assert np.isnan(want.level)
    assert isosurface(SMALL, torch.tensor([0.5])).level == 0.5


def test_a_nan_is_told_of_where_it_is():
    vols = torch.ones(3, 4, 5, 6)
    vols[1, 2, 3, 4] = float("nan")
    with pytest.raises(ValueError, match=r"got 1 NaN sample, the first at vol\[1, 2, 3, 4\]"):
        isosurface(vols, 0.0)
    with pytest.raises(ValueError, match="NaN where mask is True"):
        isosurface(vols, 0.0, mask=torch.ones(vols.shape, dtype=torch.bool))


@pytest.mark.parametrize("border", ["open", "closed"])
@pytest.mark.parametrize("vol, level", [(SMALL[0], 0.1), (SMALL, [0.1 * k for k in range(9)])])
def test_a_fixed_size(vol, level, border):
    want = isosurface(vol, level, border=border, normals=True)
    verts, faces = len(want.verts), len(want.faces)
    for more in (0, 7):
        got = isosurface(
            vol, level, border=border, normals=True, max_verts=verts + more, max_faces=faces + more
        )
        assert (len(got.verts), len(got.faces)) == (verts + more, faces + more)
        assert got.overflow.item() is False
        assert (got.vert_offsets[-1], got.face_offsets[-1]) == (verts, faces)
        for name in ("verts", "faces", "normals"):
            rows = len(getattr(want, name))
            same(getattr(got, name)[:rows], getattr(want, name))
            assert not getattr(got, name)[rows:].any()
        parts = want.unpack()
        assert len(parts) == len(got.unpack())
        for a, b in zip(got.unpack(), parts, strict=True):
            same(a.faces, b.faces)


@pytest.mark.parametrize("less_verts, less_faces", [(1, 0), (0, 1), (10**9, 10**9)])
def test_an_overflow_is_told_and_writes_nothing(less_verts, less_faces):
    want = isosurface(SMALL, 0.1)
    verts, faces = len(want.verts), len(want.faces)
    size = {"max_verts": max(0, verts - less_verts), "max_faces": max(0, faces - less_faces)}
    got = isosurface(SMALL, 0.1, **size)
    assert got.overflow.item() is True
    assert not got.verts.any()
    assert not got.faces.any()
    same(got.vert_offsets, want.vert_offsets)
    same(got.face_offsets, want.face_offsets)
    text = f"max_verts and max_faces must hold the mesh, got {verts} vertices and {faces} faces"
    with pytest.raises(ValueError, match=text):
        got.unpack()


def test_a_nan_in_results_of_a_fixed_size():
    bad = SMALL.clone()
    bad[4, 0, 0, 0] = float("nan")
    got = isosurface(bad, 0.1, max_verts=10_000, max_faces=10_000)
    assert got.overflow.item() is True
    assert not got.verts.any()
    assert set(got.vert_offsets.tolist() + got.face_offsets.tolist()) == {-1}
    with pytest.raises(ValueError, match="NaN that counts"):
        got.unpack()
    skipped = isosurface(bad, 0.1, nan="skip", max_verts=90_000, max_faces=90_000)
    assert skipped.overflow.item() is False


def test_the_rest_of_a_fixed_size_lies_at_the_origin():
    want = isosurface(SMALL[0], 0.1, spacing=2, origin=(1, 2, 3), dtype=torch.float64)
    size = {"max_verts": len(want.verts) + 1, "max_faces": len(want.faces)}
    got = isosurface(SMALL[0], 0.1, spacing=2, origin=(1, 2, 3), dtype=torch.float64, **size)
    same(got.verts[:-1], want.verts)
    assert got.verts[-1].tolist() == [1, 2, 3]
    spoilt = SMALL[0].clone()
    spoilt[0, 0, 0] = float("nan")
    for vol, rows in ((SMALL[0], len(want.verts) - 1), (spoilt, 99_000)):
        size = {"max_verts": rows, "max_faces": 99_000}
        none = isosurface(vol, 0.1, spacing=2, origin=(1, 2, 3), normals=True, **size)
        assert none.overflow.item() is True
        assert none.verts.unique(dim=0).tolist() == [[1, 2, 3]]
        assert not none.faces.any()
        assert not none.normals.any()


ROOM = {"max_verts": 9, "max_faces": 9}


@pytest.mark.parametrize(
    "vol, level, asked, error, text",
    [
        (SMALL[0, 0], 0.0, {}, ValueError, "vol must have 3 dimensions (Nz, Ny, Nx), or 4 (B, Nz, Ny, Nx)"),
        (SMALL[:0], 0.0, {}, ValueError, "vol must have no empty side, got shape (0, 5, 6, 70)"),
        (SMALL, None, {}, ValueError, "level must be given for several volumes and with max_verts"),
        (SMALL[0], None, ROOM, ValueError, "level must be given for several volumes and with max_verts"),
        (SMALL, [1.0, 2.0], {}, ValueError, "level must be a number, or one for each of 9 volumes, got 2"),
        (SMALL, torch.zeros(2, 9), {}, ValueError, "or one for each of 9 volumes, got (2, 9)"),
        (SMALL, [0.0] * 8 + [float("nan")], {}, ValueError, "level must not be NaN, got nan"),
        (SMALL, ["a"] * 9, {}, TypeError, "level must be a number, got str"),
        (SMALL, 0.0, {"attributes": SMALL}, ValueError, "attributes must be None for several volumes"),
        (SMALL, 0.0, {"degenerate": "drop"}, ValueError, 'degenerate must be "keep" for several volumes'),
        (SMALL, 0.0, {"mask": SMALL[0] > 0}, ValueError, "mask must have the shape of vol"),
        (SMALL, 0.0, {"max_verts": 9}, ValueError, "must be given together, got no max_faces"),
        (SMALL, 0.0, {"max_faces": 9}, ValueError, "must be given together, got no max_verts"),
        (SMALL, 0.0, {**ROOM, "max_verts": 1.5}, TypeError, "max_verts must be an integer, got float"),
        (SMALL, 0.0, {**ROOM, "max_faces": -1}, ValueError, "max_faces must be from 0 to 2^48, got -1"),
    ],
)  # fmt: skip
def test_what_is_refused(vol, level, asked, error, text):
    with pytest.raises(error) as caught:
        isosurface(vol, level, **asked)
    assert text in str(caught.value)


@pytest.mark.parametrize("size", [{"max_verts": 2**47}, {"max_faces": 2**47}])
def test_a_fixed_size_that_no_memory_holds(size):
    asked = {**ROOM, **size}
    text = "vol, max_verts and max_faces need more memory than there is, got shape (9, 5, 6, 70), "
    with pytest.raises(MemoryError, match=re.escape(f"{text}{asked['max_verts']} and {asked['max_faces']}")):
        isosurface(SMALL, 0.1, **asked)


def test_a_packed_mesh_is_no_mesh_of_one():
    packed = isosurface(SMALL[:2], 0.1)
    assert "packed, of volumes: 2" in repr(packed)
    for call in (packed.to_trimesh, packed.to_open3d, packed.to_pyvista):
        with pytest.raises(ValueError, match=r"mesh must not be packed, got Mesh\(.*unpack\(\) gives each"):
            call()
    assert packed._repr_png_() is None
    moved = packed.to("cpu")
    same(moved.vert_offsets, packed.vert_offsets)
    verts, _ = packed
    same(verts, packed.verts)
    one = isosurface(SMALL[0], 0.1)
    assert one.unpack() == [one]
    assert isinstance(packed.unpack()[1], Mesh)


def test_pytorch3d_gets_a_list(monkeypatch):
    module = types.SimpleNamespace(Meshes=lambda **lists: lists)
    monkeypatch.setitem(sys.modules, "pytorch3d", types.SimpleNamespace(structures=module))
    monkeypatch.setitem(sys.modules, "pytorch3d.structures", module)
    lists = isosurface(SMALL[:3], 0.1, normals=True).to_pytorch3d()
    assert [len(lists[name]) for name in ("verts", "faces", "verts_normals")] == [3, 3, 3]
    assert lists["faces"][2].dtype == torch.int64


def test_a_batch_with_gradients_is_a_loop():
    vols, levels = SMALL.double().requires_grad_(), torch.full((9,), 0.1).requires_grad_()
    alone_vols, alone_levels = (
        vols.detach().clone().requires_grad_(),
        levels.detach().clone().requires_grad_(),
    )
    packed = isosurface(vols, levels, spacing=2, normals=True)
    parts = [isosurface(alone_vols[k], alone_levels[k], spacing=2, normals=True) for k in range(9)]
    for got, want in zip(packed.unpack(), parts, strict=True):
        same(got.verts.detach(), want.verts.detach())
        same(got.faces, want.faces)
        same(got.normals, want.normals)
    packed.verts.square().sum().backward()
    sum(part.verts.square().sum() for part in parts).backward()
    same(vols.grad, alone_vols.grad)
    same(levels.grad, alone_levels.grad)
    isosurface(vols, 0.1).verts.sum().backward()
    with torch.no_grad():
        same(isosurface(vols, 0.1).verts, isosurface(vols.detach(), 0.1).verts)
    with pytest.raises(ValueError, match="max_verts must be None for a volume or level that requires grad"):
        isosurface(vols, 0.1, **ROOM)
    assert not isosurface(vols.detach(), 0.1, max_verts=9, max_faces=9).verts.requires_grad


@pytest.mark.skipif(not hasattr(torch.library, "custom_op"), reason="torch has operators from 2.4 on")
def test_a_fixed_size_where_torch_traces():
    want = isosurface(SMALL, 0.1, max_verts=60_000, max_faces=60_000, normals=True)

    def call(vol):
        mesh = isosurface(vol, 0.1, max_verts=60_000, max_faces=60_000, normals=True)
        return mesh.verts, mesh.faces, mesh.normals, mesh.vert_offsets, mesh.face_offsets, mesh.overflow

    torch.compiler.reset()
    got = torch.compile(call, fullgraph=True, backend="aot_eager")(SMALL)
    names = ("verts", "faces", "normals", "vert_offsets", "face_offsets", "overflow")
    for one, name in zip(got, names, strict=True):
        same(one, getattr(want, name))
    operator = torch.ops.torchmcubes_bw.surfaces_of_a_size.default
    level = torch.tensor(0.1, dtype=torch.float64)
    for dual, quads in ((False, False), (True, True)):
        options = ("raise", "open", [1.0, 1.0, 1.0], False, [99_000, 99_000], dual, quads, 0)
        arguments = (SMALL[0], level, None, *options)
        torch.library.opcheck(operator, arguments, test_utils=("test_schema", "test_faketensor"))
