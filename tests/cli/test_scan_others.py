# SPDX-License-Identifier: MIT
"""MRC, HDF5, zarr, VTK, NRRD, MetaImage, tensors, raw samples: each in its own library's writing."""

import fractions

import fuzz_scans
import h5py
import mrcfile
import numpy as np
import pytest
import safetensors.torch
import scans
import SimpleITK as sitk
import torch
import vtk
import zarr
from vtk.util.numpy_support import numpy_to_vtk

SPACING = np.array([0.8, 1.1, 1.7])
SHAPE = (24, 40, 50)
STRAIGHT = scans.affine(np.diag(SPACING), SHAPE)
BALL = scans.distance(STRAIGHT, SHAPE)
# zarr 3, whose writers these tests use, needs Python 3.11.
needs_zarr = pytest.mark.skipif(int(zarr.__version__.split(".")[0]) < 3, reason="needs zarr 3 to write with")
HERE = ("--spacing", "0.8,1.1,1.7", "--origin", ",".join(f"{v:.6f}" for v in STRAIGHT[:3, 3]))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16", "uint16", "int8"])
@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3)])
def test_mrc(dtype, order, tmp_path):
    path = tmp_path / "ball.mrc"
    values = BALL if "float" in dtype else np.clip(60 - BALL * 20, 0, 120)
    data = values.astype(dtype).transpose([3 - order[k] for k in (2, 1, 0)])
    with mrcfile.new(path) as file:
        file.set_data(np.ascontiguousarray(data))
        file.header.mapc, file.header.mapr, file.header.maps = order
        file.header.mx, file.header.my, file.header.mz = SHAPE[::-1]
        file.header.cella = tuple(SPACING * SHAPE[::-1])
        file.header.origin = tuple(STRAIGHT[:3, 3])
    level = 0 if "float" in dtype else 60
    mesh, output = scans.extracted(tmp_path, path, "--level", level)
    scans.assert_ball(mesh, 0.8)
    assert " angstrom, " in output


def test_mrc_of_a_skewed_cell_that_begins_elsewhere(tmp_path):
    path = tmp_path / "ball.map"
    angles = np.radians([80, 70, 100])
    edges = np.array([[1, np.cos(angles[2]), np.cos(angles[1])], [0, np.sin(angles[2]), 0], [0, 0, 0]])
    edges[1, 2] = (np.cos(angles[0]) - np.cos(angles[1]) * np.cos(angles[2])) / np.sin(angles[2])
    edges[2, 2] = np.sqrt(1 - edges[0, 2] ** 2 - edges[1, 2] ** 2)
    shape, start = (50, 50, 50), np.array([-7, 4, 9])
    place = np.eye(4)
    place[:3, :3] = edges
    place[:3, 3] = edges @ start
    centre = place[:3, 3] + edges @ np.full(3, 24.5)
    with mrcfile.new(path) as file:
        file.set_data(scans.distance(place, shape, centre=centre, radius=12))
        file.header.cella, file.header.cellb = (50, 50, 50), (80, 70, 100)
        file.header.nxstart, file.header.nystart, file.header.nzstart = start
    mesh, _ = scans.extracted(tmp_path, path)
    scans.assert_ball(mesh, 1, centre, 12)


def test_hdf5(tmp_path):
    path = tmp_path / "ball.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("a/ball", data=BALL, compression="gzip")
        data.attrs["element_size_um"] = SPACING[::-1]
        file["table"] = np.zeros(4)
    mesh, output = scans.extracted(tmp_path, path)
    scans.assert_ball(mesh, 0.8, scans.CENTRE - STRAIGHT[:3, 3])
    assert " um, " in output
    with h5py.File(path, "a") as file:
        file["other"] = -BALL
    said = scans.refused(tmp_path, path)
    assert (
        said
        == f"INPUT must name one dataset of 3 dimensions as FILE:/PATH, got {path}:/a/ball, {path}:/other"
    )
    scans.assert_ball(scans.extracted(tmp_path, f"{path}:/other", *HERE)[0], 0.8)
    with h5py.File(path, "a") as file:
        file["empty"], file["text"] = h5py.Empty("f4"), "a text"
    for name in ("nope", "empty"):
        said = scans.refused(tmp_path, f"{path}:/{name}")
        assert said == f"INPUT must name a dataset, got /{name} in {path}"
    said = scans.refused(tmp_path, f"{path}:/text")
    assert said == f"INPUT must hold a volume of 3 dimensions, got shape () in {path}"


