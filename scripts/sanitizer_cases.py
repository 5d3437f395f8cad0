# SPDX-License-Identifier: MIT
"""Small volumes of every sample type on the GPU: what compute-sanitizer watches.

Samples are made on the CPU and copied: of a tensor that a kernel of torch's filled, a sanitizer that watches
our kernels alone would think that nobody had.
"""

from __future__ import annotations

import torch
from torchmcubes_bw import grid_interp, isosurface, marching_cubes

NAMES = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32")
SHAPES = ((2, 2, 2), (3, 5, 33), (9, 40, 70), (3, 200, 200), (2, 2, 1100), (60, 2, 2))


def check(what: str, got: tuple[torch.Tensor, ...], want: tuple[torch.Tensor, ...]) -> None:
    """Stop where the GPU's result is not the CPU's."""
    if not all(torch.equal(a.cpu(), b) for a, b in zip(got, want, strict=True)):
        raise SystemExit(f"{what}: the GPU's result is not the CPU's")


def extract_all() -> None:
    """Extract from every type and shape, whole and as a slice."""
    for name in NAMES:
        for shape in SHAPES:
            vol = torch.randint(0, 4, shape).to(getattr(torch, name))
            check(f"{name} {shape}", marching_cubes(vol.cuda(), 1.5), marching_cubes(vol, 1.5))
            meshes = [isosurface(v, 1.5, border="closed", normals=True) for v in (vol.cuda(), vol)]
            got, want = ((mesh.faces, mesh.normals) for mesh in meshes)
            check(f"normals of {name} {shape}", got, want)
        base = torch.randint(0, 4, (8, 21, 67)).to(getattr(torch, name))
        on_gpu, want = base.cuda()[::2, 1::2, ::3], marching_cubes(base[::2, 1::2, ::3], 1.5)
        check(f"a slice of {name}", marching_cubes(on_gpu, 1.5), want)


def refuse_nan() -> None:
    """See a NaN in the last sample."""
    vol = torch.ones(3, 4, 33)
    vol[2, 3, 32] = float("nan")
    try:
        marching_cubes(vol.cuda(), 0.0)
    except ValueError:
        return
    raise SystemExit("a NaN was not seen")


extract_all()
refuse_nan()
for dtype in (torch.float32, torch.float64):
    vols, points = torch.rand(3, 9, 10, 11, dtype=dtype), torch.rand(1000, 3, dtype=dtype) * 12
    check(f"grid_interp {dtype}", (grid_interp(vols.cuda(), points.cuda()),), (grid_interp(vols, points),))
print("equal")
