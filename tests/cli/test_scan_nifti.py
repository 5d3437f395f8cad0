# SPDX-License-Identifier: MIT
"""NIfTI and MGH, written with NiBabel: placed by their affine, whichever it is."""

import gzip

import nibabel
import numpy as np
import pytest
import scans

SPACING = np.array([0.7, 1.1, 1.9])
SHAPE = (24, 40, 60)
SHEAR = np.array([[1, 0.2, 0.1], [0, 1, -0.15], [0, 0, 1]])
PLACES = {
    "oblique": scans.affine(scans.rotation() * SPACING, SHAPE),
    "left-handed": scans.affine(scans.rotation() * SPACING * [1, 1, -1], SHAPE),
    "sheared": scans.affine(scans.rotation() @ SHEAR * SPACING, SHAPE),
    "rounded": scans.affine(np.round(scans.rotation() * SPACING, 2), SHAPE),
}


def save(path, place, data=None, form="sform", kind=nibabel.Nifti1Image, unit="mm"):
    """Write (z, y, x) samples as NIfTI does, x first."""
    data = scans.distance(place, SHAPE) if data is None else data
    image = kind(data.T, place)
    if hasattr(image, "set_sform"):
        image.set_sform(place if form == "sform" else None, code=2 if form == "sform" else 0)
        image.set_qform(place if form == "qform" else None, code=1 if form == "qform" else 0)
        image.header.set_xyzt_units(unit)
    nibabel.save(image, path)


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "mgz", "img"])
@pytest.mark.parametrize("name", PLACES)
def test_affine(name, ending, tmp_path):
    path, place = tmp_path / f"ball.{ending}", PLACES[name]
    if ending == "mgz":
        if name in ("sheared", "rounded"):
            pytest.skip("the format keeps directions and sizes apart")
        save(path, place, kind=nibabel.MGHImage)
    else:
        save(path, place, kind=nibabel.Nifti1Pair if ending == "img" else nibabel.Nifti1Image)
    mesh, output = scans.extracted(tmp_path, path, "--level", 0)
    scans.assert_ball(mesh, SPACING.min(), scans.CENTRE * [-1, -1, 1])
    assert " mm (LPS), " in output
    scans.assert_ball(scans.extracted(tmp_path, path, "--ras", "--level", 0)[0], SPACING.min())


def test_nifti2_and_a_quaternion(tmp_path):
    path = tmp_path / "ball.nii.gz"
    save(path, PLACES["left-handed"], form="qform", kind=nibabel.Nifti2Image)
    scans.assert_ball(scans.extracted(tmp_path, path, "--ras")[0], SPACING.min())


def test_two_affines_that_differ(tmp_path):
    path, place = tmp_path / "ball.nii", PLACES["oblique"]
    image = nibabel.Nifti1Image(scans.distance(place, SHAPE).T, None)
    image.set_sform(place, 2)
    other = place.copy()
    other[:3, 3] += 5
    image.set_qform(other, 1)
    nibabel.save(image, path)
    mesh, output = scans.extracted(tmp_path, path, "--ras")
    assert "sform and qform differ: sform taken (--affine qform takes the other)" in output
    scans.assert_ball(mesh, 0.7)
    mesh, output = scans.extracted(tmp_path, path, "--ras", "--affine", "qform")
    assert "qform differ" not in output
    scans.assert_ball(mesh, 0.7, scans.CENTRE + 5)
    save(path, place)
    said = scans.refused(tmp_path, path, "--affine", "qform")
    assert said == "--affine qform is not set in this file: its code is 0"


def two_forms(path, place, data):
    """Write a NIfTI whose qform lies 5 off its sform."""
    image = nibabel.Nifti1Image(data.T, None)
    image.set_sform(place, 2)
    other = place.copy()
    other[:3, 3] += 5
    image.set_qform(other, 1)
    nibabel.save(image, path)


@pytest.mark.parametrize("beside", ["both", "qform", "npy"])
def test_the_affine_is_a_masks_and_a_colours_too(beside, tmp_path):
    path, place = tmp_path / "ball.nii", PLACES["oblique"]
    vol = scans.distance(place, SHAPE)
    two_forms(path, place, vol)
    height = np.broadcast_to(np.arange(SHAPE[0], dtype="f4")[:, None, None] + 1, SHAPE)
    other = tmp_path / ("other.npy" if beside == "npy" else "other.nii")
    if beside == "npy":
        np.save(other, height)
    elif beside == "both":
        two_forms(other, place, height)
    else:
        moved = place.copy()
        moved[:3, 3] += 5
        save(other, moved, height, form="qform")
    mesh, _ = scans.extracted(tmp_path, path, "--ras", "--affine", "qform", "--mask", other)
    scans.assert_ball(mesh, 0.7, scans.CENTRE + 5)
    _, output = scans.extracted(tmp_path, path, "--ras", "--affine", "qform", "--colour", other)
    at = np.argwhere(vol < 0)[:, 0] + 1
    low, high = (float(output.split("--colour: from ")[1].split()[k]) for k in (0, 3))
    assert abs(low - at.min()) < 1.1
    assert abs(high - at.max()) < 1.1


