# SPDX-License-Identifier: MIT
"""The calls as operators of torch: what torch.compile, torch.export, make_fx and FakeTensorMode see of them.

They are entered only where torch traces; every other call goes straight to its backend. torch has what they
need from 2.4 on.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .arguments.batch import Room
from .arguments.options import PRIMAL, Method
from .arguments.placement import Triple
from .backends.results import Surface
from .gradients import Options

AVAILABLE = hasattr(torch.library, "custom_op")

if AVAILABLE:
    from . import definitions, definitions_packed

_compiling = torch.compiler.is_compiling


def traced(vol: Any) -> bool:
    """Whether torch traces a call with this volume, and not just runs it.

    Of what runs while make_fx records it, the first `checked` argument tells, by `Recorded`: to ask costs.
    """
    if _compiling():
        return AVAILABLE
    return type(vol) is not Tensor and type(vol).__name__ == "FakeTensor" and AVAILABLE


def surface(vol: Any, level: Any, mask: Any, options: Options, method: Method = PRIMAL) -> Surface:
    """Extract a surface by an operator; without normals that part has no rows."""
    if not isinstance(vol, Tensor):
        raise TypeError(f"vol must be a torch.Tensor where torch traces, got {type(vol).__name__}")
    if not isinstance(level, Tensor):
        level = vol.new_full((), level, dtype=torch.float64, device="cpu")
    asked = (options.nan, options.border, [*options.spacing], options.normals, options.name)
    verts, faces, normals = _extracted(vol, level, mask, *asked, method.dual, method.quads, method.rounds)
    return Surface(verts, faces, normals if options.normals else None)


def _extracted(vol: Tensor, *asked: Any) -> tuple[Tensor, Tensor, Tensor]:
    if _compiling():
        return definitions.surface(vol, *asked)  # type: ignore[no-any-return]
    try:
        return definitions.surface(vol, *asked)  # type: ignore[no-any-return]
    except Exception as error:
        if type(error).__name__ != "DynamicOutputShapeException":
            raise
        wanted = "in a FakeTensorMode with a shape_env: a mesh's size is not known before"
        raise TypeError(f"vol must be {wanted}, got a {type(vol).__name__}") from None


def of_a_size(
    vol: Any, level: Tensor, mask: Any, options: Options, room: Room, method: Method
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Extract into results of a fixed size by an operator: vertices, faces, normals, offsets, overflow."""
    if not isinstance(vol, Tensor):
        raise TypeError(f"vol must be a torch.Tensor where torch traces, got {type(vol).__name__}")
    asked = (options.nan, options.border, [*options.spacing], options.normals, [*room])
    found: tuple[Tensor, Tensor, Tensor, Tensor, Tensor] = definitions_packed.surfaces_of_a_size(
        vol, level, mask, *asked, method.dual, method.quads, method.rounds
    )
    return found


def grid_interp(vol: Any, points: Any) -> Tensor:
    """Interpolate by an operator."""
    found: Tensor = definitions.grid_interp(vol, points)
    return found


def placed(verts: Tensor, spacing: Triple, origin: Triple, real: torch.dtype) -> Tensor:
    """Carry vertices to the world by an operator."""
    found: Tensor = definitions.place(verts, [*spacing], [*origin], real == torch.float64)
    return found
