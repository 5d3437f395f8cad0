# SPDX-License-Identifier: MIT
"""What lies in the file is what was said: read back by trimesh, pyvista and meshio."""

import json
import re

import meshio
import numpy as np
import pytest
import pyvista
import scans
import trimesh
import volumes
from torchmcubes_bw import marching_cubes
from torchmcubes_bw.cli import closed
from torchmcubes_bw.cli.closed import is_closed
from torchmcubes_bw.cli.part import Part, face_normals, merge_coincident

SHAPE = (24, 26, 28)
CENTRE, RADIUS = np.array([13.2, 12.1, 11.3]), 8.3
BALL = volumes.ball(SHAPE, CENTRE, RADIUS)


@pytest.fixture
def ball(tmp_path):
    path = tmp_path / "ball.npy"
    np.save(path, BALL)
    return path


def counts(output):
    """Return the vertices, the faces, whether closed, and the bounds, as the closing line tells them."""
    found = re.search(
        r": (\d+) vertices, (\d+) faces, (closed|open), bounds (\S+) x (\S+) x (\S+?)[, ]", output
    )
    bounds = np.array([[float(v) for v in found[k].split("..")] for k in (4, 5, 6)]).T
    return int(found[1]), int(found[2]), found[3] == "closed", bounds


def read_back(path):
    """Return (V, F, bounds) as each library reads a file."""
    mesh = trimesh.load_mesh(path)
    yield "trimesh", len(mesh.vertices), len(mesh.faces), mesh.bounds
    if path.suffix != ".glb":
        other = pyvista.read(path)
        yield "pyvista", other.n_points, other.n_cells, np.reshape(other.bounds, (3, 2)).T
        other = meshio.read(path)
        faces = sum(len(block.data) for block in other.cells)
        yield "meshio", len(other.points), faces, np.array([other.points.min(0), other.points.max(0)])


VOLUMES = {
    "ball": BALL,
    "open": volumes.gyroid(24),
    "noise": volumes.noise((9, 10, 11), outside_border=True),
    "ties": volumes.integer_lattice((7, 8, 9)).clip(-1, 1).astype(np.float32),
    "pinches": np.pad(
        np.random.default_rng(3).integers(-1, 2, (6, 6, 6)).astype(np.float32), 1, constant_values=1
    ),
}


@pytest.mark.parametrize("kind", ["ply", "stl", "obj", "glb"])
@pytest.mark.parametrize("name", VOLUMES)
def test_read_back(name, kind, tmp_path):
    path, out = tmp_path / "vol.npy", tmp_path / f"mesh.{kind}"
    np.save(path, VOLUMES[name])
    vertices, faces, whole, bounds = counts(scans.command("extract", path, "--level", 0, "-o", out).output)
    if kind == "glb":
        bounds = np.array([bounds[0, [0, 2, 1]] * [1, 1, -1], bounds[1, [0, 2, 1]] * [1, 1, -1]])
        bounds = np.sort(bounds, axis=0)
    for library, v, f, b in read_back(out):
        soup = kind == "stl" and library == "meshio"  # it leaves the corners of triangles apart
        assert (v, f) == (vertices if not soup else v, faces), library
        assert np.allclose(b, bounds, rtol=1e-5, atol=1e-5), library
    mesh = trimesh.load_mesh(out)
    assert mesh.is_watertight == whole
    assert (mesh.area_faces > 0).all()
    if whole:
        assert mesh.is_winding_consistent
        assert mesh.volume > 0


