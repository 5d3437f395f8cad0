# SPDX-License-Identifier: MIT
"""Grids that are known in places, on a GPU: torch sorts what there is, the kernels do the rest."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import _core
from ..arguments.blocks import Blocks
from ..arguments.samples import Samples
from .converted import as_kernels_read
from .cuda import NoKernels, memory_errors
from .results import INT32_MAX, Surface

_FARTHEST = 2**40  # from 0, and
_MOST_BITS = 62  # of the ranges on all axes: where the CPU refuses positions
_MOST_KEYS = 2**62
_MOST_THREADS = 2**38


class Listed(NamedTuple):
    """Blocks in raster order, and the words of 32 samples that they touch; see `csrc/cuda/sparse_job.h`."""

    keys: Tensor  # of the blocks, ascending
    order: Tensor  # the caller's number of each
    low: list[int]  # the lowest position on x, y and z
    high: list[int]
    words: Tensor  # keys of words, ascending, some of them several times
    row_keys: int
    plane_rows: int


def surface(kernels: _core.CudaKernels, stream: int, asked: Blocks) -> Surface | None:
    """Extract the surface of checked blocks; None where they make none, and the CPU has to tell why.

    The host reads twice: where blocks lie, with a number that tells how many words there are at most, and the
    mesh's size.

    Raises:
        NoKernels: their box is too large for the kernels' keys, they are too many, or their vertices are.
    """
    _core.cuda_refuse_capture(kernels, stream)
    values, device = asked.values, asked.values.device
    double = values.dtype == "float64"
    real = torch.float64 if double else torch.float32
    if values.shape[0] == 0:
        faces = torch.empty((0, 3), dtype=torch.int32, device=device)
        return Surface(torch.empty((0, 3), dtype=real, device=device), faces)
    samples = as_real(values)
    blocks = listed(asked)
    if blocks is None:
        return None
    size = _core.cuda_sparse_scratch_bytes(len(blocks.words))
    scratch = torch.zeros(size, dtype=torch.uint8, device=device)
    with memory_errors():
        plan = _core.cuda_prepare_sparse(
            kernels,
            stream,
            samples.data_ptr(),
            samples.dtype == torch.float64,
            samples.stride(),
            values.shape[1] - 1,
            asked.level,
            (blocks.keys.data_ptr(), blocks.order.data_ptr()),
            len(blocks.keys),
            blocks.low,
            blocks.high,
            blocks.words.data_ptr(),
            (len(blocks.words), blocks.row_keys, blocks.plane_rows),
            scratch.data_ptr(),
        )
        if plan.in_trouble:
            return None
        if plan.vertices > INT32_MAX:
            raise NoKernels("its kernels make at most 2^31 - 1 vertices of cells and blocks")
        verts = torch.empty((plan.vertices, 3), dtype=real, device=device)
        faces = torch.empty((plan.triangles, 3), dtype=torch.int32, device=device)
        plan.emit(verts.data_ptr(), faces.data_ptr(), double)
    return Surface(verts, faces)


def as_real(values: Samples) -> Tensor:
    """Return samples in the type that they are computed with, as the CPU packs them too."""
    samples = as_kernels_read(values)
    wide = samples.dtype in (torch.float64, torch.int32)
    return samples.to(torch.float64 if wide else torch.float32).reshape(values.shape)


def listed(asked: Blocks) -> Listed | None:
    """Sort blocks, and list the words that they touch; None where the CPU refuses positions so far apart.

    Raises:
        NoKernels: see `surface`.
    """
    side = asked.values.shape[1] - 1
    at = asked.coords.owner.to(torch.int64)
    low, high = at.amin(0), at.amax(0)
    positions = high - low + 1
    x, y, z = (at - low).unbind(1)
    keys, order = ((z * positions[1] + y) * positions[0] + x).sort()
    # Numbers on the device, as the ranges are: nothing is read until it is known how many rows have words.
    first_word = low[0] * side >> 5
    row_keys = ((high[0] + 1) * side >> 5) - first_word + 2
    plane_rows = positions[1] * side + 2
    x, y, z = at[order].unbind(1)
    row = ((z - low[2]) * side * plane_rows + (y - low[1]) * side) * row_keys - first_word
    last = row + ((x + 1) * side >> 5)
    steps = torch.arange(_parts(side), device=at.device)
    ascending = torch.minimum((row + (x * side >> 5))[:, None] + steps, last[:, None]).reshape(-1)
    is_new = torch.ones_like(ascending, dtype=torch.bool)
    is_new[1:] = ascending[1:] != ascending[:-1]
    places = is_new.cumsum(0)
    told = torch.cat((low, high, row_keys[None], plane_rows[None], places[-1:])).tolist()
    if not _within_reach(told[:3], told[3:6]):
        return None
    _refuse_too_much(asked, told)
    rows = ascending.new_zeros(told[8]).scatter_(0, places - 1, ascending)
    steps = torch.arange(side + 1, device=at.device)
    to_samples = ((steps[:, None] * told[7] + steps) * told[6]).reshape(-1)
    words = (rows[:, None] + to_samples).reshape(-1).sort().values
    return Listed(keys, order, told[:3], told[3:6], words, told[6], told[7])


def _parts(side: int) -> int:
    """Return the most words that side + 1 samples in a row touch."""
    return (side + 31) // 32 + 1


def _within_reach(low: list[int], high: list[int]) -> bool:
    """Tell whether the CPU takes positions in such a box."""
    bits = sum((most - least).bit_length() for least, most in zip(low, high, strict=True))
    return min(low) >= -_FARTHEST and max(high) <= _FARTHEST and bits <= _MOST_BITS


def _refuse_too_much(asked: Blocks, told: list[int]) -> None:
    samples = asked.values.shape[1]
    planes = (told[5] - told[2] + 1) * (samples - 1) + 2
    if planes * told[7] * told[6] >= _MOST_KEYS:
        raise NoKernels("its kernels number the words of a grid's box up to 2^62")
    rows = asked.values.shape[0] * samples**2
    if told[8] * samples**2 > INT32_MAX or rows * _parts(samples - 1) >= _MOST_THREADS:
        raise NoKernels("its kernels take fewer than 2^31 words of samples, and 2^38 rows of blocks")
