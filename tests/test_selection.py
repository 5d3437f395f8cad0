# SPDX-License-Identifier: MIT
"""Samples that do not count, and closed borders: equal to the oracle, at every SIMD level, in every slab."""

import json
from pathlib import Path

import numpy as np
import pytest
import reference
import torch
from conftest import mesh_hash
from torchmcubes_bw import _core, isosurface, marching_cubes

DTYPES = ("float32", "float64", "float16", "uint8", "int16", "int32")
SIDES = (1, 2, 3, 5, 62, 63, 64, 65, 66, 126, 127, 128, 130)


def random_case(seed):
    """Return a volume with NaN in it where floats are, a level, a mask or None, and which samples count."""
    rng = np.random.default_rng(seed)
    shape = (*rng.integers(1, 6, 2), int(rng.choice(SIDES)))
    dtype = np.dtype(str(rng.choice(DTYPES)))
    is_float = dtype.kind == "f"
    vol = (rng.normal(size=shape) if is_float else rng.integers(0, 6, shape)).astype(dtype)
    level = 0.1 if is_float else float(rng.choice([2.5, 3.0]))  # 3: samples on the level
    mask = rng.random(shape) < rng.choice([0.5, 0.9, 0.99]) if rng.random() < 0.6 else None
    counts = np.ones(shape, bool) if mask is None else mask
    if is_float and rng.random() < 0.6:
        vol[rng.random(shape) < rng.choice([0.1, 0.01])] = np.nan
        counts = counts & ~np.isnan(vol)
    return vol, level, mask, counts


def assert_equal(got, want):
    for a, b in zip(got, want, strict=True):
        assert a.shape == b.shape
        assert a.numpy().tobytes() == b.tobytes()


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("seed", range(60))
def test_equals_the_oracle(seed):
    vol, level, mask, counts = random_case(seed)
    assert_equal(
        marching_cubes(vol, level, mask=mask, nan="skip"), reference.marching_cubes(vol, level, counts)
    )
    closed = isosurface(vol, level, mask=mask, nan="skip", border="closed")
    assert_equal(closed, reference.marching_cubes(vol, level, counts, closed=True))


def test_strided_volumes_and_masks():
    rng = np.random.default_rng(0)
    vol, mask = rng.normal(size=(9, 8, 140)).astype("float32"), rng.random((9, 8, 140)) < 0.9
    for view in (np.s_[::2, 1::3, ::2], np.s_[:, ::-1, :70], np.s_[1:, :, 3:-1]):
        got = marching_cubes(vol[view], 0.1, mask=mask[view])
        assert_equal(got, reference.marching_cubes(vol[view], 0.1, mask[view]))
    got = marching_cubes(vol.T, 0.1, mask=mask.T)
    assert_equal(got, reference.marching_cubes(vol.T, 0.1, mask.T))


def meshes(planes=0):
    """Return a digest of every way to select, straight from the core, worked on so many planes at a time."""
    rng = np.random.default_rng(1)
    vol = torch.from_numpy(rng.normal(size=(23, 19, 70)).astype("float32"))
    vol[torch.from_numpy(rng.random(vol.shape) < 0.01)] = float("nan")
    mask = torch.from_numpy(rng.random(vol.shape) < 0.97)
    found = []
    for masked in (False, True):
        for closed in (False, True):
            which = (mask.data_ptr(), mask.stride()) if masked else (0, (0, 0, 0))
            plan = _core.prepare(
                vol.data_ptr(),
                "float32",
                vol.shape,
                vol.stride(),
                0.2,
                *which,
                True,
                closed,
                (1, 2, 3),
                planes,
                3,
            )
            verts, normals = torch.empty(plan.vertices, 3), torch.empty(plan.vertices, 3)
            faces = torch.empty((plan.triangles, 3), dtype=torch.int32)
            plan.emit(verts.data_ptr(), faces.data_ptr(), False)
            plan.emit_normals(normals.data_ptr())
            found += [mesh_hash(verts, faces), mesh_hash(normals, faces)]
    return found


@pytest.mark.parametrize("planes", [1, 2, 7, 100])
def test_slabs_of_any_height_give_the_same_bytes(planes):
    assert meshes(planes) == meshes()


@pytest.mark.parametrize("level", _core.simd_levels())
def test_every_simd_level_gives_the_same_bytes(level, run_python):
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import json, test_selection as t
from torchmcubes_bw import _core
print(json.dumps([_core.simd_level(), t.meshes()]))
"""
    assert json.loads(run_python(code, TORCHMCUBES_SIMD=level)) == [level, meshes()]


def test_a_band_is_the_whole_surface():
    """NaN away from the surface changes nothing: bytes of the dense mesh, every vertex used."""
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, 80, dtype="float32")] * 3, indexing="ij")
    dense = np.sqrt(x**2 + y**2 + z**2) - np.float32(0.7)
    band = np.where(np.abs(dense) < 0.1, dense, np.float32("nan"))
    want, got = marching_cubes(dense, 0.0), marching_cubes(band, 0.0, nan="skip")
    assert mesh_hash(*got) == mesh_hash(*want)
    assert len(np.unique(got[1].numpy())) == len(got[0])


@pytest.mark.parametrize("shape", [(1, 64, 64), (64, 1, 64), (64, 64, 1), (1, 1, 300)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
def test_a_side_of_one_sample_has_no_vertices(shape, dtype):
    vol = torch.randint(0, 2, shape).to(dtype)
    for mesh in (marching_cubes(vol, 0.5), marching_cubes(vol, 0.5, mask=vol == vol)):
        assert [tuple(part.shape) for part in mesh] == [(0, 3), (0, 3)]
    assert len(isosurface(vol, 0.5, border="closed").faces) > 0


def test_nan_under_a_mask_is_no_error():
    vol = torch.ones(3, 3, 3)
    vol[0, 0, 0] = float("nan")
    mask = torch.ones(3, 3, 3, dtype=torch.bool)
    mask[0, 0, 0] = False
    assert len(marching_cubes(vol, 0.0, mask=mask)[0]) == 0
    mask[0, 0, 0] = True
    with pytest.raises(ValueError, match="vol must not contain NaN where mask is True"):
        marching_cubes(vol, 0.0, mask=mask)


def scratch(shape, dtype, run_python):
    """Return the bytes that a call takes beyond volume and mesh, in a fresh process; nothing is crossed."""
    code = f"""
import resource, torch
from torchmcubes_bw import marching_cubes
vol = torch.zeros({shape}, dtype=torch.{dtype})
marching_cubes(torch.zeros(64, 64, 64), 1.0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
marching_cubes(vol, -1.0)
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""
    return int(run_python(code))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's count of the peak")
@pytest.mark.parametrize(
    "shape", [(5_000_000, 2, 2), (1, 1, 200_000_000), (200_000, 10, 10), (300, 300, 300)]
)
def test_scratch_is_an_eighth_of_a_float_volume_at_most(shape, run_python):
    samples = np.prod(shape, dtype=np.int64)
    assert scratch(shape, "uint8", run_python) <= samples * 4 // 8 + 24 * 2**20