@pytest.mark.parametrize("kind", ["ply", "glb"])
@pytest.mark.parametrize("place", ["straight", "mirrored", "sheared"])
def test_normals_point_outward(kind, place, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    steps = {"straight": np.diag([0.7, 1.1, 1.9]), "mirrored": scans.rotation() * [0.7, -1.1, 1.9],
             "sheared": scans.rotation() @ [[0.7, 0.3, 0.2], [0, 1.1, -0.4], [0, 0, 1.9]]}[place]  # fmt: skip
    affine = scans.affine(steps, (24, 40, 60))
    nibabel.save(nibabel.Nifti1Image(scans.distance(affine, (24, 40, 60)).T, affine), tmp_path / "ball.nii")
    out = tmp_path / f"m.{kind}"
    scans.command("extract", tmp_path / "ball.nii", "--ras", "-o", out)
    if kind == "ply":
        read = pyvista.read(out)
        points, normals = np.asarray(read.points), np.asarray(read.point_data["Normals"])
    else:
        points, normals = glb_accessors(out)[:2]
    outward = points - scans.CENTRE
    outward /= np.linalg.norm(outward, axis=1)[:, None]
    assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-5
    assert (normals * outward).sum(axis=1).min() > 0.97


def glb_accessors(path):
    """Return the float arrays of a GLB as they lie in it, before the node's matrix."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[12:16], "little")
    document, data = json.loads(raw[20 : 20 + length]), raw[28 + length :]
    found = []
    for accessor in document["accessors"]:
        view = document["bufferViews"][accessor["bufferView"]]
        if accessor["componentType"] == 5126:
            part = data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
            found.append(np.frombuffer(part, "<f4").reshape(accessor["count"], 3))
    return found


def test_no_normals(ball, tmp_path):
    out = tmp_path / "m.ply"
    scans.command("extract", ball, "--no-normals", "-o", out)
    assert b"property float nx" not in out.read_bytes()[:400]
    scans.command("extract", ball, "-o", out)
    assert b"property float nx" in out.read_bytes()[:400]


def test_far_from_the_origin(ball, tmp_path):
    """At 5e6 float32 knows halves only: PLY in double, OBJ in full, STL and GLB with a warning."""
    far = CENTRE + 5e6
    for kind in ("ply", "obj", "stl", "glb"):
        out = tmp_path / f"m.{kind}"
        result = scans.command("extract", ball, "--origin", "5e6,5e6,5e6", "-o", out)
        assert (kind in ("stl", "glb")) == ("far from the origin" in result.stderr), kind
        if kind == "stl":
            continue
        mesh = trimesh.load_mesh(out, process=False)
        centre = far if kind != "glb" else far[[0, 2, 1]] * [1, 1, -1]
        assert np.abs(mesh.center_mass - centre).max() < 0.01
        assert mesh.volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.02)
        near = trimesh.load_mesh(out, process=False).vertices - centre
        assert np.abs(np.linalg.norm(near, axis=1) - RADIUS).max() < 0.1
    assert b"property double x" in (tmp_path / "m.ply").read_bytes()[:200]


@pytest.mark.parametrize("voxel", [1e-7, 1e-3, 1])
def test_the_node_of_a_glb_carries_any_unit(voxel, ball, tmp_path):
    place = ["--spacing", ",".join([str(voxel)] * 3), "--origin", ",".join([str(voxel * 5e5)] * 3)]
    for kind in ("ply", "glb"):
        scans.command("extract", ball, *place, "-o", tmp_path / f"m.{kind}")
    exact = trimesh.load_mesh(tmp_path / "m.ply", process=False).vertices
    verts = trimesh.load_scene(tmp_path / "m.glb", process=False).to_mesh().vertices
    assert np.abs(verts[:, [0, 2, 1]] * [1, -1, 1] - exact).max() < 1e-5 * voxel


def test_what_a_format_moves_upon_one_place_is_refused(ball, tmp_path):
    out = tmp_path / "m.stl"
    result = scans.command("extract", ball, "--origin", "1e12,1e12,1e12", "-o", out, code=2)
    assert result.stderr == (
        "error: a .stl file must have faces with an area in float32, got none: write .ply\n"
    )
    assert not out.exists()


@pytest.mark.parametrize("spacing", [1e-50, 1e-30, 1e-15, 1e20, 1e39, 1e90])
@pytest.mark.parametrize("kind", ["ply", "obj", "stl", "glb"])
def test_any_size(kind, spacing, ball, tmp_path, recwarn):
    """Coordinates that float32 does not hold: in double, or refused."""
    out = tmp_path / f"m.{kind}"
    options = ("--level", 0, "--spacing", f"{spacing},{spacing},{2 * spacing}")
    if kind in ("stl", "glb") and spacing in (1e-50, 1e39, 1e90):
        said = scans.command("extract", ball, *options, "-o", out, code=2).stderr
        assert said.startswith(
            f"error: a .{kind} file must have coordinates that float32 holds, "
            "from 1.17549e-38 to 3.40282e+38, got "
        )
        assert not out.exists()
    else:
        scans.command("extract", ball, *options, "-o", out)
        verts = np.asarray(trimesh.load_mesh(out, process=False).vertices) / spacing
        assert np.allclose(np.abs(verts).max(axis=0).max(), 2 * (CENTRE[2] + RADIUS), rtol=0.02)
    if kind == "stl" and spacing in (1e-15, 1e20):
        rows = np.frombuffer(out.read_bytes()[84:], [("normal", "<f4", 3), ("rest", "V38")])
        assert np.allclose(np.linalg.norm(rows["normal"], axis=1), 1, atol=1e-5)
    if kind == "ply":
        rows = trimesh.load_mesh(out, process=False)
        outward = (rows.vertices / spacing / [1, 1, 2] - CENTRE) / [1, 1, 2]
        outward /= np.linalg.norm(outward, axis=1)[:, None]
        written = rows.metadata["_ply_raw"]["vertex"]["data"]
        normals = np.stack([np.asarray(written[name]).ravel() for name in ("nx", "ny", "nz")], axis=1)
        assert (normals * outward).sum(axis=1).min() > 0.97
        mended = ("--smooth", 1, "--simplify", 0.5, "--largest")
        scans.command("extract", ball, *options, *mended, "-o", out)
        assert np.isfinite(trimesh.load_mesh(out, process=False).vertices).all()
    assert not [each for each in recwarn if "torchmcubes_bw" in each.filename]


@pytest.mark.parametrize("more", [(), ("--max-memory", "40MB")])
@pytest.mark.parametrize("option, got", [("--spacing=1e308,1e308,1e308", "1e+308 up to inf"),
                                         ("--spacing=1e99,1,1", "1 up to 2.7e+100"),
                                         ("--spacing=1e-101,1,1", "1e-101 up to 25"),
                                         ("--origin=1e300,0,0", "1 up to 1e+300")])  # fmt: skip
def test_places_that_nothing_computes_with(option, got, more, ball, tmp_path, recwarn):
    said = scans.refused(tmp_path, ball, option, *more)
    assert said == (
        "INPUT must lie within 1e+100 of the origin in voxels of 1e-100 or more, "
        f"got {got}: mend --spacing, --origin"
    )
    assert not recwarn


@pytest.mark.parametrize("more", [(), ("--max-memory", "40MB")])
def test_a_place_that_float64_cannot_tell_apart(more, ball, tmp_path):
    said = scans.refused(tmp_path, ball, "--level", 0, "--origin", "1e17,0,0", *more)
    assert said == (
        "INPUT must lie where float64 holds a thousandth of a voxel, "
        "got voxels of 1 at 1e+17: mend --spacing, --origin"
    )


@pytest.mark.parametrize("options", [(), ("--origin", "1e9,0,0")])
@pytest.mark.parametrize("kind", ["ply", "obj", "stl", "glb"])
def test_points_are_no_surface(kind, options, tmp_path):
    """At a sample's own value a lone sample is a point, of faces without area."""
    vol = np.zeros((9, 9, 9), np.uint8)
    vol[2::3, 2::3, 2::3] = 1
    np.save(tmp_path / "dots.npy", vol)
    out = tmp_path / f"m.{kind}"
    given = ("extract", tmp_path / "dots.npy", "--level", 1, *options, "-o", out)
    said = scans.command(*given, code=2).stderr
    assert said == "error: no surface: at --level 1 (as given) all of its faces are without area\n"
    assert not out.exists()


@pytest.mark.parametrize("unit, metres", [("mm", 1e-3), ("um", 1e-6), ("m", 1)])
def test_glb_is_in_metres_with_y_up(unit, metres, ball, tmp_path):
    out = tmp_path / "m.glb"
    output = scans.command("extract", ball, "--units", unit, "-o", out).output
    assert f" {unit}, " in output
    mesh = trimesh.load_mesh(out, process=False)
    assert np.allclose(mesh.bounds.mean(axis=0), CENTRE[[0, 2, 1]] * [1, 1, -1] * metres, rtol=0.01)
    raw = out.read_bytes()
    document = json.loads(raw[20 : 20 + int.from_bytes(raw[12:16], "little")])
    assert document["nodes"][0]["matrix"][:3] == [metres, 0, 0]
    assert document["asset"]["version"] == "2.0"


@pytest.mark.parametrize("kind", ["ply", "glb", "obj"])
def test_colours_of_a_volume(kind, ball, tmp_path):
    z, _, _ = np.indices(SHAPE)
    np.save(tmp_path / "height.npy", z.astype(np.int16) * 10)
    out = tmp_path / f"m.{kind}"
    output = scans.command("extract", ball, "--colour", tmp_path / "height.npy", "-o", out).output
    low, high = CENTRE[2] - RADIUS, CENTRE[2] + RADIUS
    told = re.search(r"--colour: from (\S+) \(dark\) to (\S+) \(light\)", output)
    assert [float(v) for v in told.groups()] == pytest.approx([10 * low, 10 * high], abs=1)
    mesh = trimesh.load_mesh(out, process=False)
    height = mesh.vertices[:, 2]
    if kind == "glb":
        (part,) = trimesh.load_scene(out, process=False).geometry.values()
        colours, height = part.visual.vertex_attributes["color"], part.vertices[:, 2]
    else:
        colours = mesh.visual.vertex_colors
    light = colours[:, :3].astype(float) @ [0.3, 0.6, 0.1]
    assert np.corrcoef(height, light)[0, 1] > 0.9
    assert light[height.argmax()] > 3 * light[height.argmin()]


def test_largest_smooth_simplify(tmp_path):
    two = np.minimum(BALL, volumes.ball(SHAPE, (3.2, 3.3, 3.1), 2))
    np.save(tmp_path / "two.npy", two + 0.3 * volumes.noise(SHAPE))
    whole, _ = scans.extracted(tmp_path, tmp_path / "two.npy")
    mesh, output = scans.extracted(tmp_path, tmp_path / "two.npy", "--largest")
    left = re.search(r"--largest: kept (\d+) of (\d+) faces, left out (\d+) pieces", output)
    assert (int(left[1]), int(left[2])) == (len(mesh.faces), len(whole.faces))
    assert mesh.body_count == 1
    smooth, output = scans.extracted(tmp_path, tmp_path / "two.npy", "--largest", "--smooth", 10)
    assert re.search(r"--smooth 10: vertices moved by at most \S+, volume by \S+ %", output)
    assert len(smooth.faces) == len(mesh.faces)
    assert smooth.area < 0.95 * mesh.area
    assert smooth.volume == pytest.approx(mesh.volume, rel=0.05)
    small, output = scans.extracted(tmp_path, tmp_path / "two.npy", "--largest", "--simplify", 0.2)
    assert f"--simplify 0.2: {len(small.faces)} of {len(mesh.faces)} faces" in output
    assert len(small.faces) == pytest.approx(0.2 * len(mesh.faces), rel=0.05)
    assert small.volume == pytest.approx(mesh.volume, rel=0.05)


def test_smoothing_is_the_same_wherever_the_mesh_lies(tmp_path):
    """Edges of four faces are among them, where blocks touch."""
    vol = np.pad(np.random.default_rng(3).integers(-1, 2, (8, 8, 8)).astype(np.float32), 1, constant_values=1)
    np.save(tmp_path / "blocks.npy", vol)
    meshes = [
        scans.extracted(tmp_path, tmp_path / "blocks.npy", "--level", 0, "--smooth", 3, "--origin", origin)[0]
        for origin in ("0,0,0", "512,512,512")
    ]
    assert np.abs(meshes[1].vertices - 512 - meshes[0].vertices).max() < 1e-3


def test_coincident_vertices_are_one():
    vol = np.ones((5, 5, 5), np.float32)
    vol[2, 2, 2] = -1
    vol[2, 2, 3] = 0  # equal to the level: five vertices lie on this sample
    verts, faces = (part.numpy() for part in marching_cubes(vol, 0.0))
    part = Part(verts, faces)
    gone = merge_coincident(part, np.arange(len(verts)))
    assert gone == (0, 0)  # the sample's other edges are crossed by nothing
    vol[1:4, 1:4, 1:4] = -1
    vol[2, 2, 2] = 0  # the surface around it has no area
    verts, faces = (part.numpy() for part in marching_cubes(vol, 0.0))
    part = Part(verts, faces)
    v, f = merge_coincident(part, np.arange(len(verts)))
    assert (v, f) == (6, 8)
    assert len(np.unique(part.verts, axis=0)) == len(part.verts)


@pytest.mark.parametrize("kind", ["ply", "obj", "stl", "glb"])
@pytest.mark.parametrize(("spacing", "origin"), [(0.01, 150), (0.01, 50), (1, 0), (0.3, 1e6)])
def test_what_rounding_puts_on_one_place_is_one(kind, spacing, origin, tmp_path):
    vol = tmp_path / "noise.npy"
    np.save(vol, np.random.default_rng(0).standard_normal((24, 24, 24)))
    out = tmp_path / f"m.{kind}"
    place = ["--spacing", ",".join([str(spacing)] * 3), "--origin", ",".join([str(origin)] * 3)]
    vertices, faces, closed, _ = counts(
        scans.command("extract", vol, "--level", 0, "--cap", "-o", out, *place).output
    )
    mesh = trimesh.load_scene(out, process=False).to_mesh()
    places, at = np.unique(mesh.vertices, axis=0, return_inverse=True)
    assert (len(places), len(mesh.faces)) == (vertices, faces)
    corners = np.sort(at.reshape(-1)[mesh.faces], axis=1)
    assert (corners[:, 1:] != corners[:, :-1]).all()
    assert is_closed(at.reshape(-1)[mesh.faces], len(places)) == closed


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("together", [2**16, 50, 7])
def test_is_closed_agrees_with_trimesh(seed, together, monkeypatch):
    monkeypatch.setattr(closed, "_FACES", together)
    for vol in (volumes.gyroid(14), volumes.noise((9, 10, 11), seed, outside_border=True), BALL):
        verts, faces = (part.numpy() for part in marching_cubes(vol, 0.0))
        mesh = trimesh.Trimesh(verts, faces, process=False)
        assert is_closed(faces, len(verts)) == mesh.is_watertight
    rng = np.random.default_rng(seed)
    mesh = trimesh.creation.icosphere(2)
    faces = mesh.faces.copy()
    assert is_closed(faces, len(mesh.vertices))
    assert is_closed(faces.astype(np.int32)[rng.permutation(len(faces))], len(mesh.vertices))
    assert not is_closed(np.delete(faces, rng.integers(len(faces)), axis=0), len(mesh.vertices))
    turned = faces.copy()
    turned[rng.integers(len(faces))] = turned[rng.integers(len(faces))][::-1]
    assert not is_closed(turned, len(mesh.vertices))
    assert not is_closed(np.concatenate([faces, faces]), len(mesh.vertices))
    assert not is_closed(np.concatenate([faces, faces[:, ::-1]]), len(mesh.vertices))
    assert is_closed(np.zeros((0, 3), np.int32), 0)


def test_face_normals_of_a_ball():
    mesh = trimesh.creation.icosphere(3)
    normals = face_normals(Part(np.asarray(mesh.vertices), np.asarray(mesh.faces)))
    assert (normals * mesh.vertices).sum(axis=1).min() > 0.999
