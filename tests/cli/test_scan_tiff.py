# SPDX-License-Identifier: MIT
"""TIFF as microscopes and ImageJ write it, through tifffile."""

import numpy as np
import pytest
import scans
import tifffile

SPACING = (0.2, 0.2, 1.5)  # of a voxel in micrometres: x, y, z
SHAPE = (24, 100, 110)
PLACE = scans.affine(np.diag(SPACING), SHAPE, centre=np.diag(SPACING) @ ((np.array(SHAPE[::-1]) - 1) / 2))
CENTRE, RADIUS = PLACE[:3, :3] @ ((np.array(SHAPE[::-1]) - 1) / 2), 8.0
BALL = scans.distance(PLACE, SHAPE, centre=CENTRE, radius=RADIUS)
GREY = np.rint(np.clip(500 - BALL * 300, 0, 1000)).astype(np.uint16)
VOXELS = {"resolution": (1 / 0.2, 1 / 0.2), "metadata": {"spacing": 1.5, "unit": "um", "axes": "ZYX"}}


def assert_ball(mesh):
    scans.assert_ball(mesh, 0.2 * 4, CENTRE, RADIUS)  # 1.5 a slice: a tenth of the mean voxel


def test_imagej(tmp_path):
    path = tmp_path / "ball.tif"
    tifffile.imwrite(path, GREY, imagej=True, **VOXELS)
    mesh, output = scans.extracted(tmp_path, path, "--level", 500)
    assert_ball(mesh)
    assert " um, " in output
    mesh, output = scans.extracted(tmp_path, path, "--level", 500, "--units", "mm")
    assert " mm, " in output
    scans.assert_ball(mesh, 1e-3, CENTRE / 1000, RADIUS / 1000)


@pytest.mark.parametrize("unit", ["micron", "\\u00b5m"])
def test_imagej_spells_micrometres_in_many_ways(unit, tmp_path):
    path = tmp_path / "ball.tif"
    tifffile.imwrite(path, GREY, imagej=True, resolution=(5, 5), metadata={"axes": "ZYX", "unit": unit})
    _, output = scans.extracted(tmp_path, path, "--level", 500)
    assert "the file gives no spacing in z: 1 um, as ImageJ takes it" in output
    assert " um, " in output


def test_imagej_of_unequal_units(tmp_path):
    path = tmp_path / "ball.tif"
    about = {"axes": "ZYX", "unit": "um", "yunit": "nm", "zunit": "mm", "spacing": 0.0015}
    tifffile.imwrite(path, GREY, imagej=True, resolution=(1 / 0.2, 1 / 200), metadata=about)
    mesh, output = scans.extracted(tmp_path, path, "--level", 500)
    assert_ball(mesh)
    assert " um, " in output
    tifffile.imwrite(path, GREY, imagej=True, metadata={**about, "zunit": "s"})
    _, output = scans.extracted(tmp_path, path, "--level", 500)
    assert "the file's units are no lengths (um, nm, s): none is told" in output


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_channels_and_frames(kind, tmp_path):
    path = tmp_path / f"ball.{'ome.' if kind == 'ome' else ''}tif"
    data = np.stack([GREY * 0, GREY], axis=1)[None]  # TZCYX
    if kind == "imagej":
        tifffile.imwrite(path, data, imagej=True, resolution=VOXELS["resolution"],
                         metadata={"spacing": 1.5, "unit": "um", "axes": "TZCYX"})  # fmt: skip
    else:
        sizes = {f"PhysicalSize{a}": v for a, v in zip("XYZ", SPACING, strict=True)}
        tifffile.imwrite(path, data, metadata={"axes": "TZCYX", **sizes})
    said = scans.refused(tmp_path, path, "--level", 500)
    assert said == f"--channel must say which of 2 channels in {path} to take, from 0 to 1"
    mesh, output = scans.extracted(tmp_path, path, "--channel", 1, "--level", 500)
    assert_ball(mesh)
    assert " um, " in output


def test_ome_of_unequal_units(tmp_path):
    path = tmp_path / "ball.ome.tif"
    about = {"axes": "ZYX", "PhysicalSizeX": 200, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.2,
             "PhysicalSizeYUnit": "µm", "PhysicalSizeZ": 0.0015, "PhysicalSizeZUnit": "mm"}  # fmt: skip
    tifffile.imwrite(path, GREY, metadata=about)
    mesh, output = scans.extracted(tmp_path, path, "--level", 500)
    assert " nm, " in output
    scans.assert_ball(mesh, 800, CENTRE * 1000, RADIUS * 1000)


