# SPDX-License-Identifier: MIT
"""TIFF stacks, with what ImageJ and OME say of voxels and axes."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ..errors import CliError
from .choice import Choice
from .extras import library
from .numpy_file import chosen_key
from .scan import Scan, affine_of, picked
from .units import in_one_unit, no_lengths, unit_named

_IN_A_PLANE = "YXSCT"  # axes that need no further plane


def read(path: Path, choice: Choice) -> Scan:
    """Read one volume of a file; which channel and frame, the user says."""
    tifffile = library("tifffile", "tiff", f"reading {path}")
    broken = _Broken()
    logging.getLogger("tifffile").addHandler(broken)
    try:
        with tifffile.TiffFile(path) as file:
            said: list[str] = []
            data, axes, number = _image(file, path, choice, said)
            samples, planes = _volume(data, axes, path, choice)
            spacing, unit = _voxels(file, number, said)
    finally:
        logging.getLogger("tifffile").removeHandler(broken)
    if broken.text:  # it goes on without the pages that it cannot find; we do not
        raise CliError(f"cannot read {path}: {broken.text}")
    if planes == 1:
        said.append("one page: a surface needs two")
    return Scan(samples, affine_of(spacing), unit=unit, said=said)


class _Broken(logging.Handler):
    """Keeps the first thing that tifffile logs as wrong with a file."""

    text = ""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        damage = ("truncated", "corrupt", "invalid", "missing", "out of range", "failed", "raised")
        text = record.getMessage()
        if record.levelno >= logging.ERROR or any(word in text.lower() for word in damage):
            self.text = self.text or " ".join(text.split())


def _image(file: Any, path: Path, choice: Choice, said: list[str]) -> tuple[Any, str, int]:
    """Return the file's image, its axes and its number; of several the chosen one, or all as planes."""
    images = file.series
    whole = [k for k, each in enumerate(images) if not each.keyframe.is_reduced] or [*range(len(images))]
    deep = [k for k in whole if not _is_flat(images[k])]
    if choice.key is not None and len(images) > 1:
        number = int(chosen_key(choice.take("key"), [str(k) for k in range(len(images))], path))
    elif len(whole) > 1 and not deep and not file.is_ome and _are_alike([images[k] for k in whole]):
        said.append(f"{len(whole)} images of one page each taken as the planes of one volume")
        first = images[whole[0]]
        kept = [k for k, axis in enumerate(first.axes) if axis in _IN_A_PLANE]
        shape = [first.shape[k] for k in kept]
        axes = "Z" + "".join(first.axes[k] for k in kept)
        return np.stack([images[k].asarray().reshape(shape) for k in whole]), axes, whole[0]
    elif len(whole) > 1 and not deep:
        raise CliError(f"INPUT must hold a volume, got {len(whole)} images of one plane each in {path}")
    elif len(deep) > 1:
        number = int(chosen_key(None, [str(k) for k in deep], path))
    else:
        number = (deep or whole)[0]
        if len(whole) > 1:
            said.append(f"image {number} taken: the other images have one plane each")
    return images[number].asarray(), images[number].axes, number


def _is_flat(image: Any) -> bool:
    """Whether an image has one plane only, of whatever channels and frames."""
    return all(n == 1 for axis, n in zip(image.axes, image.shape, strict=True) if axis not in _IN_A_PLANE)


def _are_alike(images: list[Any]) -> bool:
    return len({(each.axes, each.shape, each.dtype) for each in images}) == 1


