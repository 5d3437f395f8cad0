# SPDX-License-Identifier: MIT
"""Colours for vertices from the samples of a volume."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import CliError
from .scan.scan import Scan

# From dark blue over green to yellow, each lighter than the one before: read also without colour.
_STOPS = np.array(
    [[0.18, 0.08, 0.38], [0.17, 0.30, 0.58], [0.10, 0.53, 0.55], [0.32, 0.74, 0.40], [0.98, 0.90, 0.25]]
)


def colours_at(verts: NDArray[Any], scan: Scan, said: list[str]) -> NDArray[np.uint8]:
    """Return a colour (V, 3) for each vertex: the scan's value there, from its least to its greatest."""
    import torch  # noqa: PLC0415

    from .. import grid_interp  # noqa: PLC0415

    if scan.planes is not None:
        raise CliError("--colour cannot follow slices that are unevenly spaced")
    inverse = np.linalg.inv(scan.affine)
    points = verts @ inverse[:3, :3].T + inverse[:3, 3]
    samples = np.ascontiguousarray(scan.samples, np.float32)
    values = grid_interp(torch.from_numpy(samples)[None], torch.from_numpy(points.astype(np.float32)))
    at = values.numpy()[:, 0].astype(np.float64)
    finite = np.isfinite(at)
    if not finite.any():
        raise CliError("--colour must have numbers at the surface, got none")
    low, high = at[finite].min(), at[finite].max()
    said.append(f"--colour: from {low:g} (dark) to {high:g} (light)")
    share = np.where(finite, at - low, 0) / (high - low if high > low else 1)
    return ramp(share)


def ramp(share: NDArray[Any]) -> NDArray[np.uint8]:
    """Return colours of values from 0 to 1."""
    stops = np.linspace(0, 1, len(_STOPS))
    parts = [np.interp(share, stops, _STOPS[:, k]) for k in range(3)]
    return np.asarray(np.rint(np.stack(parts, axis=1) * 255), np.uint8)
