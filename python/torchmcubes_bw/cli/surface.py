# SPDX-License-Identifier: MIT
"""The library's calls: samples in, vertices and faces in indices out.

On the CPU the core is called as the library itself calls it, without torch: its import alone would take
longer than reading, cutting and writing 512^3 samples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .errors import FAILED, CliError

Array = NDArray[Any]

_MOST_INT32 = 2**31 - 1


class HasNan(Exception):
    """A sample that counts is NaN."""


def choose_device(wanted: str) -> tuple[str, str]:
    """Return the device to compute on, and what is said of it: auto takes a GPU where one serves."""
    kind, _, number = wanted.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (":" in wanted and (kind != "cuda" or not number.isdecimal())):
        raise CliError(f"--device must be auto, cpu, cuda or cuda:N, got {wanted}")
    if kind == "cpu" or (kind == "auto" and not _driver_is_there()):
        return "cpu", "on the CPU"
    import torch  # noqa: PLC0415 - a second that only a GPU is worth

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "auto" and count == 0:
        return "cpu", "on the CPU"
    if int(number or 0) >= count:
        seen = f"torch sees {count}" if count else "torch sees no GPU"
        raise CliError(f"--device must be one this machine has, got {wanted}: {seen}", FAILED)
    name = f"cuda:{int(number or 0)}"
    return name, f"on {name} ({torch.cuda.get_device_name(name)})"


def _driver_is_there() -> bool:
    return hasattr(_core, "cuda_driver_error") and not _core.cuda_driver_error()


def extract(
    vol: Array,
    level: float,
    device: str,
    valid: Array | None = None,
    cap: bool = False,
    above: bool = False,
    normals: bool = False,
) -> tuple[Array, Array, Array | None]:
    """Return vertices, faces and normals of what `valid` leaves, outward from the object's side.

    With `cap` the object is closed at the volume's border.
    """
    if cap and above:  # the core closes what is below: the mirror image of the values is
        vol, level = negated(vol, level)
        above = False
    if device == "cpu":
        verts, faces, directions = _on_cpu(vol, level, valid, cap, normals)
    else:
        verts, faces, directions = _on_gpu(vol, level, device, valid, cap, normals)
    if above:
        faces = np.ascontiguousarray(faces[:, ::-1])
        directions = None if directions is None else -directions
    return verts, faces, directions


def in_comparison_type(vol: Array, level: float) -> Any:
    """Return the level as the library compares it: in float64 where float32 does not hold the samples."""
    wide = vol.dtype.kind in "iu" and vol.dtype.itemsize >= 4
    return np.float64(level) if wide or vol.dtype == np.float64 else np.float32(level)


def negated(vol: Array, level: float) -> tuple[Array, float]:
    """Return -vol, and the level that has the same samples on its sides: those equal to it are above."""
    if vol.dtype == np.bool_:
        mirror = 1 - float(np.float32(level))
        if 0 < mirror < 1:  # no sample lies on it
            return ~vol, mirror
        return ~vol, float(np.nextafter(np.float32(mirror), np.float32(np.inf)))
    wider = {"u": {1: "int16", 2: "int32"}, "i": {1: "int16", 2: "int32"}}.get(vol.dtype.kind, {})
    kind = vol.dtype if vol.dtype.kind == "f" else np.dtype(wider.get(vol.dtype.itemsize, "float64"))
    mirrored = -vol.astype(kind)
    compared = -in_comparison_type(mirrored, level)
    return mirrored, float(np.nextafter(compared, compared.dtype.type(np.inf)))


def _on_cpu(
    vol: Array, level: float, valid: Array | None, cap: bool, normals: bool
) -> tuple[Array, Array, Array | None]:
    counting = None if valid is None else valid.view(np.uint8)
    mask, steps = (0, (0, 0, 0)) if counting is None else (counting.ctypes.data, counting.strides)
    samples = Readable(vol)
    plan = _core.prepare(*samples.told, level, mask, steps, False, cap, (1.0, 1.0, 1.0), 0, threads())
    if plan.has_nan:
        raise HasNan
    wide = plan.vertices > _MOST_INT32
    real = np.float64 if vol.dtype == np.float64 else np.float32
    verts = np.empty((plan.vertices, 3), real)
    faces = np.empty((plan.triangles, 3), np.int64 if wide else np.int32)
    plan.emit(verts.ctypes.data, faces.ctypes.data, wide)
    if not normals:
        return verts, faces, None
    directions = np.empty_like(verts)
    plan.emit_normals(directions.ctypes.data)
    return verts, faces, directions


class Readable:
    """A volume as the core is told of it, at strides of whole samples; keeps its memory."""

    def __init__(self, vol: Array) -> None:
        whole = vol.flags.aligned and all(step % vol.itemsize == 0 for step in vol.strides)
        self.samples = vol if whole else vol.copy()
        strides = [step // vol.itemsize for step in self.samples.strides]
        self.told: tuple[int, str, tuple[int, ...], list[int]] = (
            self.samples.ctypes.data,
            vol.dtype.name,
            vol.shape,
            strides,
        )


def threads() -> int:
    """Return how many there are to work."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _on_gpu(
    vol: Array, level: float, device: str, valid: Array | None, cap: bool, normals: bool
) -> tuple[Array, Array, Array | None]:
    import torch  # noqa: PLC0415

    from .. import isosurface  # noqa: PLC0415

    mask = None if valid is None else torch.as_tensor(valid).to(device)
    try:
        mesh = isosurface(
            torch.as_tensor(vol).to(device),
            level,
            mask=mask,
            border="closed" if cap else "open",
            normals=normals,
        )
    except ValueError:
        if np.isnan(vol).any():
            raise HasNan from None
        raise
    directions = None if mesh.normals is None else mesh.normals.cpu().numpy()
    return mesh.verts.cpu().numpy(), mesh.faces.cpu().numpy(), directions


def labels(
    vol: Array, wanted: list[int], device: str, valid: Array | None, cap: bool, normals: bool
) -> Iterator[tuple[int, Array, Array, Array | None]]:
    """Yield each label with its vertices, faces and normals, outward. Every one occurs in these integers."""
    boxes = dict(_core.label_boxes(*Readable(vol).told, [label % 2**64 for label in wanted], threads()))
    for label in wanted:
        low, high = np.array(boxes[label % 2**64]).reshape(2, 3)
        first = np.maximum(low - 1, 0)
        part = tuple(slice(*each) for each in zip(first.tolist(), (high + 1).tolist(), strict=True))
        counting = None if valid is None else np.ascontiguousarray(valid[part])
        verts, faces, directions = extract(vol[part] == label, 0.5, device, counting, cap, True, normals)
        yield label, verts + first[::-1].astype(verts.dtype), faces, directions