@needs_zarr
def test_zarr(tmp_path):
    path = tmp_path / "ball.zarr"
    root = zarr.open_group(str(path), mode="w")
    root.create_array("ball", data=BALL, chunks=(10, 10, 10))
    scans.assert_ball(scans.extracted(tmp_path, path, *HERE)[0], 0.8)
    scans.assert_ball(scans.extracted(tmp_path, f"{path}:/ball", *HERE)[0], 0.8)
    root.create_array("other", data=BALL)
    said = scans.refused(tmp_path, path)
    assert (
        said == f"INPUT must name one array of 3 dimensions as STORE:/PATH, got {path}:/ball, {path}:/other"
    )


@needs_zarr
def test_zarr_paths_that_are_not_there(tmp_path):
    group, array = tmp_path / "group.zarr", tmp_path / "array.zarr"
    zarr.open_group(str(group), mode="w").create_array("a/ball", data=BALL)
    zarr.create_array(str(array), data=BALL)
    for path, inner in ((group, "/nope"), (group, "/a/nope"), (group, "/a/ball/nope"), (array, "/nope")):
        said = scans.refused(tmp_path, f"{path}:{inner}")
        assert said == f"INPUT must name an array or an image of the store, got {inner} in {path}"
    scans.assert_ball(scans.extracted(tmp_path, f"{group}:/a/ball", *HERE)[0], 0.8)
    scans.assert_ball(scans.extracted(tmp_path, f"{array}:/", *HERE)[0], 0.8)


@needs_zarr
@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr(version, tmp_path):
    path = tmp_path / "ball.zarr"
    root = zarr.open_group(str(path), mode="w", zarr_format=version)
    root.create_array("0", data=np.stack([BALL * 0, BALL]), chunks=(1, 10, 40, 50))
    image = {
        "axes": [{"name": "c", "type": "channel"}]
        + [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"],
        "datasets": [{"path": "0", "coordinateTransformations": [
            {"type": "scale", "scale": [1, *SPACING[::-1]]},
            {"type": "translation", "translation": [0, *STRAIGHT[:3, 3][::-1]]},
        ]}],
    }  # fmt: skip
    root.attrs.update({"multiscales": [image]} if version == 2 else {"ome": {"multiscales": [image]}})
    assert "--channel must say which of 2" in scans.refused(tmp_path, path)
    mesh, output = scans.extracted(tmp_path, path, "--channel", 1)
    scans.assert_ball(mesh, 0.8)
    assert " um, " in output


def ome_zarr(path, steps, whole=(), below="", **levels):
    """Write levels as an image whose first has these transformations and the others twice their scale."""
    group = zarr.open_group(str(path), mode="w", path=below, zarr_format=2)
    sets = []
    for k, (name, level) in enumerate(levels.items()):
        group.create_array(name, data=level)
        coarse = [{"type": "scale", "scale": [2.0] * 3}] * k
        sets.append({"path": name, "coordinateTransformations": [*coarse, *steps]})
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]
    image = {"axes": axes, "datasets": sets, "coordinateTransformations": [*whole]}
    group.attrs.update({"multiscales": [image]})


@needs_zarr
@pytest.mark.parametrize("below", ["", "images/ball"])
def test_levels_of_ome_zarr(below, tmp_path, monkeypatch):
    """A level that is named lies where its image says, the only array of a store too."""
    path, inner = tmp_path / "ball.zarr", f"/{below}/".replace("//", "/")
    place = [
        {"type": "identity"},
        {"type": "scale", "scale": [*SPACING[::-1]]},
        {"type": "translation", "translation": [*STRAIGHT[:3, 3][::-1]]},
    ]
    ome_zarr(path, place, below=below, fine=BALL, coarse=np.ascontiguousarray(BALL[::2, ::2, ::2]))
    for name in ("", "fine", "coarse"):
        for source in (f"{path}:{inner}{name}", f"{path}{inner}{name}"):
            mesh, output = scans.extracted(tmp_path, source)
            scans.assert_ball(mesh, 1.6)
            assert " um, " in output
    (tmp_path / "link.zarr").symlink_to(path / below / "fine")
    monkeypatch.chdir(path / below / "coarse")
    for source in (tmp_path / "link.zarr", "../fine"):
        scans.assert_ball(scans.extracted(tmp_path, source)[0], 0.8)
    ome_zarr(path, place, below=below, fine=BALL)
    mesh, output = scans.extracted(tmp_path, path)
    scans.assert_ball(mesh, 0.8)
    assert " um, " in output