def test_a_mask_with_another_affine_only(tmp_path):
    """--affine qform is said of INPUT: a mask without one has its own."""
    path, place = tmp_path / "ball.nii", PLACES["oblique"]
    save(path, place, form="qform")
    save(tmp_path / "mask.nii", place, np.ones(SHAPE, np.uint8))
    mesh, _ = scans.extracted(tmp_path, path, "--ras", "--affine", "qform", "--mask", tmp_path / "mask.nii")
    scans.assert_ball(mesh, 0.7)


@pytest.mark.parametrize("axes", [(), ("--ras",), ("--lps",)])
@pytest.mark.parametrize("more", [(), ("--units", "cm"), ("--spacing", "2,2,2")])
def test_the_origin_is_in_the_axes_and_the_unit_that_are_told(axes, more, tmp_path):
    vol = np.ones((6, 6, 6), np.float32)
    vol[0, 0, 0] = -1
    save(tmp_path / "corner.nii", np.diag([2.0, 2, 2, 1]), vol)
    mesh, output = scans.extracted(
        tmp_path, tmp_path / "corner.nii", *axes, *more, "--origin", "10,20,30", "--level", 0
    )
    assert f"({(axes or ('--lps',))[0][2:].upper()})" in output
    step = 0.1 if "--units" in more else 1  # half a voxel, from the only sample inside
    off = np.array(sorted(map(tuple, np.abs(np.asarray(mesh.vertices) - [10, 20, 30]))))
    assert np.allclose(off, np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]]) * step, atol=1e-5)


def test_no_affine_and_no_unit(tmp_path):
    path = tmp_path / "ball.nii"
    save(path, PLACES["oblique"], form=None, unit="unknown")
    _, output = scans.extracted(tmp_path, path)
    assert (
        "the file gives no orientation: its voxel sizes are taken, x to the left, as NiBabel does" in output
    )
    assert " mm" not in output


@pytest.mark.parametrize("unit, word, factor", [("micron", "um", 1), ("meter", "m", 1), ("mm", "cm", 0.1)])
def test_units(unit, word, factor, tmp_path):
    path = tmp_path / "ball.nii"
    save(path, PLACES["oblique"], unit=unit)
    options = [] if factor == 1 else ["--units", word]
    mesh, output = scans.extracted(tmp_path, path, "--ras", *options)
    assert f" {word} (RAS), " in output
    scans.assert_ball(mesh, 0.7 * factor, scans.CENTRE * factor, scans.RADIUS * factor)


def test_frames(tmp_path):
    path, place = tmp_path / "ball.nii", PLACES["oblique"]
    one = scans.distance(place, SHAPE)
    save(path, place, np.stack([one * 0 + 1, one]))
    said = scans.refused(tmp_path, path)
    assert said == f"--frame must say which of 2 volumes in {path} to take, from 0 to 1"
    said = scans.refused(tmp_path, path, "--frame", 2)
    assert said == f"--frame must be from 0 to 1, for 2 volumes in {path}, got 2"
    scans.assert_ball(scans.extracted(tmp_path, path, "--ras", "--frame", 1)[0], 0.7)


def test_scaled_integers(tmp_path):
    path, place = tmp_path / "ball.nii", PLACES["oblique"]
    image = nibabel.Nifti1Image(scans.ct(place, SHAPE).T, place)
    image.header.set_slope_inter(0.5, -100)
    nibabel.save(image, path)
    scans.assert_ball(scans.extracted(tmp_path, path, "--ras", "--level", 150)[0], 0.7)


def test_damage(tmp_path):
    """Half a file read as a whole, a flipped byte under a checksum, NaN where the file should lie."""
    path, place = tmp_path / "ball.nii.gz", PLACES["oblique"]
    save(path, place)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert scans.refused(tmp_path, path).startswith(f"cannot read {path}: ")
    path.write_bytes(whole[: len(whole) // 2] + b"\xff" + whole[len(whole) // 2 + 1 :])
    assert scans.refused(tmp_path, path).startswith(f"cannot read {path}: ")
    raw = bytearray(gzip.decompress(whole))
    raw[280:284] = np.float32(np.nan).tobytes()
    path.write_bytes(gzip.compress(bytes(raw)))
    said = scans.refused(tmp_path, path)
    assert said.startswith((f"{path} must say where its voxels lie, got nan", "cannot read"))


def test_colours_are_no_volume(tmp_path):
    path = tmp_path / "ball.nii"
    data = np.zeros((6, 5, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), path)
    assert scans.refused(tmp_path, path) == f"INPUT must hold one value a voxel, got R+G+B in {path}"
