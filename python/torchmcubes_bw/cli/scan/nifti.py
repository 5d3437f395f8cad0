# SPDX-License-Identifier: MIT
"""NIfTI-1, NIfTI-2, Analyze and FreeSurfer's `.mgz`, placed by their affine."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from .choice import Choice
from .extras import library
from .scan import Matrix, Scan, picked

_SINGLE = (".nii", ".nii.gz", ".mgh", ".mgz")


def read(path: Path, choice: Choice) -> Scan:
    """Read an image and its affine, sheared ones included."""
    nibabel = library("nibabel", "nifti", f"reading {path}")
    image = _image(nibabel, path)
    samples = _samples(image, path, choice)
    said: list[str] = []
    affine = _affine(image, choice, said)
    units = image.header.get_xyzt_units()[0] if hasattr(image.header, "get_xyzt_units") else "mm"
    unit = {"micron": "um", "meter": "m"}.get(units, units)
    # NIfTI's axes run (x, y, z) with x fastest, and its world is RAS.
    return Scan(samples, affine, unit=None if unit == "unknown" else unit, axes="RAS", said=said)


def _image(nibabel: Any, path: Path) -> Any:
    name = path.name.lower()
    if not name.endswith(_SINGLE):  # header and samples in two files
        return nibabel.load(path)
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)  # to its end, so that its checksum is compared
    if name.endswith((".mgh", ".mgz")):
        return nibabel.MGHImage.from_bytes(raw)
    size = int.from_bytes(raw[:4], "little")
    kind = nibabel.Nifti2Image if size in (540, 0x1C020000) else nibabel.Nifti1Image
    return kind.from_stream(io.BytesIO(raw))


def _samples(image: Any, path: Path, choice: Choice) -> Any:
    shape = image.shape
    if len(shape) < 3:
        raise CliError(f"INPUT must hold a volume of 3 dimensions, got shape {shape} in {path}")
    proxy = image.dataobj
    stored = getattr(proxy, "slope", 1.0), getattr(proxy, "inter", 0.0)
    # As they are stored, where nothing scales them: floats in the place of integers hide a label map.
    data = proxy.get_unscaled() if stored == (1.0, 0.0) and hasattr(proxy, "get_unscaled") else proxy
    data = np.asarray(data)
    if data.dtype.names:
        raise CliError(f"INPUT must hold one value a voxel, got {'+'.join(data.dtype.names)} in {path}")
    data = data.reshape(shape[:3] + (-1,), order="F")
    return data[..., picked("--frame", choice.take("frame"), data.shape[3], f"volumes in {path}")].T


def _affine(image: Any, choice: Choice, said: list[str]) -> Matrix:
    header = image.header
    choice.take("affine")
    if not hasattr(header, "get_sform"):
        if choice.affine:
            raise CliError(f"--affine {choice.affine} needs a NIfTI file: others have one affine only")
        return np.array(image.affine, dtype=np.float64)
    sform, s_code = header.get_sform(coded=True)
    try:
        qform, q_code = header.get_qform(coded=True)
    except ValueError:  # its quaternion is none
        if choice.affine == "qform" or s_code == 0:
            raise
        qform, q_code = None, 0
    forms = {"sform": sform if s_code > 0 else None, "qform": qform if q_code > 0 else None}
    if choice.affine:
        if forms[choice.affine] is None:
            raise CliError(f"--affine {choice.affine} is not set in this file: its code is 0")
        return np.array(forms[choice.affine], dtype=np.float64)
    if forms["sform"] is not None and forms["qform"] is not None and _differ(sform, qform, image.shape):
        said.append("sform and qform differ: sform taken (--affine qform takes the other)")
    if forms["sform"] is None and forms["qform"] is None:
        said.append(
            "the file gives no orientation: its voxel sizes are taken, x to the left, as NiBabel does"
        )
    return np.array(image.affine, dtype=np.float64)


def _differ(one: Any, other: Any, shape: tuple[int, ...]) -> bool:
    """Whether two affines place a corner of the volume more than a tenth of a voxel apart."""
    corners = np.array([[x, y, z, 1] for x in (0, shape[0]) for y in (0, shape[1]) for z in (0, shape[2])])
    apart = np.linalg.norm(corners @ (one - other).T, axis=1).max()
    return not apart < 0.1 * np.linalg.norm(one[:3, :3], axis=0).min()
