# SPDX-License-Identifier: MIT
"""Marching cubes for PyTorch tensors, on any CPU and any NVIDIA GPU.

>>> import torch
>>> from torchmcubes_bw import marching_cubes
>>> z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, 32)] * 3, indexing="ij")
>>> verts, faces = marching_cubes((x**2 + y**2 + z**2).sqrt() - 0.7, 0.0)
>>> verts.shape, faces.shape
(torch.Size([2256, 3]), torch.Size([4508, 3]))
"""

from __future__ import annotations

from . import fields
from ._build import HAS_CUDA, __version__, build_info
from .dual import dual_marching_cubes
from .interpolation import grid_interp
from .mesh import Mesh
from .surfaces import isosurface, marching_cubes

__all__ = [
    "HAS_CUDA",
    "Mesh",
    "__version__",
    "build_info",
    "dual_marching_cubes",
    "fields",
    "grid_interp",
    "isosurface",
    "marching_cubes",
]
