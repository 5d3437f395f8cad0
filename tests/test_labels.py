# SPDX-License-Identifier: MIT
"""The surfaces of labels: against the slow reference, for every dtype, border, level and thread count."""

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import reference
import torch
from conftest import mesh_hash
from mesh_checks import is_closed, is_closed_away_from_border, signed_volume, uses_every_vertex
from torchmcubes_bw import LabelSurfaces, _core, fields, label_surfaces, marching_cubes
from torchmcubes_bw.arguments.labels import labels as checked_labels
from torchmcubes_bw.backends import choose

DTYPES = ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")


def blobs(shape, count, seed=0, size=3):
    """Labels from 0 to count - 1 in lumps, with single ones strewn in."""
    generator = np.random.default_rng(seed)
    lumps = generator.integers(0, count, [-(-n // size) for n in shape])
    labels = np.kron(lumps, np.ones((size,) * 3, int))[tuple(slice(n) for n in shape)].copy()
    strewn = generator.random(shape) < 0.1
    labels[strewn] = generator.integers(0, count, strewn.sum())
    return labels


def expected(labels, label, border="open", spacing=(1, 1, 1), origin=(0, 0, 0)):
    """The reference's surface of one label: of a volume that is 1 in it and 0 elsewhere."""
    own = (labels == label).astype(np.float32)
    if border == "closed":
        verts, faces = reference.marching_cubes(np.pad(own, 1), 0.5)
        verts = np.clip(verts - 1, 0, np.array(labels.shape[::-1]) - 1)
    else:
        verts, faces = reference.marching_cubes(own, 0.5)
    world = verts.reshape(-1, 3).astype(np.float64) * spacing + origin
    return world.astype(np.float32), faces.reshape(-1, 3)[:, [0, 2, 1]]


def agree(surfaces, labels, wanted, **options):
    assert [label for label, _, _ in surfaces] == sorted(wanted)
    for label, verts, faces in surfaces:
        want_verts, want_faces = expected(labels, label, **options)
        assert np.array_equal(verts, want_verts), label
        assert np.array_equal(faces, want_faces), label


@pytest.mark.parametrize("border", ["open", "closed"])
@pytest.mark.parametrize(
    "shape", [(5, 6, 7), (2, 2, 2), (1, 5, 5), (5, 1, 5), (5, 5, 1), (1, 1, 1), (2, 3, 140)]
)
def test_the_reference_agrees(shape, border):
    labels = blobs(shape, 4)
    agree(label_surfaces(labels, border=border), labels, set(np.unique(labels)) - {0}, border=border)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype):
    labels = blobs((6, 7, 8), 2 if dtype == "bool" else 4).astype(dtype)
    if dtype.startswith("int"):
        labels -= 2
    surfaces = label_surfaces(labels, background=None)
    agree(surfaces, labels, set(np.unique(labels).tolist()))
    assert surfaces.labels.numpy().dtype == labels.dtype
    assert surfaces.labels.tolist() == np.unique(labels).tolist()


@pytest.mark.parametrize(
    "dtype, values",
    [
        ("uint64", [0, 1, 2**63 - 1, 2**63, 2**64 - 1]),
        ("int64", [-(2**63), -1, 0, 1, 2**63 - 1]),
        ("int8", [-128, -1, 0, 1, 127]),
        ("uint32", [0, 2**31, 2**32 - 1]),
    ],
)
def test_extreme_labels_keep_their_order(dtype, values):
    labels = np.array(values, dtype)[blobs((5, 6, 7), len(values))]
    agree(label_surfaces(labels, background=None), labels, values)
    agree(label_surfaces(labels, background=values[-1]), labels, values[:-1])
    agree(label_surfaces(labels, only=[values[-1], values[0]]), labels, [values[0], values[-1]])


def test_every_byte_but_0_of_a_bool_is_true():
    bytes_ = blobs((5, 6, 7), 4).astype(np.uint8)
    surfaces = label_surfaces(torch.from_numpy(bytes_).view(torch.bool))
    agree(surfaces, bytes_ != 0, [True])


def test_strides_need_no_copy():
    base = blobs((6, 7, 8), 4)
    for view in (base[::2, 1::3, ::2], base.transpose(2, 0, 1), np.broadcast_to(base[:1, :, :5], (4, 7, 5))):
        agree(label_surfaces(view), view, {1, 2, 3})
    tensor = torch.from_numpy(base)
    agree(label_surfaces(tensor.permute(2, 1, 0)[1:]), base.transpose(2, 1, 0)[1:], {1, 2, 3})


def test_spacing_and_origin_are_those_of_isosurfaces():
    labels = blobs((5, 6, 7), 3)
    place = {"spacing": (0.7, 1.3, 2.9), "origin": (1e6, -3.3, 0.1)}
    agree(label_surfaces(labels, **place), labels, {1, 2}, **place)
    same = label_surfaces(labels, spacing=torch.tensor([2, 2, 2]), origin=np.float32(1))
    agree(same, labels, {1, 2}, spacing=(2, 2, 2), origin=(1, 1, 1))


def test_a_label_that_is_not_there_has_no_vertices():
    labels = blobs((5, 6, 7), 3)
    surfaces = label_surfaces(labels, only=torch.tensor([9, 1, 9, 0]))
    assert [(label, len(verts) > 0) for label, verts, _ in surfaces] == [(0, True), (1, True), (9, False)]
    assert surfaces[9][0].shape == surfaces[9][1].shape == (0, 3)
    for nothing in (label_surfaces(labels, only=[]), label_surfaces(np.zeros((3, 3, 3), int))):
        assert len(nothing) == 0
        assert nothing.verts.shape == nothing.faces.shape == (0, 3)
        assert nothing.vert_offsets.tolist() == nothing.face_offsets.tolist() == [0]


def test_one_label_alone_is_open_without_vertices_and_closed_a_box():
    labels = np.full((4, 5, 6), 3)
    assert len(label_surfaces(labels)[3][0]) == 0
    verts, faces = label_surfaces(labels, border="closed")[3]
    assert is_closed(faces)
    assert signed_volume(verts, faces) == pytest.approx(3 * 4 * 5)


@pytest.mark.parametrize("seed", range(3))
def test_surfaces_are_closed_and_face_outward(seed):
    labels = np.random.default_rng(seed).integers(0, 6, (14, 15, 16))
    for label, verts, faces in label_surfaces(labels, border="closed"):
        assert is_closed(faces), label
        assert uses_every_vertex(verts, faces)
        assert signed_volume(verts, faces) > 0
    for _, verts, faces in label_surfaces(labels):
        assert is_closed_away_from_border(verts, faces, labels.shape)
        assert uses_every_vertex(verts, faces)


def test_the_surface_is_that_of_marching_cubes():
    labels = (fields.sample("gyroid", 40).numpy() > 0) + (fields.sample("sphere", 40).numpy() > 0) * 2
    for label, verts, faces in label_surfaces(labels):
        want_verts, want_faces = marching_cubes((labels == label).astype(np.float32), 0.5)
        assert torch.equal(verts, want_verts)
        assert torch.equal(faces, want_faces[:, [0, 2, 1]])


def many():
    """More labels than a batch of bits holds, one that all threads work on together, and many small ones."""
    scattered = np.zeros((96, 96, 96), np.uint8)
    scattered[::2, ::2, 48:] = np.random.default_rng(0).integers(0, 200, (48, 48, 48))
    ball = (fields.sample("sphere", 96).numpy() < 0).astype(np.uint8)
    return {"scattered": scattered, "ball": ball, "small": blobs((40, 41, 130), 300)}


def current_hashes():
    found = {}
    for name, labels in many().items():
        surfaces = label_surfaces(labels, border="closed" if name == "small" else "open")
        found[name] = mesh_hash(surfaces.verts, surfaces.faces) + mesh_hash(*[surfaces.vert_offsets] * 2)
    return found


def test_thread_counts(threads):
    threads(1)
    want = current_hashes()
    for count in (2, 7):
        threads(count)
        assert current_hashes() == want


SNIPPET = """
import sys; sys.path.insert(0, {tests!r})
import json, test_labels as t
from torchmcubes_bw import _core
print(json.dumps([_core.simd_level(), t.current_hashes()]))
"""


def test_simd_levels(run_python):
    want = current_hashes()
    for level in _core.simd_levels():
        code = SNIPPET.format(tests=str(Path(__file__).parent))
        assert json.loads(run_python(code, TORCHMCUBES_SIMD=level)) == [level, want]


def test_batches_of_labels_give_the_same_surfaces():
    labels = many()["scattered"]
    surfaces = label_surfaces(labels)
    assert len(surfaces) == 199
    for label in (1, 70, 199):
        verts, faces = marching_cubes((labels == label).astype(np.float32), 0.5)
        assert torch.equal(surfaces[label][0], verts)
        assert torch.equal(surfaces[label][1], faces[:, [0, 2, 1]])


def test_what_the_result_is():
    surfaces = label_surfaces(torch.from_numpy(blobs((5, 6, 7), 3)))
    assert isinstance(surfaces, LabelSurfaces)
    assert len(surfaces) == 2
    assert 1 in surfaces
    assert 0 not in surfaces
    assert surfaces.verts.dtype == torch.float32
    assert surfaces.faces.dtype == torch.int32
    assert surfaces.vert_offsets[-1] == len(surfaces.verts)
    assert surfaces.face_offsets[-1] == len(surfaces.faces)
    assert surfaces[1][0].data_ptr() == surfaces.verts.data_ptr()
    assert torch.equal(torch.cat([verts for _, verts, _ in surfaces]), surfaces.verts)
    assert repr(surfaces).startswith("LabelSurfaces(2 labels, ")
    assert all(label in surfaces and len(surfaces[label]) == 2 for label in surfaces.labels)
    for label in ("1", 1.0):
        assert label not in surfaces
        with pytest.raises(TypeError, match=re.escape(f"label must be an integer, got {label!r}")):
            surfaces[label]
    with pytest.raises(KeyError, match="label 5 is none of the 2 with a surface here"):
        surfaces[5]


def test_another_device_is_told_once(monkeypatch):
    """A tensor that says it is elsewhere: what matters is the way round by the CPU."""
    labels = torch.from_numpy(blobs((5, 6, 7), 3))
    asked = checked_labels(labels, 0, None, 1, 0, "open")
    asked = asked._replace(volume=asked.volume._replace(device=torch.device("mps")))
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device: (self, device)[0])
    monkeypatch.setattr(choose, "_warned", set())
    with pytest.warns(RuntimeWarning, match="on the CPU for a tensor on mps: its kernels know no labels"):
        told = choose.label_surfaces(asked)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = choose.label_surfaces(asked)
    assert torch.equal(told.verts, label_surfaces(labels).verts)
    assert torch.equal(again.faces, told.faces)


SMALL = np.zeros((3, 3, 3), np.int16)


@pytest.mark.parametrize(
    "labels, options, error, text",
    [
        ([1], {}, TypeError, "labels must be a torch.Tensor or numpy.ndarray, got list"),
        (SMALL.astype(float), {}, TypeError, "labels must have an integer dtype or bool, got torch.float64"),
        (SMALL[0], {}, ValueError, "labels must have 3 dimensions (Nz, Ny, Nx), got shape (3, 3)"),
        (SMALL[:0], {}, ValueError, "labels must have no empty side, got shape (0, 3, 3)"),
        (
            torch.zeros(1, 1, 1, dtype=torch.int8).expand(1, 1, 2**29 + 1),
            {},
            ValueError,
            "labels must have at most 2^29 samples along x, got shape (1, 1, 536870913)",
        ),
        (SMALL, {"background": 0.5}, TypeError, "background must be an integer or None, got float"),
        (SMALL, {"only": 3}, TypeError, "only must be an iterable of labels, got int"),
        (SMALL, {"only": "12"}, TypeError, "only must be an iterable of labels, got str"),
        (SMALL, {"only": [1.0]}, TypeError, "only must be integers, got float"),
        (
            SMALL,
            {"only": [1, 40000]},
            ValueError,
            "only must hold labels of int16, -32768 to 32767, got 40000",
        ),
        (
            SMALL,
            {"spacing": (1, 2)},
            TypeError,
            "spacing must be a number or three numbers (x, y, z), got (1, 2)",
        ),
        (SMALL, {"spacing": 0}, ValueError, "spacing must be positive, got 0"),
        (SMALL, {"origin": float("nan")}, ValueError, "origin must be finite, got nan"),
        (SMALL, {"border": "shut"}, ValueError, 'border must be "open" or "closed", got "shut"'),
    ],
)
def test_errors_repeat_what_came(labels, options, error, text):
    with pytest.raises(error) as caught:
        label_surfaces(labels, **options)
    assert str(caught.value) == text


def test_a_background_that_the_dtype_lacks_leaves_nothing_out():
    labels = blobs((4, 5, 6), 3).astype(np.uint8)
    agree(label_surfaces(labels, background=-1), labels, {0, 1, 2})
    agree(label_surfaces(labels, background=256), labels, {0, 1, 2})


def test_zmesh_agrees():
    zmesh = pytest.importorskip("zmesh")
    for border in ("open", "closed"):
        for seed in range(3):
            labels = np.random.default_rng(seed).integers(0, 7, (20, 21, 22)).astype(np.uint32)
            mesher = zmesh.Mesher((1, 1, 1))
            mesher.mesh(labels, close=border == "closed")
            for label, verts, faces in label_surfaces(labels, border=border):
                theirs = mesher.get(label, normals=False, reduction_factor=0)
                assert (len(verts), len(faces)) == (len(theirs.vertices), len(theirs.faces))
