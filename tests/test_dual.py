# SPDX-License-Identifier: MIT
"""Dual marching cubes: equal to the slow oracle, manifold whatever the volume, and made of even triangles."""

import json
from itertools import product
from pathlib import Path

import dual_reference as reference
import mesh_checks as check
import numpy as np
import pytest
import torch
import volumes
from conftest import mesh_hash
from torchmcubes_bw import _core, dual_marching_cubes, fields, marching_cubes

GOLDEN = Path(__file__).parent / "golden" / "dual_hashes.json"


def assert_equals_reference(vol, level, spacing=(1, 1, 1), rounds=0, mask=None, nan="raise", border="open"):
    want, quads = reference.dual_marching_cubes(vol, level, mask, nan == "skip", border == "closed", rounds)
    options = {"mask": mask, "nan": nan, "border": border}
    if rounds:
        options |= {"placement": "nets", "rounds": rounds}
    verts, got = dual_marching_cubes(vol, level, quads=True, **options)
    assert verts.numpy().tobytes() == want.tobytes()
    assert np.array_equal(got, quads)
    placed, faces = dual_marching_cubes(vol, level, spacing=spacing, **options)
    assert np.array_equal(faces, reference.triangles(want, quads, spacing))
    assert np.array_equal(placed, (want.astype(np.float64) * spacing).astype(want.dtype))


def from_corners(cubes, border=0):
    """Return volumes of -1 inside and 1 outside in a row, each with `border` samples outside around it."""
    padded = [np.pad(np.where(cube, -1, 1), border, constant_values=1) for cube in cubes]
    return np.concatenate(padded, axis=0).astype(np.float32)


def corners(case, shape):
    return (case >> np.arange(np.prod(shape)) & 1).astype(bool).reshape(shape)


def test_all_single_cubes():
    assert_equals_reference(from_corners((corners(case, (2, 2, 2)) for case in range(256)), 1), 0.1)


@pytest.mark.parametrize("axis", range(3))
def test_all_pairs_of_cubes_across_an_ambiguous_face(axis):
    pairs = []
    for face, low, high in product((0b0110, 0b1001), range(16), range(16)):
        layers = [corners(bits, (2, 2)) for bits in (low, face, high)]
        pairs.append(np.stack(layers, axis=axis))
    vol = from_corners(pairs, 1)
    assert_equals_reference(vol, 0.1)
    _, quads = dual_marching_cubes(vol, 0.1, quads=True)
    assert check.most_faces_on_an_edge(quads) == 2
    assert len(check.split_vertices(quads)) == 0


def random_case(seed):
    """Return a small volume, a level and what is asked of it."""
    random = np.random.default_rng(seed)
    shape = (3, 4, random.integers(60, 140)) if seed % 5 == 0 else random.integers(2, 8, 3)
    dtype = [np.float32, np.float64, np.float16, np.int8, np.int32, np.uint8][seed % 6]
    vol = (random.standard_normal(shape) * (3 if np.dtype(dtype).kind in "iu" else 1)).astype(dtype)
    options = {"spacing": (1.0, 0.5, 3.0), "border": ["open", "closed"][seed // 2 % 2]}
    some = random.random(shape) < 0.95
    if seed % 3 == 0:
        options["mask"] = some
    elif seed % 3 == 1 and vol.dtype.kind == "f":
        vol[~some] = np.nan
        options["nan"] = "skip"
    return vol, [0.1, 1][seed % 2], options


@pytest.mark.parametrize("seed", range(48))
def test_random_volumes(seed):
    vol, level, options = random_case(seed)
    assert_equals_reference(vol, level, **options)


@pytest.mark.parametrize("seed", range(6))
def test_nets_on_random_volumes(seed):
    dtype = [np.float32, np.float64, np.int16][seed % 3]
    vol = (4 * volumes.noise((6, 5, 7), seed)).astype(dtype)
    assert_equals_reference(vol, 0.5, rounds=2, border=["open", "closed"][seed % 2])


def test_extreme_samples():
    random = np.random.default_rng(1)
    vol = random.choice([-np.inf, np.inf, 0, -1, 1, 3e38, -3e38, 1e-45], (6, 7, 8)).astype(np.float32)
    assert_equals_reference(vol, 0.0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 5), (5, 1, 5), (5, 5, 1), (2, 2, 2)])
def test_thin_volumes(shape):
    vol = volumes.noise(shape, 3)
    assert_equals_reference(vol, 0.0)
    assert_equals_reference(vol, 0.0, border="closed")


@pytest.mark.parametrize(
    "view", [lambda v: v.T, lambda v: v[::-1, :, ::2], lambda v: np.broadcast_to(v[:, :1], v.shape)]
)
def test_strided_volumes(view):
    assert_equals_reference(view(volumes.noise((7, 8, 9), 5)), 0.1)


