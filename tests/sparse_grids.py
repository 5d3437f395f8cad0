# SPDX-License-Identifier: MIT
"""Cells and blocks of volumes, for the tests of every backend."""

import numpy as np
import torch


def cells_of(vol, wanted):
    """Return the cells where `wanted` is true: (x, y, z) and corners, in raster order."""
    z, y, x = wanted.nonzero(as_tuple=True)
    corners = [vol[z + (c >> 2), y + (c >> 1 & 1), x + (c & 1)] for c in range(8)]
    return torch.stack([x, y, z], 1), torch.stack(corners, 1)


def crossed(vol, level):
    """Return which cells the surface crosses."""
    inside = (vol < level).numpy()
    nz, ny, nx = (n - 1 for n in inside.shape)
    eight = [inside[c >> 2 :, c >> 1 & 1 :, c & 1 :][:nz, :ny, :nx] for c in range(8)]
    return torch.from_numpy(np.any(eight, 0) & ~np.all(eight, 0))


def blocks_of(vol, side, wanted=None):
    """Cut a volume into blocks; its sides must be a multiple of `side`, plus 1."""
    shape = [(n - 1) // side for n in vol.shape]
    places = [p for p in np.ndindex(*shape) if wanted is None or wanted(*p)]
    coords = torch.tensor([(x, y, z) for z, y, x in places]).reshape(-1, 3)
    cut = [vol[tuple(slice(p * side, p * side + side + 1) for p in place)] for place in places]
    return coords, torch.stack(cut)


def shuffled(*tensors):
    order = torch.from_numpy(np.random.default_rng(3).permutation(len(tensors[0])))
    return tuple(tensor[order] for tensor in tensors)


def some_of(coords, values, share, seed=0):
    """Leave a share of the blocks, in any order."""
    keep = torch.from_numpy(np.random.default_rng(seed).random(len(coords)) < share)
    return shuffled(coords[keep], values[keep])
