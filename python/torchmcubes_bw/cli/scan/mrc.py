# SPDX-License-Identifier: MIT
"""MRC and CCP4 maps: ångströms, and axes in any order."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from .choice import Choice
from .extras import library
from .scan import Scan


def read(path: Path, choice: Choice) -> Scan:
    """Read a map; its axes are laid along x, y and z as its header says."""
    mrcfile = library("mrcfile", "mrc", f"reading {path}")
    with mrcfile.open(path, permissive=False, header_only=choice.by_planes) as file:
        header = file.header
        data = _mapped(file, path) if choice.by_planes else np.array(file.data)
    if data.ndim != 3:
        raise CliError(f"INPUT must hold a volume of 3 dimensions, got shape {data.shape} in {path}")
    order = [int(header[name]) for name in ("mapc", "mapr", "maps")]  # columns, rows, sections
    if sorted(order) != [1, 2, 3]:
        raise CliError(f"{path} must have its axes in an order of 1, 2, 3, got {order}")
    lengths = [float(header.cella[axis]) for axis in "xyz"]
    intervals = [int(header[name]) for name in ("mx", "my", "mz")]
    angles = [float(header.cellb[name]) for name in ("alpha", "beta", "gamma")]
    if min(intervals) < 1 or min(lengths) <= 0:
        return Scan(_along_xyz(data, order), said=["the map gives no voxel size: coordinates are in voxels"])
    affine = np.eye(4)
    affine[:3, :3] = _cell(lengths, angles) / intervals
    start = np.empty(3)
    start[np.array(order) - 1] = [int(header[name]) for name in ("nxstart", "nystart", "nzstart")]
    origin = np.array([float(header.origin[axis]) for axis in "xyz"])
    affine[:3, 3] = origin if origin.any() else affine[:3, :3] @ start
    return Scan(_along_xyz(data, order), affine, unit="angstrom")


def _mapped(file: Any, path: Path) -> Any:
    """Return the samples where they lie: behind the header and what extends it."""
    if path.suffix == ".gz":
        raise CliError(f"--max-memory needs a map that is not packed, got {path}")
    header = file.header
    shape = tuple(int(header[name]) for name in ("nz", "ny", "nx"))
    dtype = importlib.import_module("mrcfile.utils").data_dtype_from_header(header)
    at = header.nbytes + int(header.nsymbt)
    held, wanted = path.stat().st_size - at, math.prod(shape) * dtype.itemsize
    if held < wanted:
        raise CliError(f"cannot read {path}: its header names {wanted} bytes of samples, it has {held}")
    return np.memmap(path, dtype, mode="r", offset=at, shape=shape)


def _along_xyz(data: Any, order: list[int]) -> Any:
    """Let the volume's last axis be x, whichever the file's fastest one is."""
    return data.transpose([2 - order.index(axis) for axis in (3, 2, 1)])


def _cell(lengths: list[float], angles: list[float]) -> Any:
    """Return the edges of a crystal's cell as columns; a along x, b in the plane of x and y."""
    if not any(angles):  # written so by programs that leave them out
        angles = [90.0, 90.0, 90.0]
    alpha, beta, gamma = np.cos(np.radians(angles))
    if angles == [90.0, 90.0, 90.0]:
        return np.diag(lengths)
    sine = np.sqrt(1 - gamma**2)
    y = (alpha - beta * gamma) / sine
    edges = np.array([[1, gamma, beta], [0, sine, y], [0, 0, np.sqrt(1 - beta**2 - y**2)]])
    return edges * lengths