def assert_manifold(vol, border="open"):
    verts, quads = dual_marching_cubes(vol, 0.0, quads=True, border=border)
    _, faces = dual_marching_cubes(vol, 0.0, border=border)
    for polygons in (quads, faces):
        assert check.most_faces_on_an_edge(polygons) <= 2
        assert len(check.split_vertices(polygons)) == 0
    assert check.uses_every_vertex(verts, faces)
    if border == "closed":
        assert check.is_closed(faces)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("border", ["open", "closed"])
def test_noise_is_manifold(seed, border):
    assert_manifold(volumes.noise((17, 18, 70), seed), border)


@pytest.mark.parametrize(
    "vol",
    [volumes.ball((20, 21, 22), (9.3, 8.7, 10.1), 6.2), volumes.torus(32, 9.7, 4.3), volumes.gyroid(24)],
    ids=["ball", "torus", "gyroid"],
)
def test_euler_number_is_that_of_marching_cubes(vol):
    vol = np.pad(vol, 1, constant_values=9)
    mesh = marching_cubes(vol, 0.0)
    assert check.euler_number(*dual_marching_cubes(vol, 0.0)) == check.euler_number(*mesh)


def test_winding_and_enclosed_volume():
    verts, faces = dual_marching_cubes(volumes.ball((40, 40, 40), (19.2, 19.7, 20.1), 15), 0.0)
    assert check.signed_volume(verts, faces) == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.02)


def test_closed_border_lies_on_the_border():
    verts, faces = dual_marching_cubes(-torch.ones(3, 4, 5), 0.0, border="closed")
    assert verts.amin(0).tolist() == [0, 0, 0]
    assert verts.amax(0).tolist() == [4, 3, 2]
    assert check.signed_volume(verts, faces) == pytest.approx(24)


@pytest.mark.parametrize("name", ["sphere", "torus", "metaballs"])
def test_triangles_are_even(name):
    vol = {
        "sphere": lambda: volumes.ball((128,) * 3, (63.3, 63.7, 64.1), 45),
        "torus": lambda: volumes.torus(128, 40, 15),
        "metaballs": lambda: fields.sample("metaballs", 128),
    }[name]()
    primal, dual = (
        np.percentile(check.smallest_angles(*mesh), 1)
        for mesh in (marching_cubes(vol, 0.0), dual_marching_cubes(vol, 0.0))
    )
    assert dual > 5 * primal
    assert dual > 27  # the figures stand in docs/conventions.md


def test_nets_smooth_a_mask():
    centre = (23.7, 23.4, 23.6)
    mask = volumes.ball((48, 48, 48), centre, 20) < 0
    vol = 1 - mask.astype(np.float32)

    def distance(mesh):
        return np.abs(np.linalg.norm(mesh[0].numpy() - centre, axis=1) - 20).mean()

    steps = distance(marching_cubes(vol, 0.5))
    assert distance(dual_marching_cubes(vol, 0.5, placement="nets")) < steps / 3


def golden_meshes():
    lattice = volumes.integer_lattice((40, 35, 130))
    for name, vol, options in [
        ("int16", lattice, {}),
        ("float32", lattice.astype("float32"), {}),
        ("float32 quads", lattice.astype("float32"), {"quads": True}),
        ("float64 closed", lattice.astype("float64") / 8, {"border": "closed"}),
        ("float32 masked", lattice.astype("float32"), {"mask": lattice % 7 > 0}),
        ("nets", lattice[:9].astype("float32"), {"placement": "nets"}),
    ]:
        yield name, dual_marching_cubes(vol, 0.5, **options)


def current_hashes():
    return {name: mesh_hash(*mesh) for name, mesh in golden_meshes()}


def test_golden_hashes():
    assert current_hashes() == json.loads(GOLDEN.read_text()), (
        "the mesh has changed; if that is meant, say so in CHANGELOG.md and accept it with\n"
        "    python tests/test_dual.py"
    )


SNIPPET = """
import sys; sys.path.insert(0, {tests!r})
import json, test_dual as t
print(json.dumps(t.current_hashes()))
"""


@pytest.mark.parametrize("level", _core.simd_levels())
def test_simd_levels(level, run_python):
    code = SNIPPET.format(tests=str(Path(__file__).parent))
    assert json.loads(run_python(code, TORCHMCUBES_SIMD=level)) == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("count", [1, 2, 7])
def test_thread_counts(count, threads):
    vol = torch.from_numpy(volumes.noise((130, 129, 131)))
    threads(1)
    want = mesh_hash(*dual_marching_cubes(vol, 0.1))
    threads(count)
    assert mesh_hash(*dual_marching_cubes(vol, 0.1)) == want


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(current_hashes(), indent=2) + "\n")
