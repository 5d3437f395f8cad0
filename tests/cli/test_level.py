# SPDX-License-Identifier: MIT
"""The level, the sides and the labels that are chosen where the user leaves it to us."""

import re

import numpy as np
import pytest
import scans
import SimpleITK as sitk
import torch
import torchmcubes_bw
import trimesh
import volumes
from scipy.spatial import cKDTree
from torchmcubes_bw.cli import labels, surface
from torchmcubes_bw.cli import level as leveling

RADIUS = 8.3
BALL = volumes.ball((24, 26, 28), (13.2, 12.1, 11.3), RADIUS)


def save(tmp_path, array):
    path = tmp_path / "scan.npy"
    np.save(path, array)
    return path


def test_two_classes(tmp_path):
    rng = np.random.default_rng(0)
    two_classes = (np.where(BALL < 0, 200, 40) + rng.normal(0, 5, BALL.shape)).astype(np.int16)
    _, output = scans.extracted(tmp_path, save(tmp_path, two_classes))
    level = float(re.search(r"level (\S+) \(Otsu's threshold\), object above it", output)[1])
    assert 80 < level < 160


def test_masks(tmp_path):
    mesh, output = scans.extracted(tmp_path, save(tmp_path, BALL < 0))
    assert "level 0.5 (the middle of the range), object above it" in output
    assert mesh.volume > 0
    mesh, output = scans.extracted(tmp_path, save(tmp_path, (BALL < 0).astype(np.uint8) * 255))
    assert "level 127.5 (Otsu's threshold), object above it" in output


def test_ct_at_300(tmp_path):
    """Bone in int16: a gradient from air to bone, cut where it is 300."""
    bone = np.rint(np.clip(300 - BALL * 200, -1000, 1500)).astype(np.int16)
    mesh, _ = scans.extracted(tmp_path, save(tmp_path, bone), "--level", 300)
    scans.assert_ball(mesh, 1, [13.2, 12.1, 11.3], RADIUS)


def test_floats_of_both_signs_are_cut_at_0(tmp_path):
    mesh, output = scans.extracted(tmp_path, save(tmp_path, BALL + 0.0))
    assert "level 0 (floats of both signs are cut at 0), object below it" in output
    scans.assert_ball(mesh, 1, [13.2, 12.1, 11.3], RADIUS)


@pytest.mark.parametrize(
    "ending, dtype",
    [(ending, dtype) for ending in ("npy", "nrrd") for dtype in ("uint16", "uint32", "uint64", "int64")]
    + [("tif", "uint16"), ("tif", "uint32")],
)
def test_wider_integers(ending, dtype, tmp_path):
    """A level chosen, the object's side guessed, and the range told where there is no surface."""
    path = tmp_path / f"ct.{ending}"
    vol = np.where(BALL < 0, 40_000, 100).astype(dtype)
    if ending == "npy":
        np.save(path, vol)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(vol), str(path))
    mesh, output = scans.extracted(tmp_path, path)
    assert "(Otsu's threshold), object above it" in output
    assert mesh.is_watertight
    said = scans.refused(tmp_path, path, "--level", 50_000)
    assert said == "no surface: --level 50000 (as given) parts no samples of 100 to 40000"


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "float64"])
def test_sides_are_told_apart_beyond_float32(dtype, tmp_path):
    """2^24 and 2^24 + 1 are one number in float32, and the object's side was guessed of that."""
    low = 2**24 + 2
    vol = np.where(BALL < 0, low + 1, low).astype(dtype)
    mesh, output = scans.extracted(tmp_path, save(tmp_path, vol), "--level", low + 0.5)
    assert "object above it" in output
    assert mesh.volume > 0
    assert leveling.object_is_above(vol, low + 0.5)
    assert not leveling.object_is_above(-vol.astype(np.int64), -low - 0.5)


@pytest.mark.parametrize(
    "low, high", [(1e9, 1e9 + 1), (0, 1e-300), (0, 1e300), (1e-5, 1.5e308), (2**40, 2**40 + 8)], ids=str
)
@pytest.mark.parametrize("chunk", [2**18, 2000])
def test_chosen_level_of_any_range(low, high, chunk, tmp_path, monkeypatch):
    """In float64: such ranges float32 does not hold, or takes for one value."""
    monkeypatch.setattr(leveling, "_CHUNK", chunk)  # so that a small volume is counted in parts too
    share = np.random.default_rng(0).uniform(0, 0.2, BALL.shape)
    share = np.where(BALL < 0, 1 - share, share)
    vol = low * (1 - share) + high * share
    _, output = scans.extracted(tmp_path, save(tmp_path, vol))
    assert "(Otsu's threshold), object above it" in output
    level, _ = leveling.choose_level(vol, leveling.value_range(vol))
    assert 0.3 < (level / 2 - low / 2) / (high / 2 - low / 2) < 0.7


LABELLED = np.select(
    [BALL < -4, volumes.ball(BALL.shape, (21, 19, 12), 4) < 0, BALL < 0], [1003, 7, 1], 0
).astype(np.uint16)


