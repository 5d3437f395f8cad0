# SPDX-License-Identifier: MIT
"""Damaged files to every reader: a mesh, or one line and no mesh.

    python tests/fuzz_scans.py [FILES] [SEED]

Each file is cut, has bytes flipped, overwritten, left out or put in. A byte of a sample without a checksum
cannot be told from another sample: what is asked is that nothing crashes, hangs or prints a traceback.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from pathlib import Path

import dicoms
import h5py
import mrcfile
import nibabel
import numpy as np
import safetensors.torch
import scans
import SimpleITK as sitk
import tifffile
import torch
import trimesh
import vtk
import zarr
from torchmcubes_bw.cli.app import app
from typer.testing import CliRunner
from vtk.util.numpy_support import numpy_to_vtk

SHAPE = (9, 10, 11)
PLACE = scans.affine(np.diag([0.8, 1.1, 1.7]), SHAPE)
BALL = scans.distance(PLACE, SHAPE, radius=4.0)
SLOWEST = 20.0  # seconds for one small file, on a busy machine


def whole_files(folder):
    """Write a whole file of every kind; return what `extract` is called with, and the file to damage."""
    made = {}

    def add(name, options=(), inner=""):
        made[name] = (folder / name, options, inner)
        return folder / name

    np.save(add("a.npy"), BALL)
    np.savez_compressed(add("a.npz"), a=BALL)
    nibabel.save(nibabel.Nifti1Image(BALL.T, PLACE), add("a.nii"))
    nibabel.save(nibabel.Nifti1Image(BALL.T, PLACE), add("a.nii.gz"))
    nibabel.save(nibabel.Nifti2Image(BALL.T, PLACE), add("b.nii"))
    nibabel.save(nibabel.MGHImage(BALL.T, PLACE), add("a.mgz"))
    for ending in ("nrrd", "mha"):
        sitk.WriteImage(
            sitk.GetImageFromArray(BALL), str(add(f"a.{ending}")), useCompression=ending == "nrrd"
        )
    tifffile.imwrite(add("a.tif"), BALL, imagej=True, metadata={"axes": "ZYX", "spacing": 1.5, "unit": "um"})
    tifffile.imwrite(add("b.tif"), BALL, compression="zlib", photometric="minisblack", tile=(16, 16))
    tifffile.imwrite(add("a.ome.tif"), BALL, metadata={"axes": "ZYX", "PhysicalSizeX": 0.2})
    with mrcfile.new(add("a.mrc")) as file:
        file.set_data(BALL)
        file.voxel_size = 1.5
    with h5py.File(add("a.h5"), "w") as file:
        file.create_dataset("a", data=BALL, compression="gzip", fletcher32=True)
    if int(zarr.__version__.split(".")[0]) >= 3:  # for which Python 3.11 is needed
        store = zarr.storage.ZipStore(add("a.zarr.zip"), mode="w")
        zarr.create_array(store=store, data=BALL, chunks=(5, 10, 11))
        store.close()
    _vtk_files(add)
    torch.save(torch.from_numpy(BALL), add("a.pt"))
    safetensors.torch.save_file({"a": torch.from_numpy(BALL)}, add("a.safetensors"))
    place = scans.affine(np.diag([0.8, 1.1, 1.7]), SHAPE)
    paths = dicoms.write_series(folder / "dicom", scans.ct(place, SHAPE, radius=4.0), place)
    made["dicom"] = (paths[4], ("--level", "500"), str(folder / "dicom"))
    return made


def _vtk_files(add):
    image = vtk.vtkImageData()
    image.SetDimensions(SHAPE[::-1])
    array = numpy_to_vtk(BALL.ravel())
    array.SetName("a")
    image.GetPointData().SetScalars(array)
    for name, writer in (("a.vti", vtk.vtkXMLImageDataWriter()), ("a.vtk", vtk.vtkStructuredPointsWriter())):
        writer.SetFileName(str(add(name)))
        writer.SetInputData(image)
        if name == "a.vtk":
            writer.SetFileTypeToBinary()
        writer.Write()


def damaged(whole, rng):
    """Return a file's bytes after one kind of accident."""
    data = bytearray(whole)
    # Half of the accidents hit the first bytes, where the header says what follows.
    at = int(rng.integers(len(data) if rng.random() < 0.5 else min(len(data), 400)))
    kind = rng.choice(["cut", "flip", "fill", "lose", "gain", "tail"])
    many = int(rng.integers(1, 65))
    if kind == "cut":
        return bytes(data[:at])
    if kind == "tail":
        return bytes(data) + rng.bytes(many)
    if kind == "lose":
        return bytes(data[:at] + data[at + many :])
    if kind == "gain":
        return bytes(data[:at]) + rng.bytes(many) + bytes(data[at:])
    if kind == "fill":
        data[at : at + many] = bytes([int(rng.choice([0, 255]))]) * len(data[at : at + many])
        return bytes(data)
    for _ in range(int(rng.integers(1, 9))):
        data[at] ^= int(rng.integers(1, 256))
        at = int(rng.integers(len(data)))
    return bytes(data)


def attempt(path, options, out):
    """Run `extract` on a damaged file; return what is wrong with its answer, if anything."""
    out.unlink(missing_ok=True)
    begin = time.monotonic()
    result = CliRunner().invoke(app, ["extract", str(path), "-o", str(out), *options])
    if time.monotonic() - begin > SLOWEST:
        return f"it took {time.monotonic() - begin:.0f} s"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return f"it raised {result.exception!r}"
    lines = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
    if result.exit_code == 0:
        mesh = trimesh.load_mesh(out, process=False)
        good = lines == [] and len(mesh.faces) and np.isfinite(mesh.vertices).all()
        return None if good else f"it wrote a mesh of {len(mesh.faces)} faces and said {lines}"
    if result.exit_code not in (1, 2) or len(lines) != 1 or not lines[0].startswith("error: "):
        return f"it ended with {result.exit_code} and said {lines}"
    return "it left a mesh behind" if out.exists() else None


def fuzz(files, seed=0):
    """Damage so many files; return a line for each answer that is wrong, and how many meshes came out."""
    wrong, meshes = [], 0
    warnings.simplefilter("ignore", ResourceWarning)  # of libraries that leave a damaged file open
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = whole_files(folder)
        for kind, (path, options, inner) in kinds.items():
            if (said := attempt(inner or path, options, folder / "m.ply")) is not None:
                wrong.append(f"{kind}, whole: {said}")
        wholes = {kind: path.read_bytes() for kind, (path, _, _) in kinds.items()}
        for number in range(files):
            kind = list(kinds)[number % len(kinds)]
            path, options, inner = kinds[kind]
            path.write_bytes(damaged(wholes[kind], np.random.default_rng([seed, number])))
            said = attempt(inner or path, options, folder / "m.ply")
            path.write_bytes(wholes[kind])
            meshes += (folder / "m.ply").exists()
            if said is not None:
                wrong.append(f"{kind}, file {number} of seed {seed}: {said}")
    return wrong, meshes


def main():
    """Fuzz as many files as the first argument says, from the seed in the second."""
    files, seed = (int(each) for each in (*sys.argv[1:], *("10000", "0")[len(sys.argv) - 1 :]))
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))  # a claimed size must not be asked for
    wrong, meshes = fuzz(files, seed)
    print("\n".join(wrong))
    rest = files - meshes - len(wrong)
    print(f"{files} files, seed {seed}: {meshes} meshes, {rest} errors, {len(wrong)} wrong")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