KINDS = "a transformation of OME-Zarr must be identity, scale or translation, got "


@needs_zarr
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("step", "text"), [
    ({"type": "affine", "affine": [[2, 0, 0, 5], [0, 2, 0, 5], [0, 0, 2, 5]]}, KINDS + "affine"),
    ({"type": "sequence", "transformations": []}, KINDS + "sequence"),
    ({"scale": [1, 2, 3]}, KINDS + "None"),
    ({"type": "scale", "path": "0/scale"}, "a scale of OME-Zarr must have 3 numbers, one an axis, got none"),
    ({"type": "scale", "scale": [3]}, "a scale of OME-Zarr must have 3 numbers, one an axis, got [3]"),
    ({"type": "translation", "translation": [3, 3]},
     "a translation of OME-Zarr must have 3 numbers, one an axis, got [3, 3]"),
])  # fmt: skip
def test_ome_zarr_that_lies_elsewhere(step, text, whole, tmp_path):
    path = tmp_path / "ball.zarr"
    ome_zarr(path, *(((), [step]) if whole else ([step], ())), ball=BALL)
    assert scans.refused(tmp_path, path) == f"{text} in {path}"


def image_data(place, extent=(0, 0, 0)):
    """Return VTK's image of a ball, which begins at an index of its own."""
    image = vtk.vtkImageData()
    image.SetExtent(*[v for e, n in zip(extent, SHAPE[::-1], strict=True) for v in (e, e + n - 1)])
    image.SetSpacing(SPACING)
    image.SetOrigin(place[:3, 3] - place[:3, :3] @ extent)
    image.SetDirectionMatrix((place[:3, :3] / SPACING).ravel())
    array = numpy_to_vtk(scans.distance(place, SHAPE).ravel())
    array.SetName("ball")
    image.GetPointData().SetScalars(array)
    return image


@pytest.mark.parametrize("mode", ["ascii", "binary", "appended"])
def test_vti(mode, tmp_path):
    path, place = tmp_path / "ball.vti", scans.affine(scans.rotation() * SPACING, SHAPE)
    writer = vtk.vtkXMLImageDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image_data(place, (3, -2, 5)))
    {"ascii": writer.SetDataModeToAscii, "binary": writer.SetDataModeToBinary,
     "appended": writer.SetDataModeToAppended}[mode]()  # fmt: skip
    writer.Write()
    scans.assert_ball(scans.extracted(tmp_path, path)[0], 0.8)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert scans.refused(tmp_path, path).startswith(f"cannot read {path}: ")


@pytest.mark.parametrize("binary", [False, True])
def test_legacy_vtk(binary, tmp_path):
    path = tmp_path / "ball.vtk"
    writer = vtk.vtkStructuredPointsWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image_data(STRAIGHT))
    if binary:
        writer.SetFileTypeToBinary()
    writer.Write()
    scans.assert_ball(scans.extracted(tmp_path, path)[0], 0.8)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert scans.refused(tmp_path, path).startswith(f"cannot read {path}: ")


@pytest.mark.parametrize("ending", ["nrrd", "mha", "mhd", "nhdr"])
@pytest.mark.parametrize("mirrored", [1, -1])
def test_itk(ending, mirrored, tmp_path):
    place = scans.affine(scans.rotation() * SPACING * [1, 1, mirrored], SHAPE)
    image = sitk.GetImageFromArray(scans.distance(place, SHAPE))
    image.SetSpacing(SPACING.tolist())
    image.SetOrigin(place[:3, 3].tolist())
    image.SetDirection((place[:3, :3] / SPACING).ravel().tolist())
    path = tmp_path / f"ball.{ending}"
    sitk.WriteImage(image, str(path))
    mesh, output = scans.extracted(tmp_path, path)
    scans.assert_ball(mesh, 0.8)
    assert " (LPS), " in output
    assert " mm" not in output  # the file gives no unit
    if ending == "nrrd":
        path.write_bytes(
            path.read_bytes().replace(b"\nencoding", b'\nspace units: "mm" "mm" "mm"\nencoding', 1)
        )
        assert " mm (LPS), " in scans.extracted(tmp_path, path)[1]


