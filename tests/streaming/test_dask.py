# SPDX-License-Identifier: MIT
"""The mesh of a Dask array is the in-core mesh, byte for byte: threads, processes, a cluster, any chunks."""

import errno
import json
import os
import re
import signal
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import h5py
import numpy as np
import pytest
import trimesh
import volumes
import zarr
from torchmcubes_bw import isosurface, stream_surface

dask = pytest.importorskip("dask")
import dask.array as da  # noqa: E402
import streaming_cases as cases  # noqa: E402
from torchmcubes_bw import dask as on_dask  # noqa: E402

SHAPE = cases.SHAPE
ODD = ((4, 7, 33), ((1, 2, 20), (19,), (70,)), (1, 19, 70))
pytestmark = [
    pytest.mark.filterwarnings("ignore:vol has chunks of:UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of the cluster's own sockets, at its end
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    """Two workers, processes of one thread."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        )
        with made, distributed.Client(made) as client:
            yield client


def assert_same(got, want):
    for array, tensor in zip(got, want, strict=True):
        assert (array.dtype, array.shape) == (tensor.numpy().dtype, tuple(tensor.shape))
        assert array.tobytes() == tensor.numpy().tobytes()


def computed(vol, level, chunks, how, **options):
    return dask.compute(*on_dask.marching_cubes(da.from_array(vol, chunks=chunks), level, **options), **how)


@pytest.mark.parametrize("kind", ["smooth", "thin", "noise"])
@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8"])
def test_threads(kind, dtype):
    vol, level = cases.cast(cases.fields()[kind], dtype)
    if dtype == "float32":
        vol = np.where(cases.NAN, np.float32("nan"), vol)
    for chunks in ODD:
        for options in ({}, {"mask": cases.MASK, "border": "closed", "spacing": (1, 2, 3), "origin": 5}):
            want = isosurface(vol, level, nan="skip", **options)
            how = {"scheduler": "threads", "num_workers": 2}
            assert_same(computed(vol, level, chunks, how, nan="skip", **options), want)


def everywhere():
    """Return each kind of volume in each type with its level, under one of the odd chunkings in turn."""
    made = [
        cases.cast(vol, dtype) for vol in cases.fields().values() for dtype in ("float32", "int16", "uint8")
    ]
    return [(vol, level, ODD[k % len(ODD)]) for k, (vol, level) in enumerate(made)]


def test_processes():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        how = {"scheduler": "processes", "pool": pool}
        for vol, level, chunks in everywhere():
            assert_same(computed(vol, level, chunks, how), isosurface(vol, level))


def test_a_cluster(cluster):
    assert cluster is not None
    for vol, level, chunks in everywhere():
        options = {"mask": cases.MASK, "border": "closed"}
        assert_same(computed(vol, level, chunks, {}, **options), isosurface(vol, level, **options))


def die_once(block, marker):
    """Kill the worker that does this first, in the middle of a run."""
    try:
        with open(marker, "x"):  # noqa: PTH123
            pass
    except FileExistsError:
        return block
    os.kill(os.getpid(), signal.SIGKILL)
    return block


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_a_worker_that_dies_changes_nothing(cluster, tmp_path):
    assert cluster is not None
    vol = volumes.noise(SHAPE)
    array = da.from_array(vol, chunks=(5, 19, 70)).map_blocks(
        die_once, str(tmp_path / "dead"), dtype=vol.dtype, meta=vol[:0]
    )
    got = dask.compute(*on_dask.marching_cubes(array, 0.1))
    assert (tmp_path / "dead").exists()
    assert_same(got, isosurface(vol, 0.1))


@pytest.mark.parametrize("slabs", [1, 2, 16, 17, 40, 300])
def test_the_scan_is_a_tree(slabs):
    counts = [(k % 7, 3 * k % 11) for k in range(slabs)]
    tasks = on_dask._scan([dask.delayed(count) for count in counts])
    got = dask.compute(*tasks, scheduler="sync")
    vertices = sum(v for v, _ in counts)
    want = [(sum(v for v, _ in counts[:k]), sum(t for _, t in counts[:k]), vertices) for k in range(slabs)]
    assert list(got) == want


@cases.needs_zarr_3
@pytest.mark.parametrize("shape", [SHAPE, (9, 2, 2)])
def test_written_to_zarr_and_parts(shape, tmp_path, monkeypatch):
    monkeypatch.setattr("torchmcubes_bw.streaming.rows._CHUNK", 5000)
    vol = volumes.noise(shape)
    want = isosurface(vol, 0.1)
    array = da.from_array(vol, chunks=(4, -1, -1))
    with dask.config.set(scheduler="threads"):
        done = on_dask.write(array, 0.1, tmp_path / "m.zarr")
        on_dask.write(array, 0.1, tmp_path / "parts")
        joined = on_dask.join(tmp_path / "parts", tmp_path / "m.ply")
    assert done == (tmp_path / "m.zarr", len(want.verts), len(want.faces))
    assert joined[1:] == done[1:]
    written = zarr.open_group(tmp_path / "m.zarr", mode="r")
    for name in ("verts", "faces"):
        assert written[name][...].tobytes() == getattr(want, name).numpy().tobytes()
    body = (tmp_path / "m.ply").read_bytes().split(b"end_header\n", 1)[1]
    verts = np.frombuffer(body, "f4", 3 * len(want.verts))
    faces = np.frombuffer(body[verts.nbytes :], [("count", "u1"), ("corners", "<i4", 3)])
    assert verts.tobytes() == want.verts.numpy().tobytes()
    assert faces["corners"].tobytes() == want.faces.numpy().tobytes()
    one = trimesh.load_mesh(tmp_path / "parts" / "part-000001.ply", process=False)
    assert one.faces.max(initial=0) >= 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.ply", "m.zarr", "parts"]


@cases.needs_zarr_3
def test_only_a_mesh_of_ours_is_replaced(tmp_path):
    vol = volumes.noise(SHAPE)
    made = zarr.open_group(tmp_path / "verts.zarr", mode="w").create_array("verts", data=vol)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "part-9.stl").write_bytes(b"years")
    stored = da.from_zarr(tmp_path / "verts.zarr" / "verts")
    held = da.from_array(made, chunks=(9, -1, -1), inline_array=True) + 1
    foreign = r"output must be new, or hold nothing but .*, got the folder .*precious with part-9\.stl$"
    own = (("vol", stored, None), ("vol", held, None), ("mask", da.ones(SHAPE), held > 0))
    with dask.config.set(scheduler="threads"):
        with pytest.raises(ValueError, match=foreign):
            on_dask.write(da.from_array(vol), 0.1, tmp_path / "precious")
        for name, array, mask in own:
            with pytest.raises(
                ValueError, match=f"output must not be what {name} is read from, .*verts, nor"
            ):
                on_dask.write(array, 0.1, tmp_path / "verts.zarr", mask=mask)
        with h5py.File(tmp_path / "vol.ply", "w") as file:
            array = da.from_array(file.create_dataset("ct", data=vol))
            with pytest.raises(
                ValueError, match=r"output must not be what vol is read from, .*vol\.ply, nor"
            ):
                stream_surface(array, 0.1, tmp_path / "vol.ply")
        for level in (0.1, 0.2):
            done = on_dask.write(da.from_array(vol, chunks=(9, -1, -1)), level, tmp_path / "parts")
        with pytest.raises(
            ValueError, match=r"output must not be what parts is read from, .*part-000001\.ply"
        ):
            on_dask.join(tmp_path / "parts", tmp_path / "parts" / "part-000001.ply")
        assert on_dask.join(tmp_path / "parts", tmp_path / "m.ply")[1:] == done[1:]
        stream_surface(vol, 0.1, tmp_path / "parts")
    assert (tmp_path / "precious" / "part-9.stl").read_bytes() == b"years"
    assert np.array_equal(made[...], vol)


def test_a_part_that_is_not_as_the_manifest_says(tmp_path):
    with dask.config.set(scheduler="threads"):
        on_dask.write(da.from_array(volumes.noise(SHAPE), chunks=(9, -1, -1)), 0.1, tmp_path / "parts")
    part = tmp_path / "parts" / "part-000001.ply"
    part.write_bytes(part.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"must have the size that manifest\.json says, got"):
        on_dask.join(tmp_path / "parts", tmp_path / "m.ply")
    assert not (tmp_path / "m.ply").exists()
    with pytest.raises(ValueError, match=r"parts must be a folder with a manifest\.json, got"):
        on_dask.join(tmp_path, tmp_path / "m.ply")


@pytest.fixture
def parts(tmp_path):
    """A folder of parts."""
    with dask.config.set(scheduler="threads"):
        on_dask.write(da.from_array(volumes.noise(SHAPE), chunks=(9, -1, -1)), 0.1, tmp_path / "parts")
    return tmp_path / "parts"


@pytest.mark.parametrize("name", ["vol.npy", "m.zarr", "m.xyz", "m", "parts"])
def test_a_joined_mesh_is_a_ply(name, parts):
    output = parts.parent / name
    if name != "parts":
        output.write_bytes(b"years")
    with pytest.raises(ValueError, match=rf"^output must end in \.ply, got {re.escape(str(output))}$"):
        on_dask.join(parts, output)
    assert output.is_dir() or output.read_bytes() == b"years"


def test_a_joined_mesh_is_no_folder(parts):
    (parts.parent / "m.ply").mkdir()
    with pytest.raises(ValueError, match=r"^output must be a file, got the folder .*m\.ply$"):
        on_dask.join(parts, parts.parent / "m.ply")


def changed(**items):
    """Return what gives a manifest's text with other items."""
    return lambda text: json.dumps({**json.loads(text), **items})


def changed_part(**items):
    """Return what gives a manifest's text whose first part has other items."""

    def change(text):
        first, *others = json.loads(text)["parts"]
        return changed(parts=[{**first, **items}, *others])(text)

    return change


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-9],
        lambda text: text + "\0",
        lambda _: "[" * 10**5,
        lambda _: "{}",
        lambda _: "[]",
        changed(vertex="zzz"),
        changed(vertex="int32"),
        changed(vertex=[]),
        changed(parts=None),
        changed(parts=[None]),
        lambda text: changed(parts=json.loads(text)["parts"][:-1])(text),
        changed(vertices=5),
        changed_part(file="../m.ply"),
        changed_part(file=5),
        changed_part(vertices=-1),
        changed_part(triangles="5"),
        changed_part(colour=1),
    ],
)
def test_a_damaged_manifest(damage, parts):
    manifest = parts / "manifest.json"
    manifest.write_text(damage(manifest.read_text("utf-8")), "utf-8")
    text = re.escape(f"{manifest} must be as dask.write has written it, and is not")
    with pytest.raises(ValueError, match=f"^{text}$"):
        on_dask.join(parts, parts.parent / "m.ply")
    assert not (parts.parent / "m.ply").exists()