@pytest.mark.parametrize("dtype", ["float16", "float32", "uint8", "bool"])
@pytest.mark.parametrize(
    "options", [{}, {"tile": (32, 32)}, {"compression": "zlib"}], ids=["strips", "tiles", "zlib"]
)
def test_plain_stacks_are_in_voxels(dtype, options, tmp_path):
    """Dots an inch, which programs write of their own accord, are no voxel size."""
    path = tmp_path / "stack.tif"
    data = (
        BALL < 0
        if dtype == "bool"
        else (BALL.astype(dtype) if "float" in dtype else (GREY // 4).astype(dtype))
    )
    tifffile.imwrite(path, data, resolution=(300, 300), resolutionunit=2, photometric="minisblack", **options)
    level = {"bool": 0.5, "uint8": 125}.get(dtype, 0)
    mesh, output = scans.extracted(tmp_path, path, "--level", level)
    assert mesh.is_watertight
    assert np.allclose(mesh.bounds.mean(axis=0), (np.array(SHAPE[::-1]) - 1) / 2, atol=0.1)
    assert output.rsplit(", ", 1)[0].endswith(f"{mesh.bounds[1][2]:.6g}")  # no unit
    given = scans.extracted(tmp_path, path, "--level", level, "--spacing", "0.2,0.2,1.5", "--units", "um")
    if dtype != "bool":
        assert_ball(given[0])
    assert " um, " in given[1]


def test_one_page_and_colours(tmp_path):
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, GREY[12])
    said = scans.refused(tmp_path, path, "--level", 500)
    assert said == "no surface: a volume needs two samples a side, got shape (1, 100, 110) (z has 1)"
    tifffile.imwrite(path, np.stack([GREY // 4] * 3, axis=-1).astype(np.uint8), photometric="rgb")
    said = scans.refused(tmp_path, path, "--level", 125)
    assert said == f"--channel must say which of 3 samples a pixel in {path} to take, from 0 to 2"


@pytest.mark.parametrize("axes", ["YX", "ZYX"])
def test_pages_appended_one_by_one(axes, tmp_path):
    """Each is an image of its own, as tifffile sees it."""
    path = tmp_path / "stack.tif"
    for plane in GREY:
        tifffile.imwrite(path, plane if axes == "YX" else plane[None], append=True, metadata={"axes": axes})
    mesh, output = scans.extracted(tmp_path, path, "--level", 500, "--spacing", "0.2,0.2,1.5")
    assert_ball(mesh)
    assert "24 images of one page each taken as the planes of one volume\n" in output
    tifffile.imwrite(path, GREY[0, 1:], append=True)
    said = scans.refused(tmp_path, path, "--level", 500)
    assert said == f"INPUT must hold a volume, got 25 images of one plane each in {path}"


@pytest.mark.parametrize("kind", ["shaped", "ome"])
def test_several_volumes(kind, tmp_path):
    path = tmp_path / f"two.{'ome.' if kind == 'ome' else ''}tif"
    with tifffile.TiffWriter(path) as file:
        for scale, data in ((2, GREY[:, 1:] * 0), (1, GREY)):
            sizes = {f"PhysicalSize{a}": v * scale for a, v in zip("XYZ", SPACING, strict=True)}
            file.write(data, metadata={"axes": "ZYX", **sizes} if kind == "ome" else {"axes": "ZYX"})
    said = scans.refused(tmp_path, path, "--level", 500)
    assert said == f"--key must be one of 0, 1 in {path}, which one is not said"
    said = scans.refused(tmp_path, path, "--level", 500, "--key", "2")
    assert said == f"--key must be one of 0, 1 in {path}, got 2"
    place = () if kind == "ome" else ("--spacing", "0.2,0.2,1.5")  # each image's own
    assert_ball(scans.extracted(tmp_path, path, "--level", 500, "--key", "1", *place)[0])


def test_smaller_copies_and_single_planes_are_no_choice(tmp_path):
    path = tmp_path / "pyramid.ome.tif"
    sizes = {f"PhysicalSize{a}": v for a, v in zip("XYZ", SPACING, strict=True)}
    with tifffile.TiffWriter(path) as file:
        file.write(GREY, subifds=1, metadata={"axes": "ZYX", **sizes})
        file.write(GREY[:, ::2, ::2], subfiletype=1)
    assert_ball(scans.extracted(tmp_path, path, "--level", 500)[0])
    path = tmp_path / "reduced.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(GREY, metadata=None)
        file.write(GREY[::2, ::2, ::2], subfiletype=1, metadata=None)
    assert_ball(scans.extracted(tmp_path, path, "--level", 500, "--spacing", "0.2,0.2,1.5")[0])
    path = tmp_path / "label.ome.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(GREY[3, ::2, ::2], metadata={"axes": "YX", "Name": "label image"})
        file.write(GREY, metadata={"axes": "ZYX", **sizes})
    mesh, output = scans.extracted(tmp_path, path, "--level", 500)
    assert_ball(mesh)
    assert "image 1 taken: the other images have one plane each\n" in output


@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.99])
def test_cut_files(part, tmp_path):
    path = tmp_path / "ball.tif"
    for options in ({"imagej": True}, {"compression": "zlib"}, {}):
        tifffile.imwrite(path, GREY, photometric="minisblack", **options)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * part)])
        assert scans.refused(tmp_path, path, "--level", 500).startswith(f"cannot read {path}: ")
