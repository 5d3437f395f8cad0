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
from torchmcubes_bw.cli import job, labels, surface
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


def names_of(monkeypatch, names):
    """Let every volume read have names for its labels."""
    plain = job.read

    def read(source, choice):
        scan = plain(source, choice)
        scan.names = names
        return scan

    monkeypatch.setattr(job, "read", read)


@pytest.mark.parametrize(
    "names, told",
    [
        (("Lesion", "Lesion", "liver"), ("Lesion 1", "Lesion 7", "liver")),
        (("a b", "A/b", "c"), ("a b 1", "A/b 7", "c")),
        (("a", "a", "a 1"), ("a 1", "a 7", "a 1 1003")),
        (("a", "label 1003", None), ("a", "label 1003 7", "label 1003 1003")),
    ],
)
@pytest.mark.parametrize("kind", ["ply", "obj", "glb"])
def test_labels_of_one_name(kind, names, told, tmp_path, monkeypatch):
    """Files overwrote each other, and were said to be written both."""
    names_of(monkeypatch, {at: name for at, name in zip((1, 7, 1003), names, strict=True) if name})
    out = tmp_path / f"m.{kind}"
    output = scans.command("extract", save(tmp_path, LABELLED), "--labels", "all", "-o", out).output
    assert [re.search(r": (.*), \d+ vertices", line)[1] for line in output.splitlines()[1:]] == list(told)
    if kind == "ply":
        files = [tmp_path / f"m_{re.sub('[ /]', '_', name)}.ply" for name in told]
        faces = [len(trimesh.load_mesh(file).faces) for file in files]
        assert faces == [int(re.search(r"(\d+) faces", line)[1]) for line in output.splitlines()[1:]]
    if kind == "obj":
        objects = re.findall(r"^o (.*)$", out.read_text(), re.MULTILINE)
        assert objects == [name.replace(" ", "_") for name in told]
    if kind == "glb":
        assert set(trimesh.load_scene(out).geometry) == set(told)


def test_a_label_named_twice_is_one(tmp_path):
    out = tmp_path / "m.ply"
    output = scans.command("extract", save(tmp_path, LABELLED), "--labels", "7,1,7", "-o", out).output
    assert "labels 7, 1, on the CPU" in output
    assert sorted(file.name for file in tmp_path.glob("*.ply")) == ["m_label_1.ply", "m_label_7.ply"]


@pytest.mark.parametrize("more", [(), ("--max-memory", "40MB")])
def test_a_label_map_with_nan_is_none_to_cut_either(more, tmp_path):
    vol = LABELLED.astype(np.float32)
    vol[4, 5, 6] = np.nan
    said = scans.refused(tmp_path, save(tmp_path, vol), "--nan", "skip", *more)
    assert said.startswith("INPUT looks like a label map")
    if not more:
        assert f" 0 ({(vol == 0).sum()} voxels), 1 (" in said
    two = np.where(LABELLED == 1, 5, 3).astype(np.float32)
    two[4, 5, 6] = np.nan
    assert "Otsu" in scans.extracted(tmp_path, save(tmp_path, two), "--nan", "skip", *more)[1]


NO_LABELS = "INPUT must hold integers of 64 bits to take labels from, got "


@pytest.mark.parametrize("value", [1.2, np.inf, -np.inf, np.nan, 2.0**63], ids=str)
@pytest.mark.parametrize("option", [("--label", 1), ("--labels", "1,7"), ("--labels", "all")])
def test_labels_are_integers(option, value, tmp_path):
    vol = LABELLED.astype(np.float64)
    vol[4, 5, 6] = value
    if np.isnan(value):
        assert "(NaN" not in scans.refused(tmp_path, save(tmp_path, vol), *option)
        output = scans.command(
            "extract", save(tmp_path, vol), *option, "--nan", "skip", "-o", tmp_path / "m.ply"
        )
        assert "1 NaN samples left out (--nan skip)\nlabels 1" in output.output
        return
    said = scans.refused(tmp_path, save(tmp_path, vol), *option)
    assert said == f"{NO_LABELS}{value} at [4, 5, 6]"
    np.save(tmp_path / "mask.npy", vol == LABELLED)
    scans.command("extract", save(tmp_path, vol), *option, "--mask", tmp_path / "mask.npy",
                  "-o", tmp_path / "m.ply")  # fmt: skip