def test_a_part_that_is_missing_or_cut(parts):
    part, output = parts / "part-000001.ply", parts.parent / "m.ply"
    for left in (600, 100, 0):
        part.write_bytes(part.read_bytes()[:left])
        text = f"{part} must have the size that manifest.json says, got {len(part.read_bytes())} bytes"
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            on_dask.join(parts, output)
    part.unlink()
    text = f"parts must hold what manifest.json lists, and {part}: {os.strerror(errno.ENOENT)}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        on_dask.join(parts, output)
    assert sorted(path.name for path in parts.parent.iterdir()) == ["parts"]


def test_more_vertices_than_int32_counts(monkeypatch):
    monkeypatch.setattr(on_dask, "INT32_MAX", 1000)
    vol = volumes.noise(SHAPE)
    _, faces = computed(vol, 0.1, (7, 19, 70), {"scheduler": "threads"})
    assert faces.dtype == np.int64
    assert faces.tobytes() == isosurface(vol, 0.1).faces.long().numpy().tobytes()


@cases.needs_zarr_3
def test_a_volume_that_changes_between_two_reads(tmp_path):
    vol = volumes.noise(SHAPE)
    reads = []

    def other(block):
        reads.append(1)
        return block + np.float32(len(reads) > 4)

    array = da.from_array(vol, chunks=(7, 19, 70)).map_blocks(other, dtype=vol.dtype, meta=vol[:0])
    text = r"vol must not change while it is read: planes \d+ to \d+ were others when counted"
    with dask.config.set(scheduler="sync"), pytest.raises(RuntimeError, match=text):
        on_dask.write(array, 0.1, tmp_path / "m.zarr")
    assert list(tmp_path.iterdir()) == []


