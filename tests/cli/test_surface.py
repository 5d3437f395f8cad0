# SPDX-License-Identifier: MIT
"""Masks, caps and NaN; and that the core, called without torch, gives the library's bytes."""

import nibabel
import numpy as np
import pytest
import scans
import torch
import torchmcubes_bw
import volumes
from torchmcubes_bw.cli import surface

SHAPE = (24, 26, 28)
BALL = volumes.ball(SHAPE, (13.2, 12.1, 11.3), 8.3)
CUT = volumes.ball(SHAPE, (13.2, 12.1, 2.0), 8.3)  # reaches over the volume's border
DTYPES = (
    "float32",
    "float64",
    "float16",
    "uint8",
    "int8",
    "int16",
    "int32",
    "uint16",
    "uint32",
    "int64",
    "bool",
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("strided", [False, True])
def test_same_bytes_as_the_library(dtype, strided):
    vol = (np.clip(50 - BALL * 9, 0, 120) if dtype != "bool" else BALL < 0).astype(dtype)
    if strided:
        vol = np.asfortranarray(vol)[::-1, ::2]
    level = 0.5 if dtype == "bool" else 50
    verts, faces, _ = surface.extract(vol, level, "cpu")
    want = torchmcubes_bw.marching_cubes(vol, level)
    for got, expected in zip((verts, faces), want, strict=True):
        assert got.dtype == expected.numpy().dtype
        assert np.array_equal(got, expected.numpy())


def test_a_packed_record():
    rows = np.zeros(BALL.shape, [("flag", "u1"), ("value", "f4")])
    rows["value"] = BALL
    verts, faces, _ = surface.extract(rows["value"], 0.0, "cpu")
    want = torchmcubes_bw.marching_cubes(torch.from_numpy(BALL), 0.0)
    assert np.array_equal(verts, want[0].numpy())
    assert np.array_equal(faces, want[1].numpy())


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "uint8", "int8", "int16", "uint16", "int32", "int64", "bool"]
)
@pytest.mark.parametrize("side", ["below", "above"])
def test_cap(dtype, side, tmp_path):
    """The object is closed at the border, whichever side of the level it is on; the ball itself stays."""
    sign = 1 if side == "below" else -1
    vol = CUT < 0 if dtype == "bool" else np.clip(60 + sign * CUT * 9, 0, 120)
    if dtype == "bool" and side == "below":
        vol = ~vol
    np.save(tmp_path / "a.npy", vol.astype(dtype))
    options = ("--level", 0.5 if dtype == "bool" else 60, "--inside", side)
    open_mesh, output = scans.extracted(tmp_path, tmp_path / "a.npy", *options)
    assert ", open, " in output
    mesh, output = scans.extracted(tmp_path, tmp_path / "a.npy", *options, "--cap")
    assert ", closed, " in output
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    assert len(mesh.faces) > len(open_mesh.faces)
    assert mesh.bounds[0][2] >= -1
    beyond = np.pi * (8.3 - 2) ** 2 * (3 * 8.3 - (8.3 - 2)) / 3  # of the ball, below z = 0
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 8.3**3 - beyond, rel=0.06)


def test_ties_stay_on_their_side_under_a_cap():
    vol = np.zeros((4, 4, 4), np.int16)
    vol[:2] = 7
    for level in (7, 7.0 - 1e-9, 6.5):
        verts, faces, _ = surface.extract(vol, level, "cpu", None, True, above=True)
        assert len(faces) > 0
        assert verts[:, 2].min() >= 0


@pytest.mark.parametrize("level", [-1.0, -1e-10, 0.0, 1e-10, 0.5, 1.0, 1 + 1e-10, 1 + 1e-6, 2.0])
def test_booleans_above_a_level_under_a_cap(level):
    """The ball lies inside: the cap closes nothing, and changes nothing, whatever the level."""
    vol = BALL < 0
    want = surface.extract(vol, level, "cpu", above=True)
    verts, faces, _ = surface.extract(vol, level, "cpu", None, True, above=True)
    everything = level <= 0  # the box itself, which the cap closes
    assert len(want[1]) == 0 if everything or level > 1 + 1e-7 else len(want[1]) > 0
    if everything:
        assert (verts.min(axis=0) <= 0).all()
        return
    assert len(faces) == len(want[1])
    assert np.array_equal(np.sort(verts, axis=0), np.sort(want[0], axis=0))


@pytest.mark.parametrize("more", [(), ("--max-memory", "40MB")])
def test_nan_in_a_mask_counts_as_0(more, tmp_path):
    valid = np.zeros(SHAPE, bool)
    valid[8:] = True
    np.save(tmp_path / "a.npy", BALL)
    options = ("--level", 0, "--inside", "below", *more, "--mask", tmp_path / "mask.npy")
    meshes = []
    for outside in (0, np.nan):
        np.save(tmp_path / "mask.npy", np.where(valid, 1, outside).astype(np.float32))
        mesh, output = scans.extracted(tmp_path, tmp_path / "a.npy", *options)
        assert output.count("NaN samples of --mask taken as 0\n") == int(np.isnan(outside))
        meshes.append(mesh)
    assert meshes[0].bounds[0][2] >= 8
    assert np.array_equal(meshes[0].vertices, meshes[1].vertices)


