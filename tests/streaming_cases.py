# SPDX-License-Identifier: MIT
"""The volumes of the streaming tests, and what fails in them."""

import numpy as np
import pytest
import volumes
import zarr

SHAPE = (23, 19, 70)
NAN = np.random.default_rng(1).random(SHAPE) < 0.01
MASK = np.random.default_rng(2).random(SHAPE) < 0.97
needs_zarr_3 = pytest.mark.skipif(
    int(zarr.__version__.split(".")[0]) < 3, reason="needs zarr 3 to write with"
)


def fields():
    """Return volumes of each kind: smooth, thin sheets a sample apart, and white noise; and their levels."""
    z, y, x = volumes.grid(SHAPE)
    smooth = (np.sqrt((z - 11.3) ** 2 + (y - 9.1) ** 2 + (x - 33.2) ** 2 / 9) - 7).astype(np.float32)
    thin = (np.cos(np.pi * (z + 0.3 * y)) + 0.1 * np.sin(x)).astype(np.float32)
    return {"smooth": smooth, "thin": thin, "noise": volumes.noise(SHAPE)}


def cast(vol, dtype):
    """Return a volume in a type, and a level in it."""
    if dtype == "float32":
        return vol, 0.1
    return np.clip(vol * 20 + 100, 0, 255).astype(dtype), 102.5


def nan_at(vol, *place):
    vol = vol.copy()
    vol[place] = np.nan
    return vol


NOISE = volumes.noise(SHAPE)


def broken(z0, z1):
    if z1 > 12:
        raise OSError("the chunk's checksum is wrong")
    return NOISE[z0:z1]
