# SPDX-License-Identifier: MIT
"""Which reader a name calls for, and what every reader's result is held to."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np

from ..errors import CliError
from .choice import Choice
from .extras import warnings_shown
from .sample_names import SAMPLES
from .scan import Scan

# The ending, without case, to the module that reads it; the longest that fits decides.
_READERS = {
    ".npy": "numpy_file", ".npz": "numpy_file",
    ".pt": "tensors", ".pth": "tensors", ".safetensors": "tensors",
    ".nii": "nifti", ".nii.gz": "nifti", ".hdr": "nifti", ".img": "nifti", ".mgz": "nifti", ".mgh": "nifti",
    ".tif": "tiff", ".tiff": "tiff", ".lsm": "tiff",
    ".mrc": "mrc", ".map": "mrc", ".ccp4": "mrc", ".rec": "mrc", ".mrc.gz": "mrc", ".map.gz": "mrc",
    ".h5": "hdf5", ".hdf5": "hdf5", ".hdf": "hdf5",
    ".zarr": "zarr_store", ".zarr.zip": "zarr_store",
    ".vti": "vtk_image", ".vtk": "vtk_image",
    ".raw": "raw",
    ".dcm": "dicom", ".dicom": "dicom", ".ima": "dicom",
}  # fmt: skip
_BY_PLANES = ("numpy_file", "raw", "mrc", "hdf5", "zarr_store")


def read(source: str, choice: Choice) -> Scan:
    """Read a built-in sample, a file or a folder."""
    path, inner = _inside(source)
    if inner is None and source in SAMPLES and not path.exists() and not choice.by_planes:
        sample: Scan = importlib.import_module(".samples", __package__).read(source, choice)
        choice.check_taken(source)
        return sample
    if not path.exists():
        names = ", ".join(SAMPLES)
        raise CliError(f"INPUT must be a file or one of the samples {names}, got {source}")
    name = _reader_of(path)
    if choice.by_planes and name not in _BY_PLANES:
        raise CliError(f"--max-memory reads .npy, .raw, .mrc, .h5 and .zarr by planes, got {source}")
    reader = importlib.import_module(f".{name}", __package__)
    with warnings_shown(path):
        try:
            scan: Scan = reader.read(path, choice) if inner is None else reader.read(path, choice, inner)
        except CliError:
            raise
        except MemoryError:
            raise CliError(f"cannot read {path}: it holds more than fits into memory") from None
        # What a library raises of a damaged file is of any kind: it is the file's fault, and one line.
        except Exception as error:
            raise CliError(f"cannot read {path}: {_reason(error)}") from None
    choice.check_taken(source)
    scan.check(str(path))
    if choice.by_planes:
        return scan
    if scan.samples.dtype.kind == "f" and scan.samples.dtype.itemsize > 8:
        scan.said.append(f"samples of {scan.samples.dtype} are taken as float64")
        with np.errstate(over="ignore"):  # what is beyond is infinite
            scan.samples = scan.samples.astype(np.float64)
    elif not scan.samples.dtype.isnative:
        scan.samples = scan.samples.astype(scan.samples.dtype.newbyteorder("="))
    return scan


def _inside(source: str) -> tuple[Path, str | None]:
    """Part ``file.h5:/path`` into the file and what is meant inside it."""
    path = Path(source)
    found = re.fullmatch(r"(.+\.(?:h5|hdf5|hdf|zarr|zarr\.zip)):(.+)", source, re.IGNORECASE)
    if found and not path.exists():
        return Path(found[1]), found[2]
    return path, None


def _reader_of(path: Path) -> str:
    if path.is_dir():
        markers = (".zgroup", ".zarray", "zarr.json")
        return "zarr_store" if any((path / name).exists() for name in markers) else "dicom"
    name = path.name.lower()
    for ending in sorted(_READERS, key=len, reverse=True):
        if name.endswith(ending):
            return _READERS[ending]
    with path.open("rb") as file:
        return "dicom" if file.read(132)[128:] == b"DICM" else "itk"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + " …"
