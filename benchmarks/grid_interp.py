# SPDX-License-Identifier: MIT
"""Trilinear interpolation: ours beside torch's grid_sample."""

from __future__ import annotations

from typing import Any

import torch
from torchmcubes_bw import grid_interp
from torchmcubes_bw.measure import timed


def run_grid_interp(size: int, count: int, channels: int = 3) -> dict[str, Any]:
    """Time both at random points, in turns; their values must agree."""
    generator = torch.Generator().manual_seed(0)
    vol = torch.rand((channels, size, size, size), generator=generator)
    points = torch.rand((count, 3), generator=generator) * (size - 1)
    grid = (points / (size - 1) * 2 - 1)[None, None, None]

    def sample() -> torch.Tensor:
        values = torch.nn.functional.grid_sample(vol[None], grid, align_corners=True, padding_mode="border")
        return values[0, :, 0, 0].T.contiguous()  # (P, C), as ours

    def ours() -> torch.Tensor:
        return grid_interp(vol, points)

    if not torch.allclose(ours(), sample(), atol=1e-3):
        raise RuntimeError("grid_interp and grid_sample disagree")
    seconds = {"torchmcubes-bw": [], "torch grid_sample": []}
    for _ in range(9):
        seconds["torchmcubes-bw"].append(timed(ours))
        seconds["torch grid_sample"].append(timed(sample))
    return {"size": size, "points": count, "channels": channels, "seconds": seconds}
