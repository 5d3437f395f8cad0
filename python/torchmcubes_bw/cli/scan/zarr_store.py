# SPDX-License-Identifier: MIT
"""Zarr arrays, and OME-Zarr images with their axes, units and transformations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CliError
from .choice import Choice
from .extras import library
from .scan import Scan, affine_of, picked
from .units import METRES, unit_named


def read(path: Path, choice: Choice, inner: str | None = None) -> Scan:
    """Read an array; of an OME-Zarr image its finest level."""
    zarr = library("zarr", "zarr", f"reading {path}")
    node = zarr.open(str(path), mode="r")
    below = (inner or "").strip("/")
    if below:
        if isinstance(node, zarr.Array) or below not in node:
            raise CliError(f"INPUT must name an array or an image of the store, got {inner} in {path}")
        node = node[below]
    if isinstance(node, zarr.Array):
        return Scan(_samples(node, choice))
    attributes = dict(node.attrs)
    images = attributes.get("ome", attributes).get("multiscales")
    if images:
        return _ome(node, images[0], path, choice)
    found = [name for name, item in _items(zarr, node) if item.ndim == 3]
    if len(found) != 1:
        listed = ", ".join(f"{path}:/{name}" for name in found) or "none"
        raise CliError(f"INPUT must name one array of 3 dimensions as STORE:/PATH, got {listed}")
    return Scan(_samples(node[found[0]], choice))


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


def _ome(node: Any, image: Any, path: Path, choice: Choice) -> Scan:
    finest = image["datasets"][0]
    array = node[finest["path"]]
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
    scale, shift = np.ones(len(names)), np.zeros(len(names))
    steps = [finest.get("coordinateTransformations", []), image.get("coordinateTransformations", [])]
    for step in [each for part in steps for each in part]:
        if "scale" in step:
            scale, shift = scale * step["scale"], shift * step["scale"]
        if "translation" in step:
            shift = shift + step["translation"]
    order = [names.index(axis) for axis in "xyz"]
    units = [unit_named(axes[k].get("unit")) for k in order]
    metres = np.array([METRES[unit] if unit else 1.0 for unit in units])
    if None in units:
        metres, units = np.ones(3), [None]
    factor = metres / metres[0]
    turned = [kept.index(axis) for axis in "zyx"]
    if choice.by_planes:
        samples: Any = _Part(array, place, turned)
    else:
        samples = np.asarray(array[tuple(place)]).transpose(turned)
    return Scan(samples, affine_of(scale[order] * factor, shift[order] * factor), unit=units[0])