def test_what_it_costs_is_said():
    array = da.from_array(volumes.noise(SHAPE), chunks=(8, 8, 8))
    text = (
        r"vol has chunks of \(8, 8, 8\), and is rechunked to slabs of 8 planes: "
        r"0.000122 GB move between tasks; a slab is 0.0426 MB"
    )
    with pytest.warns(UserWarning, match=text):
        on_dask.marching_cubes(array, 0.1)


@pytest.mark.parametrize(
    "kind, text, vol, options",
    [
        (TypeError, "vol must be a dask.array.Array, got ndarray", np.ones((3, 3, 3)), {}),
        (ValueError, "vol must have 3 dimensions (Nz, Ny, Nx), got shape (3, 3)", da.ones((3, 3)), {}),
        (ValueError, "vol must have no empty side, got shape (0, 3, 3)", da.ones((0, 3, 3)), {}),
        (TypeError, "vol must have a real dtype, got complex128", da.ones((3, 3, 3), dtype=complex), {}),
        (
            TypeError,
            "mask must have dtype bool, got float64",
            da.ones((3, 3, 3)),
            {"mask": da.ones((3, 3, 3))},
        ),
        (
            ValueError,
            "mask must have the shape of vol, (3, 3, 3), got shape (2, 3, 3)",
            da.ones((3, 3, 3)),
            {"mask": np.ones((2, 3, 3), bool)},
        ),
        *(
            (TypeError, f"slab_planes must be an integer, got {kind}", da.ones((3, 3, 3)), {"slab_planes": n})
            for n, kind in ((True, "bool"), (2.5, "float"), ("x", "str"), (np.ones(2), "ndarray"))
        ),
        *(
            (ValueError, f"slab_planes must be at least 1, got {n}", da.ones((3, 3, 3)), {"slab_planes": n})
            for n in (0, -1, -5)
        ),
    ],
)
def test_error(kind, text, vol, options):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        on_dask.marching_cubes(vol, 0.5, **options)