@pytest.mark.parametrize("dtype", ["uint16", "int32", "int64", "float32"])
def test_a_label_map_is_not_cut_by_otsu(dtype, tmp_path):
    path = save(tmp_path, LABELLED.astype(dtype))
    counts = {label: int((label == LABELLED).sum()) for label in (0, 1, 7, 1003)}
    listed = ", ".join(f"{label} ({count} voxels)" for label, count in counts.items())
    said = scans.refused(tmp_path, path)
    assert said == f"INPUT looks like a label map with {listed}: choose --label N, --labels all or --level L"
    said = scans.refused(tmp_path, path, "--label", 2)
    assert said == f"--label must be of {listed}, got [2]"
    for label in (1, 7, 1003):
        mesh, output = scans.extracted(tmp_path, path, "--label", label)
        want = torchmcubes_bw.marching_cubes(np.pad(label == LABELLED, 1), 0.5)
        assert len(mesh.faces) == len(want[1])
        assert mesh.volume == pytest.approx(counts[label], rel=0.15)
        assert f"labels {label}, on the CPU" in output
    assert "level 0.5 (as given)" in scans.extracted(tmp_path, path, "--level", 0.5)[1]


@pytest.mark.parametrize("kind", ["ply", "stl", "obj", "glb"])
def test_a_mesh_a_label(kind, tmp_path):
    out = tmp_path / f"m.{kind}"
    output = scans.command("extract", save(tmp_path, LABELLED), "--labels", "all", "-o", out).output
    assert "labels 1, 7, 1003, on the CPU" in output
    if kind in ("ply", "stl"):
        files = [tmp_path / f"m_label_{label}.{kind}" for label in (1, 7, 1003)]
        assert all(trimesh.load_mesh(file).volume > 10 for file in files)
        assert not out.exists()
    if kind == "glb":
        scene = trimesh.load_scene(out)
        assert set(scene.geometry) == {"label 1", "label 7", "label 1003"}
        colours = {tuple(mesh.visual.material.main_color) for mesh in scene.geometry.values()}
        assert len(colours) == 3
    if kind == "obj":
        assert re.findall(r"^o (.*)$", out.read_text(), re.MULTILINE) == ["label_1", "label_7", "label_1003"]
    two = scans.command("extract", save(tmp_path, LABELLED), "--labels", "7,1", "-o", tmp_path / "two.obj")
    assert "labels 7, 1, on the CPU" in two.output


def greys(values, noise, seed=0):
    """Return a smooth image in so many greys."""
    smooth = np.clip((12 - BALL) / 24, 0, 1) * (values - 1)
    return np.rint(smooth + np.random.default_rng(seed).normal(0, noise, BALL.shape)).astype(np.int16)


@pytest.mark.parametrize(
    "vol",
    [greys(256, 0), greys(256, 3), greys(1000, 0), greys(100, 5), np.where(BALL < 0, 900, 0) + greys(100, 5),
     BALL, BALL < 0, np.where(BALL < 0, 255, 0)],
    ids=["256", "noisy", "1000", "few", "ct", "distance", "mask", "two"],
)  # fmt: skip
def test_images_are_no_label_maps(vol):
    assert labels.label_counts(vol, leveling.value_range(vol)) is None


def test_label_maps_of_many_labels():
    seeds = np.random.default_rng(0).integers(0, 40, (300, 3))
    near = cKDTree(seeds).query(np.indices((40, 40, 40)).reshape(3, -1).T)[1]
    vol = (near.reshape(40, 40, 40) * 7 + 100_000_000).astype(np.int64)
    counts = labels.label_counts(vol, leveling.value_range(vol))
    assert sum(counts.values()) == vol.size
    assert set(counts) == set(np.unique(vol).tolist())
    assert labels.told(counts, {}).endswith(f" and {len(counts) - 12} more")


def test_nan(tmp_path):
    vol = np.where(BALL < -7.4, np.nan, BALL).astype(np.float32)
    path = save(tmp_path, vol)
    many = int(np.isnan(vol).sum())
    mesh, output = scans.extracted(tmp_path, path, "--nan", -9)
    assert f"{many} NaN samples taken as -9 (--nan)" in output
    scans.assert_ball(mesh, 1, [13.2, 12.1, 11.3], RADIUS)


def test_range():
    vol = BALL.copy()
    vol[3, 4, 5] = np.nan
    found = leveling.value_range(vol)
    assert (found.low, found.high, found.nan) == (np.nanmin(vol), np.nanmax(vol), 1)
    valid = np.zeros(vol.shape, bool)
    valid[3, 4, 4:6] = True
    found = leveling.value_range(vol, valid)
    assert (found.low, found.high, found.nan) == (vol[3, 4, 4], vol[3, 4, 4], 1)
    assert np.isnan(leveling.value_range(vol, vol > 1e9).low)


def test_comparison_type_is_the_librarys():
    """A sample equal to the level in the type that is computed in is outside: there and here."""
    for dtype in ("float32", "float64", "int32", "int16", "uint8"):
        vol = np.full((2, 2, 2), 100, dtype)
        vol[0, 0, 0] = 99
        level = 100 - 1e-9
        verts, _ = torchmcubes_bw.marching_cubes(torch.from_numpy(vol), level)
        assert len(verts) == 3
        below = vol < surface.in_comparison_type(vol, level)
        assert below.sum() == 1
