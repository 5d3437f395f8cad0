# SPDX-License-Identifier: MIT
"""Zarr arrays, and OME-Zarr images with their axes, units and transformations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from .choice import Choice
from .extras import library
from .scan import Matrix, Scan, affine_of, picked
from .units import in_one_unit


def read(path: Path, choice: Choice, inner: str | None = None) -> Scan:
    """Read an array; of an OME-Zarr image its finest level, or the level that is named."""
    zarr = library("zarr", "zarr", f"reading {path}")
    if inner is None:
        path, inner = _store_of(path)
    root = node = zarr.open(str(path), mode="r")
    below = inner.strip("/")
    if below:
        if isinstance(root, zarr.Array) or below not in root:
            raise CliError(f"INPUT must name an array or an image of the store, got {inner} in {path}")
        node = root[below]
    if isinstance(node, zarr.Array):
        return _array(root, below, path, choice)
    images = _images(node)
    if images:
        return _ome(node, images[0], images[0]["datasets"][0], path, choice)
    within = _items(zarr, node, f"{below}/" if below else "")
    found = [name for name, item in within if item.ndim == 3]
    if len(found) != 1:
        listed = ", ".join(f"{path}:/{name}" for name in found) or "none"
        raise CliError(f"INPUT must name one array of 3 dimensions as STORE:/PATH, got {listed}")
    return _array(root, found[0], path, choice)


def _store_of(path: Path) -> tuple[Path, str]:
    """Part a folder within a store into the store and the path inside it."""
    real = store = Path(os.path.realpath(path))
    for parent in real.parents:
        if real.is_file() or not any((parent / name).exists() for name in (".zgroup", "zarr.json")):
            break
        store = parent
    return (path, "") if store == real else (store, real.relative_to(store).as_posix())


def _array(root: Any, name: str, path: Path, choice: Choice) -> Scan:
    """Read an array, as a level of the OME-Zarr image that lists it, if one does."""
    parts = [part for part in name.split("/") if part]
    for k in reversed(range(len(parts))):
        group = root["/".join(parts[:k])] if k else root
        for image in _images(group):
            for level in image["datasets"]:
                if level["path"].strip("/") == "/".join(parts[k:]):
                    return _ome(group, image, level, path, choice)
    return Scan(_samples(root["/".join(parts)] if parts else root, choice))


def _images(group: Any) -> list[Any]:
    attributes = dict(group.attrs)
    return attributes.get("ome", attributes).get("multiscales") or []


def _samples(array: Any, choice: Choice) -> Any:
    return array if choice.by_planes else np.asarray(array[...])


class _Part:
    """A volume of an array of more axes, or of axes in another order, left in its store: sliced along z."""

    def __init__(self, array: Any, place: list[Any], turned: list[int]) -> None:
        self._array, self._place, self._turned = array, place, turned
        axes = [axis for axis, at in enumerate(place) if isinstance(at, slice)]
        self._z = axes[turned[0]]
        self.shape = tuple(int(array.shape[axes[k]]) for k in turned)
        self.ndim, self.dtype = len(self.shape), array.dtype
        self.chunks = tuple(int(array.chunks[axes[k]]) for k in turned)

    def __getitem__(self, planes: slice) -> Any:
        place = [*self._place]
        place[self._z] = planes
        return np.asarray(self._array[tuple(place)]).transpose(self._turned)


def _items(zarr: Any, node: Any, below: str = "") -> Any:
    for name in sorted(node.keys()):
        item = node[name]
        if isinstance(item, zarr.Array):
            yield below + name, item
        else:
            yield from _items(zarr, item, f"{below}{name}/")


def _ome(node: Any, image: Any, level: Any, path: Path, choice: Choice) -> Scan:
    array = node[level["path"]]
    axes: list[Any] = image.get("axes") or ["t", "c", "z", "y", "x"][-array.ndim :]
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in axes]
    names = [axis["name"].lower() for axis in axes]
    place: list[Any] = []
    for name, count in zip(names, array.shape, strict=True):
        if name in "zyx":
            place.append(slice(None))
        else:
            option = "channel" if name == "c" else "frame"
            place.append(
                picked(f"--{option}", choice.take(option), count, f"steps of the axis {name} in {path}")
            )
    kept = [name for name in names if name in "zyx"]
    if sorted(kept) != ["x", "y", "z"]:
        raise CliError(f"INPUT must have axes z, y and x, got {', '.join(names)} in {path}")
    scale, shift = _placed(level, image, len(names), path)
    order = [names.index(axis) for axis in "xyz"]
    factor, unit = in_one_unit([axes[k].get("unit") for k in order])
    turned = [kept.index(axis) for axis in "zyx"]
    if choice.by_planes:
        samples: Any = _Part(array, place, turned)
    else:
        samples = np.asarray(array[tuple(place)]).transpose(turned)
    return Scan(samples, affine_of(scale[order] * factor, shift[order] * factor), unit=unit)


def _placed(level: Any, image: Any, axes: int, path: Path) -> tuple[Matrix, Matrix]:
    """Return the scale and the translation, a number an axis, of what a level and its image say."""
    scale, shift = np.ones(axes), np.zeros(axes)
    for step in [each for of in (level, image) for each in of.get("coordinateTransformations") or []]:
        kind = step.get("type")
        if kind == "identity":
            continue
        if kind not in ("scale", "translation"):
            raise CliError(
                f"a transformation of OME-Zarr must be identity, scale or translation, got {kind} in {path}"
            )
        given = step.get(kind)
        if not isinstance(given, list) or len(given) != axes:
            got = "none" if given is None else given
            raise CliError(f"a {kind} of OME-Zarr must have {axes} numbers, one an axis, got {got} in {path}")
        numbers = np.array(given, dtype=np.float64)
        scale, shift = (scale * numbers, shift * numbers) if kind == "scale" else (scale, shift + numbers)
    return scale, shift