@pytest.mark.parametrize("planes", [1, np.int64(5), 10**30])
def test_a_slab_of_some_planes(planes):
    want = isosurface(cases.NOISE, 0.1)
    with dask.config.set({"array.rechunk.method": "tasks"}):  # the cluster's own needs the cluster
        assert_same(computed(cases.NOISE, 0.1, 7, {"scheduler": "sync"}, slab_planes=planes), want)


def test_unknown_chunks_and_other_endings(tmp_path):
    vol = da.ones((6, 3, 3))
    with pytest.raises(ValueError, match="vol must have chunks of known sizes, got shape"):
        on_dask.marching_cubes(vol[vol[:, 0, 0] > 0], 0.5)
    with pytest.raises(ValueError, match=r"output must end in \.zarr, or be a folder without an ending, got"):
        on_dask.write(vol, 0.5, tmp_path / "m.ply")


@pytest.mark.parametrize("name", ["vol", "mask"])
def test_masked_elements(name):
    hidden = np.ma.masked_array(volumes.noise(SHAPE), np.zeros(SHAPE, bool))
    assert_same(computed(hidden, 0.1, 7, {"scheduler": "sync"}), isosurface(hidden.data, 0.1))
    hidden[17, 2, 3] = np.ma.masked
    vol, options = (hidden, {}) if name == "vol" else (hidden.data, {"mask": da.from_array(hidden > -9)})
    text = rf"{name}\[\d+:\d+\] must have no masked elements, got 1"
    cure = re.escape(f": pass dask.array.ma.filled({name}, ...)")
    for chunks in ODD:
        with pytest.raises(TypeError, match=f"^{text}{cure}$"):
            computed(vol, 0.1, chunks, {"scheduler": "sync"}, **options)
    array = da.from_array(vol, chunks=7)
    with pytest.raises(RuntimeError, match=f"^planes 15 to 19 of vol cannot be read: {text}$"):
        stream_surface(array, 0.1, slab_planes=5, **options)


def test_nan_names_its_slab():
    vol = cases.nan_at(cases.NOISE, 17, 2, 3)
    with pytest.raises(ValueError, match=r"in the slab of planes 14 to 20, the first at vol\[17, 2, 3\]"):
        computed(vol, 0.1, (7, 19, 70), {"scheduler": "sync"})


def test_without_dask(run_python):
    code = """
import sys; sys.modules["dask"] = None
try:
    import torchmcubes_bw.dask
except ImportError as error:
    print(error)
"""
    said = run_python(code)
    assert said.startswith("torchmcubes_bw.dask needs dask: pip install 'torchmcubes-bw[dask]' (")
