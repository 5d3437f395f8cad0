# SPDX-License-Identifier: MIT
"""A streamed mesh is the in-core mesh, byte for byte, from whatever gives planes, in slabs of any height."""

import gc
import io
import itertools
import os
import re
import sys

import h5py
import numpy as np
import pytest
import torch
import trimesh
import volumes
import zarr
from streaming_cases import MASK, NAN, NOISE, SHAPE, broken, cast, fields, nan_at, needs_zarr_3
from torchmcubes_bw import isosurface, stream_surface
from torchmcubes_bw.streaming import ahead, rows, slab, sources, whole, writers
from torchmcubes_bw.streaming.budget import memory
from torchmcubes_bw.streaming.ply import PlyWriter


def assert_same(got, want):
    for name in ("verts", "faces", "normals"):
        a, b = getattr(got, name), getattr(want, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            assert a.numpy().tobytes() == b.numpy().tobytes()


HIDDEN = np.ma.masked_array(NOISE, np.zeros(SHAPE, bool))
HIDDEN[17, 2, 3] = np.ma.masked


def given(vol):
    """Return a function that gives a volume's planes."""
    return lambda z0, z1: vol[z0:z1]


OPTIONS = [
    {},
    {"mask": MASK},
    {"border": "closed"},
    {"nan": "skip", "normals": True, "spacing": (1, 2, 3), "origin": (5, 0, -5)},
    {"mask": MASK, "border": "closed", "nan": "skip", "normals": True, "dtype": torch.float64},
]


@pytest.mark.parametrize("height", [1, 2, 7, None])
@pytest.mark.parametrize("kind", ["smooth", "thin", "noise"])
def test_equals_the_mesh_in_core(kind, height):
    for dtype, options in itertools.product(("float32", "int16", "uint8"), OPTIONS):
        vol, level = cast(fields()[kind], dtype)
        if dtype == "float32" and options.get("nan") == "skip":
            vol = np.where(NAN, np.float32("nan"), vol)
        want = isosurface(vol, level, **options)
        held = stream_surface(vol, level, slab_planes=height, max_memory="20MB", **options)
        assert_same(held, want)
        if "mask" in options:
            options = options | {"mask": lambda z0, z1: MASK[z0:z1]}
        read = stream_surface(
            lambda z0, z1, vol=vol: vol[z0:z1],
            level,
            shape=SHAPE,
            slab_planes=height,
            max_memory="20MB",
            **options,
        )
        assert_same(read, want)


@pytest.mark.parametrize(
    "dtype", ["float64", "float16", "int8", "int32", "int64", "uint16", "uint32", "bool"]
)
def test_every_dtype(dtype):
    vol = (volumes.noise(SHAPE) * 20 + 40).astype(dtype)
    level = 0.5 if dtype == "bool" else 41.5
    got = stream_surface(lambda z0, z1: vol[z0:z1], level, shape=SHAPE, slab_planes=3)
    assert_same(got, isosurface(vol, level))


def test_a_shape_beside_an_array_and_a_mask_that_hides_nothing():
    want = isosurface(NOISE, 0.1)
    for shape in (SHAPE, torch.Size(SHAPE), np.array(SHAPE)):
        assert_same(stream_surface(NOISE, 0.1, shape=shape), want)
        assert_same(stream_surface(given(NOISE), 0.1, shape=shape), want)
    assert_same(stream_surface(np.ma.masked_array(NOISE, np.zeros(SHAPE, bool)), 0.1), want)


def test_every_source(tmp_path):
    vol = volumes.noise(SHAPE)
    want = isosurface(vol, 0.1)
    np.save(tmp_path / "vol.npy", vol)
    vol.astype(">f4").tofile(tmp_path / "vol.raw")
    with h5py.File(tmp_path / "vol.h5", "w") as file:
        file["chunked"] = vol
        file.create_dataset("other", data=vol, chunks=(4, 8, 8))
    mapped = np.load(tmp_path / "vol.npy", mmap_mode="r")
    with h5py.File(tmp_path / "vol.h5") as file:
        for source in (
            mapped,
            np.load(tmp_path / "vol.npy", mmap_mode="c"),
            np.memmap(tmp_path / "vol.raw", ">f4", "r", shape=SHAPE),
            file["chunked"],
            file["other"],
            torch.from_numpy(vol),
            torch.from_numpy(vol.transpose(2, 1, 0).copy()).permute(2, 1, 0),
            np.asfortranarray(vol),
        ):
            for height in (5, None):
                assert_same(stream_surface(source, 0.1, slab_planes=height), want)
    assert_same(stream_surface(mapped[3:-2], 0.1, slab_planes=4), isosurface(vol[3:-2], 0.1))
    assert_same(stream_surface(mapped[:, ::2], 0.1, slab_planes=4), isosurface(vol[:, ::2], 0.1))
    bfloat = torch.from_numpy(vol).bfloat16()
    assert_same(stream_surface(bfloat, 0.1, slab_planes=4), isosurface(bfloat, 0.1))


def test_a_map_in_memory_is_read_from_its_file(tmp_path):
    np.save(tmp_path / "vol.npy", volumes.noise(SHAPE))
    told = "_File" if sys.platform in ("linux", "win32") else "_Sliced"
    for mode, kind in {"r": told, "r+": told, "c": "_Sliced"}.items():
        mapped = np.load(tmp_path / "vol.npy", mmap_mode=mode)
        assert type(sources.source(mapped)).__name__ == kind
        assert type(sources.source(mapped[5:])).__name__ == kind


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file that is mapped keeps its name")
@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest.mark.parametrize("name", ["another's", "an empty file's", "gone"])
def test_a_map_is_read_whatever_becomes_of_its_name(name, when, tmp_path):
    at = tmp_path / "vol.npy"
    np.save(at, NOISE)
    np.save(tmp_path / "new.npy", -NOISE)
    (tmp_path / "empty").touch()

    def move(*_):
        if name == "gone":
            at.unlink(missing_ok=True)
        elif (tmp_path / "new.npy").exists() and (tmp_path / "empty").exists():
            (tmp_path / ("empty" if name == "an empty file's" else "new.npy")).replace(at)

    mapped = np.load(at, mmap_mode="r")
    if when == "before":
        move()
    got = stream_surface(mapped, 0.1, slab_planes=3, progress=move)
    assert_same(got, isosurface(NOISE, 0.1))


@pytest.mark.skipif(sys.platform != "linux", reason="counts what is open as Linux tells it")
def test_a_maps_file_is_closed_in_the_end(tmp_path):
    np.save(tmp_path / "vol.npy", NOISE)
    mapped = np.load(tmp_path / "vol.npy", mmap_mode="r")
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        stream_surface(mapped, 0.1, slab_planes=5)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@needs_zarr_3
def test_zarr_in_and_out(tmp_path):
    vol = volumes.noise(SHAPE)
    store = zarr.create_array(tmp_path / "vol.zarr", data=vol, chunks=(8, 8, 16))
    want = isosurface(vol, 0.1, normals=True)
    done = stream_surface(store, 0.1, tmp_path / "mesh.zarr", normals=True)
    written = zarr.open_group(tmp_path / "mesh.zarr", mode="r")
    for name in ("verts", "faces", "normals"):
        assert written[name][...].tobytes() == getattr(want, name).numpy().tobytes()
    assert done == (tmp_path / "mesh.zarr", len(want.verts), len(want.faces))
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("real", [torch.float32, torch.float64])
@pytest.mark.parametrize("normals", [False, True])
def test_ply_and_npy_hold_the_mesh(tmp_path, real, normals):
    vol = volumes.noise(SHAPE)
    want = isosurface(vol, 0.1, dtype=real, origin=1e4, normals=normals)
    options = {"slab_planes": 4, "dtype": real, "origin": 1e4, "normals": normals}
    for _ in range(2):  # the second one replaces the first
        done = stream_surface(vol, 0.1, tmp_path / "m.ply", **options)
        stream_surface(vol, 0.1, tmp_path / "m", **options)
    assert done == (tmp_path / "m.ply", len(want.verts), len(want.faces))
    text = (tmp_path / "m.ply").read_bytes()
    head, body = text.split(b"end_header\n", 1)
    assert re.search(rb"element vertex (\d+)", head)[1] == str(len(want.verts)).encode()
    row = [("at", "<f8" if real == torch.float64 else "<f4", 3)] + [("normal", "<f4", 3)] * normals
    verts = np.frombuffer(body, row, len(want.verts))
    faces = np.frombuffer(body[verts.nbytes :], [("count", "u1"), ("corners", "<i4", 3)])
    assert verts["at"].tobytes() == want.verts.numpy().tobytes()
    assert faces["corners"].tobytes() == want.faces.numpy().tobytes()
    assert set(faces["count"]) == {3}
    if normals:
        assert verts["normal"].tobytes() == want.normals.float().numpy().tobytes()
    assert len(trimesh.load_mesh(tmp_path / "m.ply", process=False).faces) == len(want.faces)
    for name in ("verts", "faces") + ("normals",) * normals:
        assert np.load(tmp_path / "m" / f"{name}.npy").tobytes() == getattr(want, name).numpy().tobytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "m.ply"]


