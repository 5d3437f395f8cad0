# SPDX-License-Identifier: MIT
"""An output replaces a mesh of ours and nothing else: no file of the user's, and never what is read."""

import json
import re

import h5py
import kills
import numpy as np
import pytest
import scans
import volumes
import zarr
from streaming_cases import NOISE, SHAPE, needs_zarr_3
from torchmcubes_bw import isosurface, stream_surface

MESH = (np.zeros((4, 3), np.float32), np.zeros((2, 3), np.int32))


def npy(folder, **arrays):
    folder.mkdir()
    for name, array in ({"verts": MESH[0], "faces": MESH[1]} | arrays).items():
        np.save(folder / f"{name}.npy", array)


def group(folder, form=3, **arrays):
    made = zarr.open_group(folder, mode="w", zarr_format=form)
    for name, array in ({"verts": MESH[0], "faces": MESH[1]} | arrays).items():
        made.create_array(name, data=array, chunks=array.shape)
    return made


def names(*found):
    def make(folder):
        folder.mkdir()
        for name in found:
            (folder / name).write_bytes(b"precious")

    return make


def parts(folder, listed, found, **more):
    names(*found)(folder)
    manifest = {"vertex": "float32", "vertices": 4, "triangles": 2, **more}
    text = json.dumps({**manifest, "parts": [{"file": name} for name in listed]})
    (folder / "manifest.json").write_text(text)


def linked(folder):
    npy(folder)
    (folder / "faces.npy").rename(folder.parent / "other.npy")
    (folder / "faces.npy").symlink_to(folder.parent / "other.npy")


def noted(folder):
    group(folder)
    (folder / "verts" / "notes.txt").write_text("years")


FOREIGN = {
    "stl": names("part-01.stl", "part-02.stl"),
    "no manifest": names("part-000000.ply", "part-000001.ply"),
    "a manifest alone": names("manifest.json"),
    "a part too many": lambda at: parts(at, ["part-000000.ply"], ["part-000000.ply", "part-000001.ply"]),
    "another's manifest": lambda at: parts(at, ["part-000000.ply"], ["part-000000.ply"], title="atlas"),
    "other names": lambda at: parts(at, ["part-9.stl"], ["part-9.stl"]),
    "no arrays": names("verts.npy", "faces.npy"),
    "no faces": lambda at: (npy(at), (at / "faces.npy").unlink()),
    "a volume": lambda at: npy(at, verts=NOISE),
    "two columns": lambda at: npy(at, faces=MESH[1][:, :2]),
    "real faces": lambda at: npy(at, faces=MESH[0]),
    "objects": lambda at: npy(at, verts=np.zeros((4, 3), object)),
    "an array more": lambda at: npy(at, labels=MESH[1]),
    "a file more": lambda at: (npy(at), (at / "thesis.txt").write_text("years")),
    "a folder more": lambda at: (npy(at), (at / "data").mkdir()),
    "folders": lambda at: [(at / name).mkdir(parents=True) for name in ("verts", "faces")],
    "links": linked,
}
STORES = {
    "a volume": lambda at: group(at, verts=NOISE),
    "an array more": lambda at: group(at, labels=MESH[1]),
    "no faces": lambda at: zarr.open_group(at, mode="w").create_array("verts", data=MESH[0]),
    "attributes": lambda at: group(at).attrs.update(patient="A"),
    "attributes of an array": lambda at: group(at)["verts"].attrs.update(patient="A"),
    "a file more": noted,
}


def refused(folder, output):
    before = kills.contents(folder)
    found = sorted(each.name for each in folder.iterdir())
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    held = f"got the folder {output} with {', '.join(found[:3])}{more}"
    text = f"output must be new, or hold nothing but a mesh that was written there, {held}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        stream_surface(NOISE, 0.1, output)
    assert kills.contents(folder) == before


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_folder_that_is_no_mesh_of_ours(kind, tmp_path):
    FOREIGN[kind](tmp_path / "m")
    refused(tmp_path / "m", tmp_path / "m")


@needs_zarr_3
@pytest.mark.parametrize("kind", STORES)
def test_a_store_that_is_no_mesh_of_ours(kind, tmp_path):
    STORES[kind](tmp_path / "m.zarr")
    refused(tmp_path / "m.zarr", tmp_path / "m.zarr")