def nrrd(path, volume, place, space, units):
    """Write a volume with what its header says of the world's axes."""
    columns = " ".join(f"({','.join(map(str, step))})" for step in place[:3, :3].T)
    sizes = " ".join(map(str, volume.shape[::-1]))
    lines = [
        "NRRD0004", "type: float", "dimension: 3", f"space: {space}", f"sizes: {sizes}",
        f"space directions: {columns}", "endian: little", "encoding: raw",
        f"space units: {units}", f"space origin: ({','.join(map(str, place[:3, 3]))})",
    ]  # fmt: skip
    path.write_bytes("\n".join([*lines, "", ""]).encode() + volume.astype("<f4").tobytes())


@pytest.mark.parametrize("space", ["LPS", "left-posterior-superior", "RAS", "right anterior superior"])
def test_nrrd_of_unequal_units(space, tmp_path):
    path = tmp_path / "ball.nrrd"
    place = scans.affine(scans.rotation() * SPACING, SHAPE)
    ball = scans.distance(place, SHAPE)
    stored = (place if space[0].lower() == "l" else scans.turned(place)).copy()
    stored[1] *= 1000
    stored[2] *= 1e6
    nrrd(path, ball, stored, space, '"mm" "um" "nm"')
    mesh, output = scans.extracted(tmp_path, path)
    scans.assert_ball(mesh, 0.8)
    assert " mm (LPS), " in output
    nrrd(path, ball, place, space, '"mm" "mm" "s"')
    _, output = scans.extracted(tmp_path, path)
    assert "the file's units are no lengths (mm, mm, s): none is told" in output
    assert " mm (LPS), " not in output


@pytest.mark.parametrize("space", ["3D-right-handed", "3D-left-handed", "scanner-xyz"])
def test_nrrd_that_says_not_where_left_is(space, tmp_path):
    path = tmp_path / "ball.nrrd"
    nrrd(path, BALL, STRAIGHT, space, '"mm" "mm" "mm"')
    mesh, output = scans.extracted(tmp_path, path)
    scans.assert_ball(mesh, 0.8)
    assert " mm, " in output
    said = scans.refused(tmp_path, path, "--ras")
    assert said == "--ras needs an INPUT that says where left and right are"


def test_tensors(tmp_path):
    ball = torch.from_numpy(BALL)
    torch.save({"ball": ball, "steps": 3, "other": ball}, tmp_path / "ball.pt")
    torch.save(ball.bfloat16(), tmp_path / "one.pt")
    safetensors.torch.save_file({"ball": ball.half()}, tmp_path / "ball.safetensors")
    for given in (("ball.pt", "--key", "ball"), ("one.pt",), ("ball.safetensors",)):
        scans.assert_ball(scans.extracted(tmp_path, tmp_path / given[0], *given[1:], *HERE)[0], 0.8)
    said = scans.refused(tmp_path, tmp_path / "ball.pt")
    assert said == f"--key must be one of ball, other in {tmp_path / 'ball.pt'}, which one is not said"
    torch.save(fractions.Fraction(1, 3), tmp_path / "code.pt")  # would have to be run
    assert scans.refused(tmp_path, tmp_path / "code.pt").startswith(f"cannot read {tmp_path / 'code.pt'}: ")
    torch.save({"steps": 3}, tmp_path / "none.pt")
    assert scans.refused(tmp_path, tmp_path / "none.pt").startswith("INPUT must hold a tensor, got none")


@pytest.mark.parametrize("dtype", [">i2", "<f4", "u1"])
def test_raw(dtype, tmp_path):
    path = tmp_path / "ball.raw"
    data = (BALL if dtype == "<f4" else np.clip(100 - BALL * 20, 0, 200)).astype(dtype)
    path.write_bytes(data.tobytes())
    options = ("--shape", "24,40,50", "--dtype", dtype, *HERE, "--level", 0 if dtype == "<f4" else 100)
    scans.assert_ball(scans.extracted(tmp_path, path, *options)[0], 0.8)
    held = path.stat().st_size
    said = scans.refused(tmp_path, path, "--shape", "24,40,51", "--dtype", dtype)
    wanted = 24 * 40 * 51 * data.itemsize
    assert said == f"--shape 24,40,51 of {dtype} needs {wanted} bytes, {path} has {held}"
    assert (
        scans.refused(tmp_path, path) == f"{path} needs --shape Nz,Ny,Nx and --dtype: the file does not say"
    )