def _volume(data: Any, axes: str, path: Path, choice: Choice) -> tuple[Any, int]:
    """Return (z, y, x) of the chosen channel and frame."""
    given = f"{axes} {data.shape}"
    if data.dtype == np.bool_:
        data = data.view(np.uint8)
    # Pages of no meaning (Q, I) are planes, where no axis is z; S are the samples of a pixel.
    if "Z" not in axes:
        axes = axes.replace("Q", "Z", 1) if "Q" in axes else axes.replace("I", "Z", 1)
    for axis, option, what in (
        ("C", "channel", "channels"),
        ("S", "channel", "samples a pixel"),
        ("T", "frame", "frames"),
    ):
        if axis in axes:
            at = axes.index(axis)
            chosen = picked(f"--{option}", choice.take(option), data.shape[at], f"{what} in {path}")
            data = data.take(chosen, axis=at)
            axes = axes.replace(axis, "", 1)
    for axis in [a for a in axes if a not in "ZYX"]:
        at = axes.index(axis)
        if data.shape[at] != 1:
            raise CliError(f"INPUT must hold a volume, got axes {given} in {path}")
        data, axes = data.take(0, axis=at), axes.replace(axis, "", 1)
    if "Z" not in axes:
        data, axes = data[None], "Z" + axes
    return data.transpose([axes.index(axis) for axis in "ZYX"]), data.shape[axes.index("Z")]


def _voxels(file: Any, number: int, said: list[str]) -> tuple[tuple[float, float, float], str | None]:
    """Return the voxel's size as (x, y, z) and its unit; a size in x and y alone says nothing."""
    if file.is_ome:
        return _ome(file.ome_metadata, number, len(file.series), said)
    if file.is_imagej:
        return _imagej(file, said)
    if file.is_lsm:
        sizes = [file.lsm_metadata.get(f"VoxelSize{axis}", 0.0) * 1e6 for axis in "XYZ"]
        return _checked(sizes, "um", said)
    return (1.0, 1.0, 1.0), None


def _ome(
    xml: str, number: int, images: int, said: list[str]
) -> tuple[tuple[float, float, float], str | None]:
    described = [e for e in ElementTree.fromstring(xml).iter() if e.tag.endswith("}Pixels")]
    # Of several, where they are as many as the images: else which is whose is not known.
    pixels = described[number if len(described) > 1 else 0] if len(described) in (1, images) else None
    if pixels is None or not all(pixels.get(f"PhysicalSize{axis}") for axis in "XYZ"):
        said.append("the file gives no voxel size in all of x, y, z: coordinates are in voxels")
        return (1.0, 1.0, 1.0), None
    words = [pixels.get(f"PhysicalSize{axis}Unit", "µm") for axis in "XYZ"]
    return _in_one_unit([float(pixels.get(f"PhysicalSize{axis}", "")) for axis in "XYZ"], words, said)


def _in_one_unit(
    sizes: list[float], words: list[str], said: list[str]
) -> tuple[tuple[float, float, float], str | None]:
    """Return sizes along x, y and z, each in a unit of its own, in that of x."""
    factors, unit = in_one_unit(words)
    if unit is None:
        said.append(no_lengths(words))
    return _checked([size * factor for size, factor in zip(sizes, factors, strict=True)], unit, said)


def _imagej(file: Any, said: list[str]) -> tuple[tuple[float, float, float], str | None]:
    about, page = file.imagej_metadata or {}, file.pages[0]
    words = [str(about.get(name, about.get("unit", ""))) for name in ("unit", "yunit", "zunit")]
    known = any(unit_named(word) for word in words)
    if "spacing" not in about and not known:
        return (1.0, 1.0, 1.0), None
    if "spacing" not in about:
        said.append(
            f"the file gives no spacing in z: 1 {unit_named(words[2]) or words[2]}, as ImageJ takes it"
        )
    sizes = [_pixel(page, "XResolution"), _pixel(page, "YResolution"), float(about.get("spacing", 1))]
    return _in_one_unit(sizes, words, said) if known else _checked(sizes, None, said)


def _pixel(page: Any, tag: str) -> float:
    """Return a pixel's size from the number of pixels a unit, which TIFF keeps as a fraction."""
    if tag not in page.tags:
        return 1.0
    pixels, units = page.tags[tag].value
    return float(units / pixels) if pixels else 1.0


def _checked(
    sizes: list[float], unit: str | None, said: list[str]
) -> tuple[tuple[float, float, float], str | None]:
    if not all(math.isfinite(size) and size > 0 for size in sizes):
        told = " x ".join(f"{size:g}" for size in sizes)
        said.append(f"the file's voxel size is {told}: coordinates are in voxels")
        return (1.0, 1.0, 1.0), None
    x, y, z = sizes
    return (x, y, z), unit
