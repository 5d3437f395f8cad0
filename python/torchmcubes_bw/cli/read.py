# SPDX-License-Identifier: MIT
"""From what the user names to a volume and its place in the world."""

from __future__ import annotations

import importlib.util
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import fields
from .errors import FAILED, CliError

Matrix = NDArray[np.float64]
# What np.load raises of a damaged file; zipfile's RuntimeError is of an encrypted or unknown archive.
_DAMAGED = (
    ValueError,
    EOFError,
    OSError,
    KeyError,
    RuntimeError,
    SyntaxError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass
class Scan:
    """A volume and where its voxels lie.

    Attributes:
        vol: (Nz, Ny, Nx), a tensor or an array.
        axes: (3, 3); its columns are the steps from a voxel to its neighbour in x, y and z.
        origin: (3,); the position of voxel (0, 0, 0).
        unit: of `axes` and `origin`.
        level: the level that comes with the volume, if one does.
    """

    vol: torch.Tensor | NDArray[Any]
    axes: Matrix = field(default_factory=lambda: np.eye(3))
    origin: Matrix = field(default_factory=lambda: np.zeros(3))
    unit: str = "voxel"
    level: float | None = None

    def to_world(self, verts: NDArray[Any]) -> Matrix:
        """Carry vertices (V, 3) from voxels to the scan's coordinates."""
        world: Matrix = verts @ self.axes.T + self.origin
        return world

    @property
    def mirrors(self) -> bool:
        """Whether its axes are left-handed: then a mesh is turned inside out on the way."""
        return bool(np.linalg.det(self.axes) < 0)


def read(source: str, size: int, key: str | None) -> Scan:
    """Read a built-in sample, a NumPy file, or whatever SimpleITK reads."""
    path = Path(source)
    if source in fields.FIELDS and not path.exists():
        return Scan(fields.sample(source, size), level=fields.FIELDS[source].level)
    if not path.exists():
        names = ", ".join(fields.FIELDS)
        raise CliError(f"INPUT must be a file or one of the samples {names}, got {source}")
    scan = _read_numpy(path, key) if path.suffix in (".npy", ".npz") else _read_image(path)
    if scan.vol.ndim != 3:
        shape = tuple(scan.vol.shape)
        raise CliError(f"INPUT must hold a volume of 3 dimensions, got shape {shape} in {path}")
    return scan


def _read_numpy(path: Path, key: str | None) -> Scan:
    try:
        with path.open("rb") as file:  # ours to close: NumPy leaves a damaged archive open
            if file.read(2) == b"PK":
                file.seek(0)
                with np.load(file, allow_pickle=False) as loaded:
                    return Scan(_member(loaded, path, key))
        # Copy-on-write: the file is paged in as it is read, and never written.
        return Scan(np.load(path, mmap_mode="c", allow_pickle=False))
    except _DAMAGED as error:
        reason = " ".join(str(error).split())
        raise CliError(f"cannot read {path}: {reason}") from None


def _member(loaded: Any, path: Path, key: str | None) -> NDArray[Any]:
    """Return the named array of a .npz file, or its only one."""
    names = list(loaded)
    if not names:
        raise CliError(f"INPUT must hold an array, got none in {path}")
    if key is None and len(names) == 1:
        key = names[0]
    if key not in names:
        wanted = f"got {key}" if key else "which one is not said"
        raise CliError(f"--key must be one of {', '.join(names)} in {path}, {wanted}")
    array = loaded[key]
    if not isinstance(array, np.ndarray):  # some other file, zipped
        raise CliError(f"--key must name an array, got {key} in {path}")
    return array


def _read_image(path: Path) -> Scan:
    if not importlib.util.find_spec("SimpleITK"):
        raise CliError(f"reading {path} needs SimpleITK: pip install 'torchmcubes-bw[io]'", FAILED)
    import SimpleITK as sitk  # noqa: PLC0415 - an optional extra, under its usual name

    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # type: ignore[no-untyped-call]
    try:
        image = _read_dicom_folder(path, sitk) if path.is_dir() else sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("sitk::ERROR: ")
        raise CliError(f"cannot read {path}: {reason}") from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        shape, parts = image.GetSize()[::-1], image.GetNumberOfComponentsPerPixel()
        raise CliError(
            f"INPUT must hold a volume of 3 dimensions and one value a voxel, "
            f"got shape {shape} and {parts} in {path}"
        )
    return Scan(
        sitk.GetArrayFromImage(image),
        axes=np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing()),
        origin=np.array(image.GetOrigin()),
        unit="mm",
    )


def _read_dicom_folder(path: Path, sitk: Any) -> Any:
    reader = sitk.ImageSeriesReader()
    series = reader.GetGDCMSeriesIDs(str(path))
    if len(series) != 1:
        raise CliError(f"INPUT must be a folder with one DICOM series, got {len(series)} in {path}")
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path), series[0]))
    return reader.Execute()
