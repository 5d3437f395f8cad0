# SPDX-License-Identifier: MIT
"""Trilinear interpolation: ours beside torch's grid_sample, and whoever else has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torchmcubes_bw.measure import timed

from .rivals import Rival

_ROUNDS = 9


def run_grid_interp(
    rivals: list[Rival], device: str, size: int, count: int, channels: int = 3
) -> dict[str, Any]:
    """Time all at random points, in turns; their values must agree with ours, which comes first."""
    generator = torch.Generator().manual_seed(0)
    vol = torch.rand((channels, size, size, size), generator=generator).to(device)
    points = torch.rand((count, 3), generator=generator).to(device) * (size - 1)
    makers = {r.name: r.interpolate for r in rivals if r.interpolate} | {"torch grid_sample": _grid_sample}
    calls: dict[str, Callable[[], Any]] = {}
    faults: dict[str, str] = {}
    want = None
    for name, ready in makers.items():
        try:
            call = ready(vol, points)
            got = _values(call())
            want = got if want is None else want
            faults |= {} if np.allclose(got, want, atol=1e-3) else {name: "other values than ours"}
            calls[name] = call
        except Exception as error:  # the others go on
            faults[name] = f"failed: {error}"
    seconds: dict[str, list[float]] = {name: [] for name in calls if name not in faults}
    for _ in range(_ROUNDS):
        for name, taken in seconds.items():
            taken.append(timed(calls[name], device))
    return {"size": size, "points": count, "channels": channels, "seconds": seconds, "faults": faults}


def _grid_sample(vol: torch.Tensor, points: torch.Tensor) -> Callable[[], torch.Tensor]:
    grid = (points / (vol.shape[-1] - 1) * 2 - 1)[None, None, None]

    def sample() -> torch.Tensor:
        values = torch.nn.functional.grid_sample(vol[None], grid, align_corners=True, padding_mode="border")
        return values[0, :, 0, 0].T.contiguous()  # (P, C), as ours

    return sample


def _values(values: Any) -> np.ndarray:
    return np.asarray(values.cpu() if isinstance(values, torch.Tensor) else values)