def test_a_distance_has_no_labels(tmp_path):
    said = scans.refused(tmp_path, save(tmp_path, BALL.astype(np.float32)), "--labels", "1,2")
    assert said == f"{NO_LABELS}{BALL.astype(np.float32)[0, 0, 0]!s} at [0, 0, 0]"


def test_labels_without_a_surface(tmp_path):
    mask = LABELLED != 1
    np.save(tmp_path / "mask.npy", mask)
    path = save(tmp_path, LABELLED)
    said = scans.refused(tmp_path, path, "--label", 1, "--mask", tmp_path / "mask.npy")
    assert said.startswith("--label must be of 0 (")
    vol = np.zeros((6, 6, 6), np.uint8)
    vol[1:3, 1:3, 1:3], vol[5, 5, 5] = 2, 3
    np.save(tmp_path / "mask.npy", (vol != 0) | (np.indices(vol.shape).max(axis=0) < 4))
    path = save(tmp_path, vol)
    output = scans.command("extract", path, "--labels", "all", "--mask", tmp_path / "mask.npy",
                           "-o", tmp_path / "m.ply").output  # fmt: skip
    assert "label 3: no surface\n" in output
    assert [each.name for each in tmp_path.glob("m*.ply")] == ["m_label_2.ply"]
    said = scans.refused(tmp_path, path, "--label", 3, "--mask", tmp_path / "mask.npy")
    assert said == "no surface: no cell has valid samples in a label and beside it"
    said = scans.refused(tmp_path, save(tmp_path, vol[1:2]), "--label", 2)
    assert said == "no surface: a volume needs two samples a side, got shape (1, 6, 6) (z has 1)"


def test_values_that_are_too_many_for_labels(tmp_path):
    vol = np.random.default_rng(0).integers(0, 2**40, (50, 50, 50))
    said = scans.refused(tmp_path, save(tmp_path, vol), "--label", 1)
    assert said == "INPUT must hold at most 65536 values far apart to take labels from, got more"


@pytest.mark.parametrize("dtype, low", [("uint64", 2**63), ("uint64", 2**64 - 1004), ("int64", -(2**63)),
                                        ("int64", 2**53 + 1)])  # fmt: skip
def test_labels_that_float64_does_not_hold(dtype, low, tmp_path):
    vol = LABELLED.astype(dtype) + np.array(low, dtype)
    path = save(tmp_path, vol)
    assert f"{low + 7} ({int((LABELLED == 7).sum())} voxels)" in scans.refused(tmp_path, path)
    mesh, output = scans.extracted(tmp_path, path, f"--label={low + 7}")
    want, _ = scans.extracted(tmp_path, save(tmp_path, LABELLED), "--label", 7)
    assert f"labels {low + 7}, on the CPU" in output
    assert np.array_equal(mesh.vertices, want.vertices)


def test_a_level_for_integers_that_float64_does_not_hold():
    vol = np.where(BALL < 0, np.uint64(2**63 + 2**14), np.uint64(2**63))
    level, _ = leveling.choose_level(vol, leveling.value_range(vol))
    assert 2**63 < level < 2**63 + 2**14


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


@pytest.mark.parametrize("more", [(), ("--max-memory", "40MB")])
@pytest.mark.parametrize("dtype, value", [("float16", "70000"), ("float32", "1e40"), (">f4", "-1e40")])
def test_nan_takes_what_the_type_holds(dtype, value, more, tmp_path):
    vol = np.where(BALL < -7.4, np.nan, BALL).astype(dtype)
    said = scans.refused(tmp_path, save(tmp_path, vol), f"--nan={value}", "--level", 0, *more)
    name = np.dtype(dtype).name
    assert said == f"--nan must be a number that the samples' type {name} can hold, got {value}"


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
