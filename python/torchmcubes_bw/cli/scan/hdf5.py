# SPDX-License-Identifier: MIT
"""HDF5: a dataset named ``file.h5:/path``, or the only volume there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from .choice import Choice
from .extras import library
from .scan import Scan, affine_of


def read(path: Path, choice: Choice, inner: str | None = None) -> Scan:
    """Read a dataset; its voxel size where it has the attribute that Fiji and ilastik write."""
    h5py = library("h5py", "hdf5", f"reading {path}")
    if choice.by_planes:  # the dataset keeps its file open
        return _scan(_dataset(h5py, h5py.File(path, "r"), inner, path), lambda dataset: dataset)
    with h5py.File(path, "r") as file:
        return _scan(_dataset(h5py, file, inner, path), lambda dataset: np.asarray(dataset[()]))


def _scan(dataset: Any, samples: Callable[[Any], Any]) -> Scan:
    sizes = dataset.attrs.get("element_size_um")  # (z, y, x)
    affine, unit = np.eye(4), None
    if sizes is not None and np.shape(sizes) == (3,) and np.all(np.asarray(sizes) > 0):
        affine, unit = affine_of(np.asarray(sizes)[::-1]), "um"
    return Scan(samples(dataset), affine, unit=unit)


def _dataset(h5py: Any, file: Any, inner: str | None, path: Path) -> Any:
    if inner is None:
        found: list[str] = []
        file.visititems(lambda name, item: found.append(name) if _is_volume(h5py, item) else None)
        if len(found) != 1:
            listed = ", ".join(f"{path}:/{name}" for name in found) or "none"
            raise CliError(f"INPUT must name one dataset of 3 dimensions as FILE:/PATH, got {listed}")
        inner = found[0]
    item = file.get(inner)
    if not isinstance(item, h5py.Dataset) or item.shape is None:  # none: it holds nothing
        raise CliError(f"INPUT must name a dataset, got {inner} in {path}")
    return item


def _is_volume(h5py: Any, item: Any) -> bool:
    return isinstance(item, h5py.Dataset) and item.ndim == 3