@needs_zarr_3
def test_more_vertices_than_int32_counts(tmp_path, monkeypatch):
    """Faces become int64, those that are written already too; in a PLY they are unsigned."""
    vol = volumes.noise(SHAPE)
    want = isosurface(vol, 0.1)
    for module in (slab, writers):
        monkeypatch.setattr(module, "INT32_MAX", len(want.verts) // 2)
    monkeypatch.setattr("torchmcubes_bw.streaming.ply.INT32_MAX", len(want.verts) // 2)
    monkeypatch.setattr(rows, "_CHUNK", 1000)
    faces = want.faces.long().numpy()
    got = stream_surface(vol, 0.1, slab_planes=4)
    assert got.faces.dtype == torch.int64
    assert got.faces.numpy().tobytes() == faces.tobytes()
    for output in ("m.ply", "m", "m.zarr"):
        stream_surface(vol, 0.1, tmp_path / output, slab_planes=4)
    assert np.load(tmp_path / "m" / "faces.npy").tobytes() == faces.tobytes()
    assert zarr.open_group(tmp_path / "m.zarr", mode="r")["faces"][...].tobytes() == faces.tobytes()
    assert b"property list uchar uint vertex_indices" in (tmp_path / "m.ply").read_bytes()
    assert len(list((tmp_path / "m").iterdir())) == 2


def test_a_ply_holds_no_more_than_it_can_count(tmp_path, monkeypatch):
    monkeypatch.setattr("torchmcubes_bw.streaming.ply._MOST", 1000)
    with pytest.raises(
        ValueError, match=r"a \.ply file must have at most 1000 vertices, got \d+: write \.zarr"
    ):
        stream_surface(volumes.noise(SHAPE), 0.1, tmp_path / "m.ply")
    assert list(tmp_path.iterdir()) == []


def test_the_header_has_room_for_any_count():
    writer = PlyWriter(io.BytesIO(), None, np.dtype("f8"), True, "made")
    writer.vertices = writer.triangles = 2**40
    assert len(writer._header()) == 512


@pytest.mark.parametrize("shape", [(1, 5, 5), (5, 1, 5), (5, 5, 1), (1, 1, 1), (2, 2, 2)])
def test_small_sides(shape):
    vol = volumes.noise(shape)
    for border, height in itertools.product(("open", "closed"), (1, 2, None)):
        got = stream_surface(vol, 0.0, border=border, slab_planes=height)
        assert_same(got, isosurface(vol, 0.0, border=border))


def test_a_slab_with_a_large_mesh_is_emitted_in_parts(monkeypatch):
    vol = volumes.noise((64, 40, 40))
    sizes = []
    emit = slab.emit

    def counted(*arguments):
        piece = emit(*arguments)
        sizes.append(piece.verts.nbytes + piece.faces.nbytes)
        return piece

    monkeypatch.setattr("torchmcubes_bw.streaming.walk.emit", counted)
    assert_same(stream_surface(vol, 0.1, slab_planes=64, max_memory="6MB"), isosurface(vol, 0.1))
    assert len(sizes) > 3
    assert max(sizes) < 1.5e6


def test_layers_of_a_store_are_read_once():
    asked = slab.Asked((100, 1000, 1000), "float32", 0.0)

    class Chunked:
        shape, dtype, layer, passing = (100, 1000, 1000), "float32", 24, 4

        def held(self):
            return None

    from torchmcubes_bw.streaming.budget import budget

    assert budget(asked, Chunked(), None, 10**9, None).planes == 24
    cuts = list(ahead.cuts(asked, 24))
    assert [cut[2:] for cut in cuts] == [(0, 24), (24, 48), (48, 72), (72, 96), (96, 100)]
    assert cuts[-1][:2] == (95, 100)


@pytest.mark.parametrize(
    "text, size",
    [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("800mb", 8 * 10**8), ("7", 7), (12, 12), ("1T", 10**12)],
)
def test_memory(text, size):
    assert memory(text) == size


@pytest.mark.parametrize(
    "kind, text, call",
    [
        (
            TypeError,
            "vol must have shape, dtype and slicing, or be a function f(z0, z1), got list",
            ([[1]], 0),
        ),
        (TypeError, "vol is a function of planes, which needs shape=(Nz, Ny, Nx), got None", (broken, 0)),
        (ValueError, "vol must have 3 dimensions (Nz, Ny, Nx), got shape (2, 3)", (np.ones((2, 3)), 0)),
        (ValueError, "vol must have no empty side, got shape (0, 3, 3)", (np.ones((0, 3, 3)), 0)),
        (TypeError, "vol must have a real dtype, got complex128", (np.ones((3, 3, 3), complex), 0)),
        *(
            (
                TypeError,
                f"shape must be three integers (Nz, Ny, Nx), got {shape!r}",
                (broken, 0, {"shape": shape}),
            )
            for shape in ((16.9, 17, 18), "abc", 16, (16, 17), np.ones(3))
        ),
        (TypeError, "shape must be three integers (Nz, Ny, Nx), got 'abc'", (NOISE, 0, {"shape": "abc"})),
        (
            ValueError,
            "shape must be that of vol, (23, 19, 70), or None, got (23, 19, 71)",
            (NOISE, 0, {"shape": (23, 19, 71)}),
        ),
        (
            ValueError,
            "shape must be that of vol, (23, 19, 70), or None, got [70, 19, 23]",
            (torch.from_numpy(NOISE), 0, {"shape": [70, 19, 23]}),
        ),
        (TypeError, "vol must have no masked elements, got 1: pass vol.filled(...)", (HIDDEN, 0)),
        (
            TypeError,
            "vol(0, 1) must have no masked elements, got 1",
            (given(HIDDEN[17:]), 0, {"shape": SHAPE}),
        ),
        (
            RuntimeError,
            "planes 15 to 19 of vol cannot be read: vol(15, 20) must have no masked elements, got 1",
            (given(HIDDEN), 0, {"shape": SHAPE, "slab_planes": 5}),
        ),
        (
            TypeError,
            "mask must have no masked elements, got 1: pass mask.filled(...)",
            (NOISE, 0, {"mask": HIDDEN > -9}),
        ),
        (
            RuntimeError,
            "planes 15 to 19 of vol cannot be read: mask(15, 20) must have no masked elements, got 1",
            (NOISE, 0, {"mask": given(HIDDEN > -9), "slab_planes": 5}),
        ),
        (TypeError, "mask must have dtype bool, got float32", (NOISE, 0, {"mask": NOISE})),
        (
            ValueError,
            "mask must have the shape of vol, (23, 19, 70), got shape (22, 19, 70)",
            (NOISE, 0, {"mask": MASK[1:]}),
        ),
        (
            TypeError,
            "max_memory must be a number of bytes, as \"2GB\", got 'lots'",
            (NOISE, 0, {"max_memory": "lots"}),
        ),
        *(
            (
                TypeError,
                f'max_memory must be a number of bytes, as "2GB", got {size!r}',
                (NOISE, 0, {"max_memory": size}),
            )
            for size in (float("nan"), float("inf"), "9" * 400, True)
        ),
        (ValueError, "max_memory must be above 0, got 0", (NOISE, 0, {"max_memory": 0})),
        (ValueError, "max_memory must be above 0, got 0.1B", (NOISE, 0, {"max_memory": "0.1B"})),
        (
            ValueError,
            "max_memory must be at least 5MB for planes of 19 x 70 samples, got 0.001MB",
            (NOISE, 0, {"max_memory": 1000}),
        ),
        (TypeError, "slab_planes must be an integer, got float", (NOISE, 0, {"slab_planes": 1.5})),
        (TypeError, "slab_planes must be an integer, got ndarray", (NOISE, 0, {"slab_planes": np.ones(2)})),
        (ValueError, "slab_planes must be at least 1, got 0", (NOISE, 0, {"slab_planes": 0})),
        (
            ValueError,
            "output must end in .ply or .zarr, or be a folder without an ending, got m.obj",
            (NOISE, 0, {"output": "m.obj"}),
        ),
        (
            RuntimeError,
            "planes 10 to 14 of vol cannot be read: the chunk's checksum is wrong",
            (broken, 0, {"shape": SHAPE, "slab_planes": 5}),
        ),
        (
            RuntimeError,
            "planes 5 to 9 of vol cannot be read: "
            "vol(5, 10) must have shape (5, 19, 70), got shape (4, 19, 70)",
            (lambda a, b: NOISE[a : min(b, 9)], 0, {"shape": SHAPE, "slab_planes": 5}),
        ),
        (
            RuntimeError,
            "planes 0 to 4 of vol cannot be read: vol(0, 5) must have dtype float32, got float64",
            (lambda a, b: NOISE[a:b].astype("f8" if b > 1 else "f4"), 0, {"shape": SHAPE, "slab_planes": 5}),
        ),
        (
            ValueError,
            "vol must not contain NaN, got 1 NaN sample in the slab of planes 14 to 19, "
            'the first at vol[17, 2, 3] (nan="skip" passes over them)',
            (nan_at(NOISE, 17, 2, 3), 0, {"slab_planes": 5}),
        ),
        (
            ValueError,
            "vol must not contain NaN where mask is True, got one in the slab of planes 12 to 19 "
            '(nan="skip" passes over them)',
            (nan_at(NOISE, 17, 2, 3), 0, {"slab_planes": 5, "mask": np.ones_like(MASK)}),
        ),
    ],
)
def test_error(kind, text, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vol, level, options = (*call, {})[:3]
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        stream_surface(vol, level, **{"output": "m.ply"} | options)
    assert list(tmp_path.iterdir()) == []


def test_the_file_that_was_there_stays_where_a_run_fails(tmp_path):
    out = tmp_path / "m.ply"
    out.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="cannot be read"):
        stream_surface(broken, 0.0, out, shape=SHAPE, slab_planes=5)
    assert out.read_bytes() == b"old"


def test_named_where_a_file_cannot_be_without(tmp_path, monkeypatch):
    """A system without O_TMPFILE, or without /proc."""

    def refused(*_):
        raise OSError

    monkeypatch.setattr(whole, "_name", refused)
    stream_surface(NOISE, 0.1, tmp_path / "m.ply")
    assert len(trimesh.load_mesh(tmp_path / "m.ply", process=False).faces) == len(
        isosurface(NOISE, 0.1).faces
    )
    with pytest.raises(RuntimeError, match="cannot be read"):
        stream_surface(broken, 0.0, tmp_path / "n.ply", shape=SHAPE, slab_planes=5)
    assert [p.name for p in tmp_path.iterdir()] == ["m.ply"]


def test_progress():
    said = []
    stream_surface(NOISE, 0.1, slab_planes=10, progress=lambda done, all_: said.append((done, all_)))
    assert said[-1] == (23, 23)
    assert [done for done, _ in said] == sorted(done for done, _ in said)
