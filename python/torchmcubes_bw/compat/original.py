# SPDX-License-Identifier: MIT
"""torchmcubes' calls: ours, with results that never require grad, as code that calls it expects."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
from torch import Tensor

from .. import interpolation, surfaces


def marching_cubes(
    vol: Tensor | np.ndarray[Any, Any],
    thresh: SupportsFloat | Tensor,
    *,
    mask: Tensor | np.ndarray[Any, Any] | None = None,
    nan: str = "raise",
) -> tuple[Tensor, Tensor]:
    """Extract the isosurface of a volume: `torchmcubes_bw.marching_cubes`, without gradients."""
    return surfaces.marching_cubes(_still(vol), _still(thresh), mask=mask, nan=nan)


def grid_interp(vol: Tensor | np.ndarray[Any, Any], points: Tensor | np.ndarray[Any, Any]) -> Tensor:
    """Interpolate a stack of volumes at points: `torchmcubes_bw.grid_interp`, without gradients."""
    return interpolation.grid_interp(_still(vol), _still(points))


def _still(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) and value.requires_grad else value
