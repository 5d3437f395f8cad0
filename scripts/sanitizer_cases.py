# SPDX-License-Identifier: MIT
"""Small volumes of every sample type on the GPU: what compute-sanitizer watches."""

from __future__ import annotations

import torch
from torchmcubes_bw import grid_interp, marching_cubes

NAMES = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32")

for name in NAMES:
    for shape in ((2, 2, 2), (3, 5, 33), (9, 40, 70)):
        vol = torch.randint(0, 4, shape).to(getattr(torch, name))
        want = marching_cubes(vol, 1.5)
        got = marching_cubes(vol.cuda(), 1.5)
        if not all(torch.equal(a.cpu(), b) for a, b in zip(got, want, strict=True)):
            raise SystemExit(f"{name} {shape}: the GPU's mesh is not the CPU's")
vols, points = torch.rand(3, 9, 10, 11), torch.rand(1000, 3) * 12
if not torch.equal(grid_interp(vols.cuda(), points.cuda()).cpu(), grid_interp(vols, points)):
    raise SystemExit("grid_interp: the GPU's values are not the CPU's")
print("equal")
