# SPDX-License-Identifier: MIT
"""Calls that a type checker must accept and, where they are marked, refuse: mypy reads this, nothing runs it.

A mark that is not needed is an error of its own.
"""

from decimal import Decimal

import numpy as np
import torch
import torchmcubes_bw
from torchmcubes_bw import grid_interp, marching_cubes

vol, array = torch.ones(3, 3, 3), np.ones((3, 3, 3))
verts, faces = marching_cubes(vol, 0.5)
for level in (1, 0.5, np.float32(0.5), Decimal("0.5"), torch.tensor(0.5), np.array(0.5)):
    marching_cubes(array, level)
values: torch.Tensor = grid_interp(vol[None], verts)
grid_interp(array[None], array[0])
torchmcubes_bw.fields.sample("noise", 5)

marching_cubes([1, 2, 3], 0.5)  # type: ignore[arg-type]
marching_cubes(vol, "x")  # type: ignore[arg-type]
marching_cubes(vol, 1j)  # type: ignore[arg-type]
marching_cubes(vol, None)  # type: ignore[arg-type]
grid_interp(vol[None], [0, 0, 0])  # type: ignore[arg-type]
