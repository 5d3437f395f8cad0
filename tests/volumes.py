# SPDX-License-Identifier: MIT
"""Volumes that several tests share."""

from __future__ import annotations

import numpy as np


def grid(shape):
    """Return coordinates z, y, x in voxels, ready to broadcast."""
    return np.ogrid[tuple(slice(0, n) for n in shape)]


def ball(shape, centre, radius):
    """Signed distance to a sphere, negative inside; `centre` is (x, y, z) in voxels."""
    z, y, x = grid(shape)
    cx, cy, cz = centre
    return (np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) - radius).astype(np.float32)


def torus(n, major, minor):
    """Signed distance to a torus around the z axis of a cube of n samples a side."""
    z, y, x = (g - (n - 1) / 2 for g in grid((n, n, n)))
    ring = np.sqrt(x**2 + y**2) - major
    return (np.sqrt(ring**2 + z**2) - minor).astype(np.float32)


def gyroid(n, periods=2.0):
    """A gyroid that runs through the whole cube."""
    z, y, x = (2 * np.pi * periods * g / n for g in grid((n, n, n)))
    return (np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)).astype(np.float32)


def noise(shape, seed=0, outside_border=False):
    """White noise; with `outside_border` the surface stays away from the volume's border."""
    vol = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    if outside_border:
        for axis in range(3):
            for side in (0, -1):
                np.moveaxis(vol, axis, 0)[side] = 5
    return vol


def integer_lattice(shape, dtype=np.int16):
    """Integers that no platform computes differently, rough in all directions."""
    z, y, x = (g.astype(np.int64) for g in grid(shape))
    value = (x * 7919 + y * 104729 + z * 1299709 + x * y * 31 + y * z * 17 + z * x * 13) % 211
    return (value - 105).astype(dtype)
