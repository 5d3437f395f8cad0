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

from typing import TYPE_CHECKING, Any

from ._build import HAS_CUDA, __version__, build_info

if TYPE_CHECKING:
    from . import fields
    from .dual import dual_marching_cubes
    from .field_extraction import extract_field
    from .interpolation import grid_interp
    from .labels import LabelSurfaces, label_surfaces
    from .mesh import Mesh
    from .sparse import marching_cubes_blocks, marching_cubes_cells
    from .streaming import stream_surface
    from .surfaces import isosurface, marching_cubes

__all__ = [
    "HAS_CUDA",
    "LabelSurfaces",
    "Mesh",
    "__version__",
    "build_info",
    "dual_marching_cubes",
    "extract_field",
    "fields",
    "grid_interp",
    "isosurface",
    "label_surfaces",
    "marching_cubes",
    "marching_cubes_blocks",
    "marching_cubes_cells",
    "stream_surface",
]

_NEEDS_TORCH = {
    "LabelSurfaces": "labels",
    "Mesh": "mesh",
    "dual_marching_cubes": "dual",
    "extract_field": "field_extraction",
    "fields": "fields",
    "grid_interp": "interpolation",
    "isosurface": "surfaces",
    "label_surfaces": "labels",
    "marching_cubes": "surfaces",
    "marching_cubes_blocks": "sparse",
    "marching_cubes_cells": "sparse",
    "stream_surface": "streaming",
}


def __getattr__(name: str) -> Any:
    """Import torch with the first name that needs it: the command line answers most errors without."""
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    module = import_module(f".{_NEEDS_TORCH[name]}", __name__)
    value = globals()[name] = module if name == _NEEDS_TORCH[name] else getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
