# SPDX-License-Identifier: MIT
"""`extract --max-memory`: what the whole volume in memory gives, read by planes."""

import h5py
import mrcfile
import numpy as np
import pytest
import scans
import trimesh
import volumes
import zarr
from streaming_cases import needs_zarr_3
from torchmcubes_bw import isosurface

DISTANCE = volumes.ball((30, 40, 50), (24.3, 20.2, 14.6), 10)
BALL = np.rint(np.clip(500 - 400 * DISTANCE, 0, 1000)).astype(np.int16)  # 1000 inside
LEVEL = ("--level", 500, "--inside", "above")


def streamed(tmp_path, *arguments):
    return scans.extracted(tmp_path, *arguments, "--max-memory", "40MB")


def assert_like_in_core(tmp_path, *arguments):
    """The same surface in the same place: the mesh in memory has its ties merged."""
    want, _ = scans.extracted(tmp_path, *arguments, "--no-normals")
    got, said = streamed(tmp_path, *arguments, "--no-normals")
    merged = trimesh.Trimesh(got.vertices, got.faces)
    assert np.isclose(got.area, want.area, rtol=1e-6)
    assert np.isclose(merged.volume, want.volume, rtol=1e-6)
    assert np.allclose(got.bounds, want.bounds)
    return said


@pytest.fixture
def files(tmp_path):
    """The ball in every format that is read by planes."""
    np.save(tmp_path / "ball.npy", BALL)
    BALL.astype(">i2").tofile(tmp_path / "ball.raw")
    with h5py.File(tmp_path / "ball.h5", "w") as file:
        file.create_dataset("ct", data=BALL, chunks=(7, 16, 16)).attrs["element_size_um"] = [3, 2, 1]
    with mrcfile.new(tmp_path / "ball.mrc") as file:
        file.set_data(BALL)
        file.voxel_size = (1, 2, 3)
    return tmp_path


@pytest.mark.parametrize("name", ["ball.npy", "ball.h5", "ball.mrc", "ball.raw"])
def test_every_format(files, name):
    more = ("--shape", "30,40,50", "--dtype", ">i2") if name.endswith("raw") else ()
    for options in (LEVEL, (*LEVEL, "--spacing", "1,2,3", "--origin", "5,6,7")):
        said = assert_like_in_core(files, files / name, *more, *options)
    assert "vertices" in said