WRONG = [
    ("a.npy", "--frame 2", "a file of several volumes"), ("a.npy", "--key a", "a .npz, .pt, "),
    ("a.npy", "--size 64", "a built-in sample"), ("a.npy", "--shape 4,5,6", "a .raw file"),
    ("a.npy", "--dtype f4", "a .raw file"), ("a.npy", "--allow-gaps", "DICOM slices"),
    ("a.npy", "--affine sform", "a NIfTI file"), ("a.npz", "--channel 1", "a file of several channels"),
    ("a.nii", "--series 3", "DICOM"), ("a.nii", "--channel 1", "a file of several channels"),
    ("a.tif", "--key x", "a .npz, .pt, "), ("b.tif", "--frame 1", "a file of several volumes"),
    ("a.mrc", "--channel 1", "a file of several channels"), ("a.h5", "--key a", "a .npz, .pt, "),
    ("a.pt", "--key a", "a .npz, .pt, "), ("a.vti", "--frame 1", "a file of several volumes"),
    ("a.nrrd", "--channel 1", "a file of several channels"), ("dicom", "--channel 1", "a file of several"),
    ("dicom", "--frame 1", "a file of several volumes"), ("dicom", "--key a", "a .npz, .pt, "),
    ("sphere", "--key a", "a .npz, .pt, "), ("sphere", "--frame 1", "a file of several volumes"),
]  # fmt: skip


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory):
    return fuzz_scans.whole_files(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("name, option, needed", WRONG)
def test_options_that_do_not_apply(name, option, needed, whole_files, tmp_path):
    path, options, inner = whole_files.get(name, (name, (), ""))
    given = inner or path
    said = scans.refused(tmp_path, given, *option.split(), *options)
    assert said.startswith(f"{option.split()[0]} needs {needed}")
    assert said.endswith(f", got {given}")


@pytest.mark.parametrize("name, option", [("a.npy", "--frame 0"), ("a.tif", "--channel 0"),
                                          ("a.npz", "--key a"), ("a.safetensors", "--key a"),
                                          ("a.vti", "--key a"), ("a.nii", "--affine sform"),
                                          ("dicom", "--series 1"), ("dicom", "--allow-gaps"),
                                          ("a.npy", "--mask MASK")])  # fmt: skip
def test_options_that_apply(name, option, whole_files, tmp_path):
    path, options, inner = whole_files[name]
    option = option.replace("MASK", str(whole_files["a.npz"][0]))
    scans.extracted(tmp_path, inner or path, *option.split(), *options)


EXTRAS = [
    ("ball.nii", "nibabel", "nifti", "nibabel"), ("ball.tif", "tifffile", "tiff", "tifffile"),
    ("ball.mrc", "mrcfile", "mrc", "mrcfile"), ("ball.h5", "h5py", "hdf5", "h5py"),
    ("ball.zarr", "zarr", "zarr", "zarr"), ("ball.vti", "vtkmodules", "vtk", "vtk"),
    ("ball.nrrd", "SimpleITK", "io", "SimpleITK"), ("ball.dcm", "pydicom", "dicom", "pydicom"),
    ("ball.safetensors", "safetensors", "tensors", "safetensors"),
]  # fmt: skip


@pytest.mark.parametrize("name, module, extra, package", EXTRAS)
def test_missing_libraries(name, module, extra, package, tmp_path, monkeypatch):
    from torchmcubes_bw.cli.scan import extras

    path = tmp_path / name
    path.write_bytes(b"")
    find = extras.importlib.util.find_spec
    monkeypatch.setattr(
        extras.importlib.util, "find_spec", lambda n, *a: None if n == module else find(n, *a)
    )
    said = scans.refused(tmp_path, path, code=1)
    assert said == f"reading {path} needs {package}: pip install 'torchmcubes-bw[{extra}]'"
