# SPDX-License-Identifier: MIT
"""Surfaces of grids that are known in places: as cells, or as blocks of cells."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
from torch import Tensor

from .arguments import blocks as arguments
from .arguments.level import level as checked_level
from .backends import choose


def marching_cubes_cells(
    coords: Tensor | np.ndarray[Any, Any],
    corners: Tensor | np.ndarray[Any, Any],
    level: SupportsFloat | Tensor,
) -> tuple[Tensor, Tensor]:
    """Extract the isosurface of single cells of a grid that is nowhere dense.

    Shapes:
        `coords` is ``(N, 3)``: the position ``(x, y, z)`` of each cell's lowest corner, in any order,
        negative ones too. `corners` is ``(N, 8)``: the samples at its corners, corner ``x + 2y + 4z`` at
        ``coords + (x, y, z)``: ``vol[z:z+2, y:y+2, x:x+2].reshape(8)``.

    Dtype:
        Integers for `coords`; those of `marching_cubes` for `corners`.

    Device:
        That of both; NumPy arrays give CPU tensors. On a GPU torch sorts the cells and its kernels make the
        CPU's bytes; the host reads twice. The CPU computes, with one warning, for a device without kernels,
        and for a GPU's cells in a box of 2^62 words of 32 samples, or that touch 2^31 of these.

    Range:
        As `marching_cubes`: inside is below the level, NaN is refused. Cells that share a corner must agree
        on its sample. Positions lie within 2^40 of 0; their box, its sides rounded
        up to powers of 2, has at most 2^62.

    Returns:
        ``(verts, faces)`` as `marching_cubes`: one vertex on each crossed edge, shared by the cells around it
        because they have the same place in the grid, in the same order as of a dense volume; the same bytes
        as its mesh where the cells hold all that the surface crosses, and as that with a mask else. Memory
        grows with N, on the CPU also with what two planes of the grid hold.

    Raises:
        TypeError, ValueError: An argument is not as described; a cell is named twice; cells differ in the
            sample they share (the text names its place and both values).
        MemoryError, torch.OutOfMemoryError: the machine's memory, or the GPU's, is full.

    >>> import torch
    >>> corners = torch.tensor([[-1.0, 1, 1, 1, 1, 1, 1, 1]])
    >>> marching_cubes_cells(torch.tensor([[5, 6, 7]]), corners, 0.0)[0]
    tensor([[5.5000, 6.0000, 7.0000],
            [5.0000, 6.5000, 7.0000],
            [5.0000, 6.0000, 7.5000]])
    """
    verts, faces, _ = choose.sparse(arguments.cells(coords, corners, checked_level(level, "level")))
    return verts, faces


def marching_cubes_blocks(
    coords: Tensor | np.ndarray[Any, Any],
    values: Tensor | np.ndarray[Any, Any],
    level: SupportsFloat | Tensor,
) -> tuple[Tensor, Tensor]:
    """Extract the isosurface of blocks of cells of a grid that is nowhere dense.

    Shapes:
        `values` is ``(N, B + 1, B + 1, B + 1)``: the samples of each block of B cells a side, ``[z, y, x]``.
        `coords` is ``(N, 3)``: the position ``(x, y, z)`` of each block, in blocks: its lowest sample is at
        ``B * coords``.

    Dtype:
        Integers for `coords`; those of `marching_cubes` for `values`.

    Device:
        As `marching_cubes_cells`.

    Range:
        As `marching_cubes_cells`. Blocks side by side hold the samples of the face between them both, and
        must agree on them.

    Returns:
        ``(verts, faces)`` as `marching_cubes_cells`, in voxels.

    Raises:
        TypeError, ValueError, MemoryError: as `marching_cubes_cells`.

    >>> import torch
    >>> vol = torch.ones(5, 5, 9)
    >>> vol[2, 2, 3:6] = -1
    >>> blocks = torch.stack([vol[:, :, :5], vol[:, :, 4:]])
    >>> verts, faces = marching_cubes_blocks(torch.tensor([[0, 0, 0], [1, 0, 0]]), blocks, 0.0)
    >>> len(verts), len(faces)
    (14, 24)
    """
    verts, faces, _ = choose.sparse(arguments.blocks(coords, values, checked_level(level, "level")))
    return verts, faces
