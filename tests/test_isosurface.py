# SPDX-License-Identifier: MIT
"""isosurface: the mesh in the world, and what it carries."""

import re
from itertools import product

import mesh_checks as check
import numpy as np
import pytest
import torch
import volumes
from conftest import mesh_hash
from torchmcubes_bw import _core, fields, grid_interp, isosurface, marching_cubes

SPACING = (0.7, 1.3, 2.0)


def arrays(mesh):
    return mesh.verts.numpy(), mesh.faces.numpy()


def ellipsoid(semi_axes, spacing=SPACING, shape=(40, 50, 60)):
    """Return a volume in a world of that spacing, and the ellipsoid's centre there."""
    axes = [np.arange(n) * s for n, s in zip(shape, spacing[::-1], strict=True)]
    centre = np.array([axis.mean() + 0.1 for axis in axes[::-1]])
    z, y, x = np.meshgrid(*axes, indexing="ij")
    scaled = [(c - m) / a for c, m, a in zip((x, y, z), centre, semi_axes, strict=True)]
    return np.sqrt(sum(part**2 for part in scaled)).astype("float32") - 1, centre


def angles(a, b):
    """Return the angles between unit vectors, in degrees."""
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=1), -1, 1)))


def test_is_marching_cubes_where_nothing_else_is_asked():
    vol = torch.from_numpy(volumes.noise((20, 21, 22)))
    assert mesh_hash(*isosurface(vol, 0.1)) == mesh_hash(*marching_cubes(vol, 0.1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_spacing_and_origin(dtype):
    vol = fields.sample("sphere", 30)
    verts, _ = marching_cubes(vol, 0.0)
    got = isosurface(vol, 0.0, spacing=SPACING, origin=(5e6, -2, 3), dtype=dtype).verts
    want = verts.double() * torch.tensor(SPACING, dtype=torch.float64) + torch.tensor([5e6, -2, 3]).double()
    assert got.dtype == dtype
    assert torch.equal(got, want.to(dtype))


def test_a_far_origin_keeps_its_digits_in_float64():
    near = isosurface(fields.sample("sphere", 30), 0.0, spacing=0.01).verts.double()
    far = isosurface(fields.sample("sphere", 30), 0.0, spacing=0.01, origin=5e6, dtype=torch.float64).verts
    assert (far - 5e6 - near).abs().max() < 1e-7


@pytest.mark.parametrize("semi_axes", [(15, 15, 15), (17, 22, 30)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normals_are_the_ellipsoids(semi_axes, dtype):
    vol, centre = ellipsoid(semi_axes)
    mesh = isosurface(vol.astype(dtype), 0.0, spacing=SPACING, normals=True)
    want = (mesh.verts.numpy() - centre) / np.array(semi_axes) ** 2
    want /= np.linalg.norm(want, axis=1, keepdims=True)
    got = mesh.normals.numpy()
    assert got.dtype == dtype
    assert np.abs(np.linalg.norm(got, axis=1) - 1).max() < 1e-6
    assert angles(got, want).max() < 1


def test_normals_agree_with_scikit_image():
    measure = pytest.importorskip("skimage.measure")
    vol, _ = ellipsoid((17, 22, 30))
    mesh = isosurface(vol, 0.0, normals=True)
    places, _, normals, _ = measure.marching_cubes(vol, 0.0, method="lorensen")
    mine = {tuple(np.round(v, 3)): n for v, n in zip(mesh.verts.tolist(), mesh.normals.numpy(), strict=True)}
    theirs = [
        (mine[tuple(np.round(p[::-1].tolist(), 3))], n[::-1]) for p, n in zip(places, normals, strict=True)
    ]
    a, b = (np.array(side) for side in zip(*theirs, strict=True))
    assert min(np.median(angles(a, b)), np.median(angles(a, -b))) < 2


def test_normals_point_as_the_faces_do():
    vol = fields.sample("metaballs", 40)
    mesh = isosurface(vol, 0.0, normals=True)
    a, b, c = (mesh.verts[mesh.faces[:, k].long()] for k in range(3))
    of_faces = torch.linalg.cross(b - a, c - a)
    assert ((mesh.normals[mesh.faces.long()] * of_faces[:, None]).sum(2) > -1e-6).all()


def test_a_caps_normals_point_straight_out():
    vol = torch.full((5, 5, 5), -1.0)
    mesh = isosurface(vol, 0.0, border="closed", normals=True)
    assert len(mesh.verts) == 6 * 25
    assert ((mesh.normals != 0).sum(dim=1) == 1).all()
    outward = (mesh.verts - 2) * mesh.normals
    assert (outward.sum(dim=1) == 2).all()


@pytest.mark.parametrize("side", [s for s in product((-1, 0, 1), repeat=3) if any(s)])
def test_a_ball_cut_by_the_box_is_closed(side):
    """By each face, edge and corner: watertight, on the border, of the right volume."""
    trimesh = pytest.importorskip("trimesh")
    shape, radius = (40, 44, 48), 12.3
    middle = [(n - 1) / 2 + 0.1 for n in shape[::-1]]
    centre = [m + s * (m - 4.2) for m, s in zip(middle, side, strict=True)]
    vol = volumes.ball(shape, centre, radius)
    mesh = isosurface(vol, 0.0, border="closed")
    verts, faces = arrays(mesh)
    body = trimesh.Trimesh(verts, faces, process=False)
    assert body.is_watertight
    assert body.is_winding_consistent
    assert (verts >= 0).all()
    assert (verts <= np.array(shape[::-1]) - 1).all()
    fine = [np.arange(0, n - 1, 0.25) + 0.125 for n in shape[::-1]]  # middles of a finer grid's cells
    near = [axis[np.abs(axis - c) < radius + 1] for axis, c in zip(fine, centre, strict=True)]
    x, y, z = np.meshgrid(*near, indexing="ij")
    within = sum((p - c) ** 2 for p, c in zip((x, y, z), centre, strict=True)) < radius**2
    assert body.volume == pytest.approx(within.sum() / 64, rel=5e-3)


def test_a_closed_border_copies_nothing_and_merges_to_a_box():
    mesh = isosurface(torch.full((4, 5, 6), -1.0).expand(4, 5, 6), 0.0, border="closed", degenerate="drop")
    verts, faces = arrays(mesh)
    assert check.is_closed(faces)
    assert check.euler_number(verts, faces) == 2
    assert check.signed_volume(verts, faces) == pytest.approx(3 * 4 * 5)


@pytest.mark.parametrize("threshold", [0, 1])
def test_ties_dropped_leave_a_closed_mesh(threshold):
    vol = np.round(volumes.noise((20, 21, 22), outside_border=True)).astype(np.int8)
    kept, dropped = isosurface(vol, threshold), isosurface(vol, threshold, degenerate="drop")
    assert len(dropped.faces) < len(kept.faces)
    verts, faces = arrays(dropped)
    forth = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert sorted(map(tuple, forth)) == sorted(map(tuple, forth[:, ::-1]))  # every edge has its way back
    a, b, c = (verts[faces[:, k]] for k in range(3))
    assert (np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-9).all()
    assert check.uses_every_vertex(verts, faces)
    assert check.signed_volume(verts, faces) == pytest.approx(check.signed_volume(*arrays(kept)))


def test_attributes_are_sampled_at_the_vertices():
    vol = fields.sample("sphere", 24)
    colours = torch.rand(3, 24, 24, 24)
    mesh = isosurface(vol, 0.0, spacing=2, origin=7, attributes=colours)
    assert torch.equal(mesh.attributes, grid_interp(colours, marching_cubes(vol, 0.0)[0]))


@pytest.mark.parametrize(
    "vol, level",
    [
        (torch.tensor([-1.0, 5.0]), 0.0),
        (torch.tensor([1.0, 5.0]), 3.0),
        (torch.tensor([-3, 5], dtype=torch.int16), 1.0),
        (torch.tensor([-1.0, float("nan")]), -1.0),
        (torch.tensor([0, 255], dtype=torch.uint8), 127.5),
    ],
)
def test_the_level_where_none_is_given(vol, level):
    vol = vol.repeat(8).reshape(2, 2, 4)
    assert isosurface(vol, nan="skip").level == level


VOL = torch.zeros(2, 3, 4)


@pytest.mark.parametrize(
    "options, error, text",
    [
        ({"spacing": 0}, ValueError, "spacing must be positive, got 0"),
        ({"spacing": (1, 2)}, TypeError, "spacing must be a number or three numbers (x, y, z), got (1, 2)"),
        ({"spacing": "123"}, TypeError, "spacing must be a number or three numbers (x, y, z), got '123'"),
        (
            {"spacing": {1, 2, 3}},
            TypeError,
            "spacing must be a number or three numbers (x, y, z), got {1, 2, 3}",
        ),
        (
            {"spacing": (1, "2", 3)},
            TypeError,
            "spacing must be a number or three numbers (x, y, z), got (1, '2', 3)",
        ),
        ({"spacing": 1e39}, ValueError, "spacing must be from 1e-30 to 1e+30, got 1e+39"),
        ({"spacing": (1, 1, 1e-46)}, ValueError, "spacing must be from 1e-30 to 1e+30, got (1, 1, 1e-46)"),
        ({"origin": -2e38}, ValueError, "origin must be within 1e+38 of 0, got -2e+38"),
        ({"origin": float("inf")}, ValueError, "origin must be finite, got inf"),
        ({"mask": VOL}, TypeError, "mask must have dtype bool, got torch.float32"),
        (
            {"mask": torch.ones(2, 3, dtype=torch.bool)},
            ValueError,
            "mask must have the shape of vol, (2, 3, 4), got shape (2, 3)",
        ),
        ({"nan": "drop"}, ValueError, 'nan must be "raise" or "skip", got "drop"'),
        ({"nan": None}, TypeError, 'nan must be "raise" or "skip", got NoneType'),
        ({"border": "shut"}, ValueError, 'border must be "open" or "closed", got "shut"'),
        ({"degenerate": True}, TypeError, 'degenerate must be "keep" or "drop", got bool'),
        ({"attributes": VOL}, ValueError, "attributes must have shape (C, 2, 3, 4), got shape (2, 3, 4)"),
        (
            {"dtype": torch.float16},
            ValueError,
            "dtype must be torch.float32, torch.float64 or None, got torch.float16",
        ),
        ({"level": "high"}, TypeError, "level must be a number, got str"),
    ],
)
def test_error(options, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        isosurface(VOL, **{"level": 0.5, **options})


def test_no_memory_for_the_vertices_in_the_world(monkeypatch):
    def full(*_arguments):
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr(_core, "place", full)
    vol = fields.sample("sphere", 8)
    count = len(marching_cubes(vol, 0.0)[0])
    text = rf"^verts needs more memory than there is, got shape \({count}, 3\)$"
    with pytest.raises(MemoryError, match=text):
        isosurface(vol, 0.0, spacing=2)


def test_no_level_can_be_chosen():
    with pytest.raises(ValueError, match=r"^level must be given for a volume of nothing but NaN"):
        isosurface(torch.full((2, 2, 2), float("nan")), nan="skip")
    with pytest.raises(ValueError, match=r"^level must be given for a volume with infinite samples"):
        isosurface(torch.tensor([1.0, float("inf")] * 4).reshape(2, 2, 2))