@pytest.mark.parametrize("more", [(), ("--max-memory", "40MB")])
def test_a_raw_mask(more, tmp_path):
    """Of INPUT's shape: the same type, or a byte a sample."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[8:] = 255
    BALL.astype("<f4").tofile(tmp_path / "a.raw")
    raw = ("--shape", ",".join(map(str, SHAPE)), "--dtype", "<f4")
    options = ("--level", 0, "--inside", "below", *more, "--mask", tmp_path / "mask.raw")
    mask.tofile(tmp_path / "mask.raw")
    by_byte, _ = scans.extracted(tmp_path, tmp_path / "a.raw", *raw, *options)
    mask.astype("<f4").tofile(tmp_path / "mask.raw")
    by_type, _ = scans.extracted(tmp_path, tmp_path / "a.raw", *raw, *options)
    assert by_byte.bounds[0][2] >= 8
    assert np.array_equal(by_byte.vertices, by_type.vertices)
    np.save(tmp_path / "a.npy", BALL)
    beside_npy, _ = scans.extracted(tmp_path, tmp_path / "a.npy", "--dtype", "<f4", *options)
    assert np.array_equal(beside_npy.vertices, by_type.vertices)
    mask.ravel()[: mask.size // 4].astype("<f4").tofile(tmp_path / "quarter.raw")
    short = ("--dtype", "<f4", *options[:-1], tmp_path / "quarter.raw")
    said = scans.refused(tmp_path, tmp_path / "a.npy", *short)
    assert said.startswith("--shape 24,26,28 of <f4 needs ")
    mask.astype("<i2").tofile(tmp_path / "mask.raw")
    said = scans.refused(tmp_path, tmp_path / "a.raw", *raw, *options)
    count = mask.size
    assert said == f"--shape 24,26,28 of <f4 needs {4 * count} bytes, {tmp_path / 'mask.raw'} has {2 * count}"


def test_one_raw_file_as_mask_and_colours(tmp_path):
    """Only as a mask is it bytes; its colours are of the type that is said."""
    np.save(tmp_path / "a.npy", BALL)
    np.full(SHAPE, -3, np.int8).tofile(tmp_path / "b.raw")
    both = ("--mask", tmp_path / "b.raw", "--colour", tmp_path / "b.raw", "--dtype", "int8")
    _, output = scans.extracted(tmp_path, tmp_path / "a.npy", "--level", 0, *both)
    assert "--colour: from -3 (dark) to -3 (light)" in output


def test_a_mask_of_a_sample(tmp_path):
    """--size is the sample's alone."""
    np.save(tmp_path / "mask.npy", np.arange(24)[:, None, None] > np.zeros((24, 24, 24)) + 11)
    mesh, _ = scans.extracted(tmp_path, "metaballs", "--size", 24, "--mask", tmp_path / "mask.npy")
    assert mesh.bounds[0][2] >= 12


@pytest.mark.parametrize("options", [("--nan", "skip"), ("--mask",)])
def test_what_does_not_count_is_left_out(options, tmp_path):
    valid = np.ones(SHAPE, bool)
    valid[:, :, :10] = False
    vol = np.where(valid, BALL, np.nan) if options[0] == "--nan" else BALL
    np.save(tmp_path / "a.npy", vol.astype(np.float32))
    np.save(tmp_path / "mask.npy", valid.astype(np.int16) * 3)
    if options[0] == "--mask":
        options = ("--mask", tmp_path / "mask.npy")
    mesh, output = scans.extracted(tmp_path, tmp_path / "a.npy", *options)
    assert ", open, " in output
    assert mesh.bounds[0][0] >= 10
    assert mesh.bounds[1][0] == pytest.approx(13.2 + 8.3, abs=0.1)
    radii = np.linalg.norm(mesh.vertices - [13.2, 12.1, 11.3], axis=1)
    assert np.abs(radii - 8.3).max() < 0.1
    if options[0] == "--nan":
        assert f"{(~valid).sum()} NaN samples left out (--nan skip)" in output


def test_masks_that_do_not_fit(tmp_path):
    np.save(tmp_path / "a.npy", BALL)
    np.save(tmp_path / "mask.npy", BALL[1:] < 0)
    said = scans.refused(tmp_path, tmp_path / "a.npy", "--mask", tmp_path / "mask.npy")
    assert said == "--mask must have the shape of INPUT (24, 26, 28), got (23, 26, 28)"
    np.save(tmp_path / "mask.npy", np.zeros(SHAPE))
    said = scans.refused(tmp_path, tmp_path / "a.npy", "--mask", tmp_path / "mask.npy")
    assert said == "INPUT must have valid samples, got none: all are NaN or masked"
    place = np.diag([1.0, 1, 1, 1])
    nibabel.save(nibabel.Nifti1Image(BALL.T, place), tmp_path / "a.nii")
    place[0, 3] = 4
    nibabel.save(nibabel.Nifti1Image((BALL < 9).T.astype(np.uint8), place), tmp_path / "mask.nii")
    said = scans.refused(tmp_path, tmp_path / "a.nii", "--mask", tmp_path / "mask.nii")
    assert said == "--mask must lie where INPUT does, and does not: its affine is another"


def test_cap_of_labels(tmp_path):
    np.save(tmp_path / "a.npy", np.where(CUT < 0, 3, np.where(BALL < 0, 5, 0)).astype(np.uint8))
    for label in (3, 5):
        mesh, _ = scans.extracted(tmp_path, tmp_path / "a.npy", "--label", label, "--cap")
        assert mesh.is_watertight, label
        assert mesh.volume > 0
    assert ", open, " in scans.extracted(tmp_path, tmp_path / "a.npy", "--label", 3)[1]
