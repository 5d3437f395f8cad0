# SPDX-License-Identifier: MIT
"""Cells and blocks of cells: where they lie, and their samples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .samples import Samples, checked

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
_MOST = 2**32 - 1  # the core counts blocks in 32 bits
_LONGEST_SIDE = 2**20
Words = tuple[str, str, str]  # what a block is called, its values, and a place where two of them meet


class Blocks(NamedTuple):
    """Blocks that have passed every check. Their twin in the core is `mc::cpu::BlockRequest`."""

    coords: Samples  # (N, 3), int32 or int64
    values: Samples  # (N, B + 1, B + 1, B + 1)
    level: float
    words: Words


def cells(coords: Any, corners: Any, level: float) -> Blocks:
    """Check the arguments of `marching_cubes_cells`."""
    values = checked(corners, "corners")
    if len(values.shape) != 2 or values.shape[1] != 8:
        raise ValueError(f"corners must have shape (N, 8), got shape {values.shape}")
    row, step = values.strides
    cubes = values._replace(shape=(values.shape[0], 2, 2, 2), strides=(row, 4 * step, 2 * step, step))
    return _blocks(coords, cubes, level, ("cell", "corners", "cells share a corner"))


def blocks(coords: Any, values: Any, level: float) -> Blocks:
    """Check the arguments of `marching_cubes_blocks`."""
    samples = checked(values, "values")
    sides = samples.shape[1:]
    if len(sides) != 3 or sides[0] < 2 or sides.count(sides[0]) != 3:
        wanted = "(N, B + 1, B + 1, B + 1) with B at least 1"
        raise ValueError(f"values must have shape {wanted}, got shape {samples.shape}")
    if sides[0] > _LONGEST_SIDE:
        raise ValueError(f"values must have at most 2^20 samples a side, got shape {samples.shape}")
    return _blocks(coords, samples, level, ("block", "values", "blocks share a sample"))


def _blocks(coords: Any, values: Samples, level: float, words: Words) -> Blocks:
    at = checked(coords, "coords")
    if at.dtype not in _INTEGERS:
        raise TypeError(f"coords must have an integer dtype, got {at.owner.dtype}")
    if len(at.shape) != 2 or at.shape[1] != 3:
        raise ValueError(f"coords must have shape (N, 3), got shape {at.shape}")
    if at.shape[0] != values.shape[0]:
        one, other, _ = words
        raise ValueError(
            f"coords must have a row for each {one} of {other}, {values.shape[0]}, got shape {at.shape}"
        )
    if at.device != values.device:
        raise ValueError(f"coords must be on the device of {words[1]}, {values.device}, got {at.device}")
    if at.shape[0] > _MOST:
        raise ValueError(f"coords must have at most 2^32 - 1 rows, got shape {at.shape}")
    return Blocks(at, values, level, words)


def in_core_dtype(coords: Samples) -> Samples:
    """Return positions on the CPU as the core reads them: int32 or int64."""
    if coords.dtype in ("int32", "int64"):
        return coords
    return checked(coords.owner.numpy().astype(np.int64), "coords")


def fault(asked: Blocks, kind: str, at: tuple[int, int, int], two: tuple[float, float]) -> ValueError:
    """Return the error for blocks that make no mesh, as the core tells it."""
    one, name, where = asked.words
    if kind == "twice":
        return ValueError(f"coords must name each {one} once, got {tuple(at)} twice")
    if kind == "far":
        return ValueError(
            "coords must lie within 2^40 of 0, and in a box that, its sides rounded up to powers of 2, "
            "has at most 2^62 positions"
        )
    if kind == "nan":
        return ValueError(f"{name} must not contain NaN, got one at the sample {tuple(at)}")
    first, second = two
    return ValueError(
        f"{name} must agree where {where}, got {first:g} and {second:g} at the sample {tuple(at)}"
    )