def test_a_link_to_a_folder_and_the_home_folder(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years")
    (tmp_path / "m").symlink_to("home")
    refused(tmp_path / "home", tmp_path / "m")
    monkeypatch.chdir(tmp_path / "home")
    for output in ("", "."):
        with pytest.raises(ValueError, match=r"got the folder \. with thesis\.txt$"):
            stream_surface(NOISE, 0.1, output)
    (tmp_path / "home" / "thesis.txt").rename("thesis")
    with pytest.raises(ValueError, match=r"got the file thesis$"):
        stream_surface(NOISE, 0.1, "thesis")


def test_files_that_come_while_it_is_written(tmp_path):
    stream_surface(NOISE, 0.1, tmp_path / "m")

    def planes(z0, z1):
        (tmp_path / "m" / "thesis.txt").write_text("years")
        return NOISE[z0:z1]

    with pytest.raises(ValueError, match=r"got the folder .*m with faces\.npy, thesis\.txt, verts\.npy$"):
        stream_surface(planes, 0.1, tmp_path / "m", shape=SHAPE, slab_planes=5)
    assert (tmp_path / "m" / "thesis.txt").read_text() == "years"


@needs_zarr_3
def test_every_mesh_of_ours_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr("torchmcubes_bw.streaming.rows._CHUNK", 5000)
    npy(tmp_path / "none", verts=MESH[0][:0], faces=MESH[1][:0].astype(np.int64))
    (tmp_path / "empty").mkdir()
    group(tmp_path / "old.zarr", form=2)
    parts(tmp_path / "parts", ["part-000000.ply"], ["part-000000.ply"])
    for output in ("m", "n.zarr", "none", "empty", "old.zarr", "parts"):
        for normals in (True, False, True):
            stream_surface(NOISE, 0.1, tmp_path / output, normals=normals)
    (tmp_path / "link").symlink_to("m")
    stream_surface(volumes.noise(SHAPE), 0.2, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    want = isosurface(volumes.noise(SHAPE), 0.2).verts.numpy()
    assert np.array_equal(np.load(tmp_path / "m" / "verts.npy"), want)


def test_only_what_a_killed_run_left_is_swept_away(tmp_path):
    for name in (".0123456789abcdef", ".backup"):
        (tmp_path / f"{name}.torchmcubes-part").mkdir()
    stream_surface(NOISE, 0.1, tmp_path / "m")
    assert sorted(each.name for each in tmp_path.iterdir()) == [".backup.torchmcubes-part", "m"]


def own(place, name, output):
    text = f"output must not be what {name} is read from, {place}, nor hold it or lie in it, got {output}"
    return pytest.raises(ValueError, match=f"^{re.escape(text)}$")


@needs_zarr_3
def test_what_is_read_is_not_written_to(tmp_path):
    at = tmp_path / "verts.zarr"
    made = zarr.open_group(at, mode="w")
    made.create_array("verts", data=NOISE)
    before = kills.contents(at)
    (tmp_path / "link").symlink_to(at)
    vol = zarr.open_group(at, mode="r")["verts"]
    for output in (
        at,
        at / "verts",
        tmp_path / "link",
        at / "verts" / "m.ply",
        tmp_path / "x" / ".." / "verts.zarr",
    ):
        with own(at / "verts", "vol", output):
            stream_surface(vol, 0.1, output)
    assert kills.contents(at) == before
    with own(at / "mask", "mask", at):
        stream_surface(NOISE, 0.1, at, mask=made.create_array("mask", data=NOISE > 0))


def test_a_file_that_is_read_is_not_written_over(tmp_path):
    at = tmp_path / "vol.ply"
    NOISE.tofile(at)
    mapped = np.memmap(at, np.float32, "r", shape=SHAPE)
    for vol in (mapped, mapped[2:], np.asarray(mapped)):
        with own(at, "vol", at):
            stream_surface(vol, 0.1, at)
    assert at.read_bytes() == NOISE.tobytes()
    with h5py.File(tmp_path / "vol5.ply", "w") as file:
        file["ct"] = NOISE
    with h5py.File(tmp_path / "vol5.ply") as file, own(tmp_path / "vol5.ply", "vol", tmp_path / "vol5.ply"):
        stream_surface(file["ct"], 0.1, tmp_path / "vol5.ply")


@needs_zarr_3
def test_the_command_line_keeps_its_input(tmp_path):
    at = tmp_path / "verts.zarr"
    group(at, verts=NOISE > 0, faces=MESH[1])
    np.save(tmp_path / "vol.npy", NOISE)
    before = kills.contents(at)
    refuses = [
        ("INPUT", (f"{at}:/verts",), at),
        ("INPUT", (at,), at / "m.ply"),
        ("--mask", (tmp_path / "vol.npy", "--mask", f"{at}:/verts"), at / "m.zarr"),
    ]
    for name, arguments, output in refuses:
        said = scans.command(
            "extract", *arguments, "-o", output, "--level", 0.5, "--max-memory", "40MB", code=2
        )
        text = f"output must not be what {name} is read from, {at}, nor hold it or lie in it, got {output}"
        assert said.stderr == f"error: {text}\n"
    assert kills.contents(at) == before
