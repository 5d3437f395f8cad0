# SPDX-License-Identifier: MIT
"""Grids that are known in places, on the CPU."""

from __future__ import annotations

import torch

from .. import _core
from ..arguments import blocks as arguments
from ..arguments.arrays import no_memory
from ..arguments.blocks import Blocks
from .results import INT32_MAX, Surface, empty, refuse_fake_mode


def surface(asked: Blocks) -> Surface:
    """Extract the surface of checked blocks."""
    refuse_fake_mode()
    coords, values = arguments.in_core_dtype(asked.coords), asked.values
    try:
        plan = _core.prepare_blocks(
            coords.address,
            coords.dtype == "int64",
            coords.strides[0],
            coords.strides[1],
            *values.told,
            asked.level,
            torch.get_num_threads(),
        )
        if plan.fault:
            raise arguments.fault(asked, plan.fault, plan.fault_at, plan.fault_values)
        wide = plan.vertices > INT32_MAX
        real = torch.float64 if values.dtype == "float64" else torch.float32
        verts, verts_at = empty(plan.vertices, 3, real)
        faces, faces_at = empty(plan.triangles, 3, torch.int64 if wide else torch.int32)
        plan.emit(verts_at, faces_at, wide)
    except MemoryError:
        raise no_memory(asked.words[1], values.shape) from None
    return Surface(verts, faces)
