# SPDX-License-Identifier: MIT
"""For every kind of file a ball under a random affine, as free as the kind allows."""

import dicoms
import h5py
import mrcfile
import nibabel
import numpy as np
import pytest
import scans
import SimpleITK as sitk
import tifffile
import vtk
import zarr
from vtk.util.numpy_support import numpy_to_vtk

SHAPE = (30, 42, 54)


def random_place(seed, turn, shear, flip, shift=True):
    """Return a random affine: voxels of unequal sides, and as the kind allows turned, sheared, flipped."""
    rng = np.random.default_rng(seed)
    steps = np.diag(rng.uniform(0.6, 1.4, 3))
    if shear:
        steps = (np.eye(3) + np.triu(rng.uniform(-0.25, 0.25, (3, 3)), 1)) @ steps
    if turn:
        steps = scans.rotation(seed) @ steps
    if flip:
        steps = steps * rng.choice([-1, 1], 3)
    place = scans.affine(steps, SHAPE, rng.uniform(-80, 80, 3))
    if not shift:
        place[:3, 3] = 0
    return place


def centre_of(place):
    return (place @ [*((np.array(SHAPE[::-1]) - 1) / 2), 1])[:3]


def ball(place):
    return scans.distance(place, SHAPE, centre_of(place), 9.0)


def sizes(place):
    return np.linalg.norm(place[:3, :3], axis=0)


def nifti(folder, place):
    nibabel.save(nibabel.Nifti1Image(ball(place).T, place), folder / "a.nii.gz")
    return [folder / "a.nii.gz", "--ras"]


def mgz(folder, place):
    nibabel.save(nibabel.MGHImage(ball(place).T, place), folder / "a.mgz")
    return [folder / "a.mgz", "--ras"]


def itk(ending):
    def write(folder, place):
        image = sitk.GetImageFromArray(ball(place))
        image.SetSpacing(sizes(place).tolist())
        image.SetOrigin(place[:3, 3].tolist())
        image.SetDirection((place[:3, :3] / sizes(place)).ravel().tolist())
        sitk.WriteImage(image, str(folder / f"a.{ending}"))
        return [folder / f"a.{ending}"]

    return write


def vti(folder, place):
    image = vtk.vtkImageData()
    image.SetDimensions(SHAPE[::-1])
    image.SetSpacing(sizes(place))
    image.SetOrigin(place[:3, 3])
    image.SetDirectionMatrix((place[:3, :3] / sizes(place)).ravel())
    array = numpy_to_vtk(ball(place).ravel())
    array.SetName("a")
    image.GetPointData().SetScalars(array)
    writer = vtk.vtkXMLImageDataWriter()
    writer.SetFileName(str(folder / "a.vti"))
    writer.SetInputData(image)
    writer.Write()
    return [folder / "a.vti"]


def dicom(folder, place):
    volume = np.rint(np.clip(500 - ball(place) * 300, 0, 1000)).astype(np.int16)
    dicoms.write_series(folder / "a", volume, place)
    return [folder / "a", "--level", 500]


def tiff(folder, place):
    x, y, z = sizes(place)
    tifffile.imwrite(folder / "a.tif", ball(place), imagej=True, resolution=(1 / x, 1 / y),
                     metadata={"spacing": z, "unit": "um", "axes": "ZYX"})  # fmt: skip
    return [folder / "a.tif"]


def mrc(folder, place):
    with mrcfile.new(folder / "a.mrc") as file:
        file.set_data(ball(place))
        file.voxel_size = tuple(sizes(place))
        file.header.origin = tuple(place[:3, 3])
    return [folder / "a.mrc"]


def hdf5(folder, place):
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("a", data=ball(place)).attrs["element_size_um"] = sizes(place)[::-1]
    return [f"{folder / 'a.h5'}:/a"]


def ome_zarr(folder, place):
    root = zarr.open_group(str(folder / "a.zarr"), mode="w", zarr_format=2)
    root.create_array("0", data=ball(place))
    steps = [{"type": "scale", "scale": sizes(place)[::-1].tolist()},
             {"type": "translation", "translation": place[:3, 3][::-1].tolist()}]  # fmt: skip
    axes = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
    image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": steps}]}
    root.attrs["multiscales"] = [image]
    return [folder / "a.zarr"]


def npy(folder, place):
    np.save(folder / "a.npy", ball(place))
    told = [",".join(f"{v:.9g}" for v in row) for row in (sizes(place), place[:3, 3])]
    return [folder / "a.npy", "--spacing", told[0], f"--origin={told[1]}"]


FREE = {"turn": True, "shear": False, "flip": True}
FIXED = {"turn": False, "shear": False, "flip": False}
KINDS = {
    "nifti": (nifti, FREE | {"shear": True}), "mgz": (mgz, FREE), "nrrd": (itk("nrrd"), FREE),
    "mha": (itk("mha"), FREE), "vti": (vti, FREE), "dicom": (dicom, FREE | {"flip": False}),
    "tiff": (tiff, FIXED | {"shift": False}), "mrc": (mrc, FIXED), "hdf5": (hdf5, FIXED | {"shift": False}),
    "zarr": (ome_zarr, FIXED), "npy": (npy, FIXED),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_a_ball_comes_out_where_it_is(kind, seed, tmp_path):
    if kind == "zarr" and int(zarr.__version__.split(".")[0]) < 3:
        pytest.skip("zarr 3, whose writers are used here, needs Python 3.11")
    write, freedom = KINDS[kind]
    place = random_place(seed, **freedom)
    mesh, _ = scans.extracted(tmp_path, *write(tmp_path, place))
    scans.assert_ball(mesh, sizes(place).min(), centre_of(place), 9.0)