@needs_zarr_3
def test_zarr_and_ome_zarr(tmp_path):
    zarr.create_array(tmp_path / "ball.zarr", data=BALL, chunks=(8, 16, 16))
    assert_like_in_core(tmp_path, tmp_path / "ball.zarr", *LEVEL)
    group = zarr.open_group(tmp_path / "ome.zarr", mode="w")
    group.create_array("0", data=BALL.transpose(2, 0, 1)[None], chunks=(1, 50, 8, 16))
    scale = [{"type": "scale", "scale": [1, 0.5, 2, 1]}]
    axes = [{"name": name} for name in "cxzy"]
    group.attrs["multiscales"] = [
        {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    ]
    assert_like_in_core(tmp_path, tmp_path / "ome.zarr", *LEVEL)


def test_the_mesh_is_the_librarys(files):
    got, said = streamed(files, files / "ball.npy", "--level", 500, "--inside", "below")
    want = isosurface(BALL, 500, normals=True)
    assert np.array_equal(got.vertices, want.verts.numpy())
    assert np.array_equal(got.faces, want.faces.numpy())
    rows = np.dtype([("at", "<f4", 3), ("normal", "<f4", 3)])
    body = (files / "mesh.ply").read_bytes().split(b"end_header\n", 1)[1]
    normals = np.frombuffer(body, rows, len(want.verts))["normal"]
    assert normals.tobytes() == want.normals.numpy().tobytes()
    assert "level 500 (as given), object below it, on the CPU\n" in said
    assert f"{files / 'mesh.ply'}: {len(want.verts)} vertices, {len(want.faces)} faces, bounds " in said


def test_level_and_side_are_seen_in_some_planes(files):
    _, said = streamed(files, files / "ball.npy")
    assert "Otsu's threshold), object above it, on the CPU" in said
    _, said = scans.extracted(files, files / "ball.npy", "--max-memory", "7MB", "--no-normals")
    assert "object above it" in said


def test_options_that_work_on_planes(files):
    mask = np.zeros(BALL.shape, np.uint8)
    mask[:, :, :30] = 1
    np.save(files / "mask.npy", mask)
    assert_like_in_core(files, files / "ball.npy", *LEVEL, "--mask", files / "mask.npy")
    cut = BALL[12:]
    np.save(files / "cut.npy", cut)
    for side in ("above", "below"):
        assert_like_in_core(files, files / "cut.npy", "--level", 500, "--inside", side, "--cap")
    holes = BALL.astype("f4")
    holes[3, 4, 5] = np.nan
    np.save(files / "holes.npy", holes)
    for nan in ("skip", "-1"):
        assert_like_in_core(files, files / "holes.npy", *LEVEL, "--nan", nan)
    assert scans.refused(files, files / "holes.npy", *LEVEL, "--max-memory", "40MB") == (
        "INPUT must not contain NaN, got 1 NaN sample in the slab of planes 0 to 29, "
        "the first at INPUT[3, 4, 5]: --nan skip leaves them out, --nan VALUE takes a value in their place"
    )


@needs_zarr_3
def test_written_to_zarr(files):
    scans.command("extract", files / "ball.npy", *LEVEL, "-o", files / "m.zarr", "--max-memory", "40MB")
    written = zarr.open_group(files / "m.zarr", mode="r")
    assert sorted(written) == ["faces", "normals", "verts"]


@pytest.mark.parametrize(
    "text, arguments",
    [
        ("--largest needs the whole volume in memory: leave it or --max-memory out", ("--largest",)),
        ("--label needs the whole volume in memory: leave it or --max-memory out", ("--label", 3)),
        ("--label needs the whole volume in memory: leave it or --max-memory out", (*LEVEL, "--label", 0)),
        ("--device must be auto or cpu with --max-memory, got cuda", ("--device", "cuda")),
        ("no surface: --level 5000 parts no samples", ("--level", 5000, "--inside", "above")),
    ],
)
def test_what_cannot_be_done(files, text, arguments):
    assert scans.refused(files, files / "ball.npy", *arguments, "--max-memory", "40MB") == text


def test_what_cannot_be_read_by_planes(files):
    text = "--max-memory reads .npy, .raw, .mrc, .h5 and .zarr by planes, got "
    (files / "ball.tif").write_bytes(b"II*\0")
    said = scans.refused(files, files / "ball.tif", *LEVEL, "--max-memory", "40MB")
    assert said == text + str(files / "ball.tif")
    np.savez(files / "ball.npz", BALL)
    said = scans.refused(files, files / "ball.npz", *LEVEL, "--max-memory", "40MB")
    assert said == f"--max-memory needs an array that is not packed, a .npy, got {files / 'ball.npz'}"
    said = scans.refused(files, files / "ball.npy", *LEVEL, "--max-memory", "1kB")
    assert said.startswith("--max-memory must be at least 5MB for planes of 40 x 50 samples, got")


def test_a_label_map_wants_a_level(files):
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[5:20, 5:20, 5:20], labels[20:25, 5:20, 5:20] = 3, 7
    np.save(files / "labels.npy", labels)
    said = scans.refused(files, files / "labels.npy", "--max-memory", "40MB")
    assert said == "INPUT looks like a label map: give --level L, or leave --max-memory out"


def test_a_file_that_ends_too_soon(files):
    text = (files / "ball.npy").read_bytes()
    (files / "short.npy").write_bytes(text[:-5000])
    assert "cannot read" in scans.refused(files, files / "short.npy", *LEVEL, "--max-memory", "40MB")
    with h5py.File(files / "broken.h5", "w") as file:
        dataset = file.create_dataset(
            "ct", data=BALL, chunks=(5, 40, 50), compression="gzip", fletcher32=True
        )
        at = dataset.id.get_chunk_info(4).byte_offset
    data = bytearray((files / "broken.h5").read_bytes())
    data[at + 8] ^= 0xFF
    (files / "broken.h5").write_bytes(data)
    said = scans.refused(files, files / "broken.h5", *LEVEL, "--max-memory", "40MB", code=1)
    assert said.startswith(f"planes 0 to 29 of {files / 'broken.h5'} cannot be read: ")
