# SPDX-License-Identifier: MIT
"""`isosurface` of several volumes, and into results of a fixed size."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from . import dual_gradient, gradients, operators
from .arguments.batch import Room, batch, levels
from .arguments.placement import vertex_dtype
from .arguments.samples import Samples, checked
from .backends import choose
from .backends.batches import Packed
from .backends.results import Surface
from .mesh import Mesh
from .recorded import Asked


def surfaces(vol: Any, samples: Samples, level: Any, asked: Asked, room: Room | None) -> Mesh:
    """Extract surfaces whose sizes are the meshes' or, with `room`, fixed; `samples` are `vol`'s, checked."""
    _refuse_what_is_for_one(level, asked)
    count = samples.shape[0] if len(samples.shape) == 4 else 1
    each = levels(level, count)
    real = vertex_dtype(asked.dtype, samples.owner.dtype)
    request = asked.options.request(samples, each[0], asked.mask)
    if gradients.wanted(vol, level):
        if room is not None:
            raise ValueError("max_verts must be None for a volume or level that requires grad")
        if asked.method.rounds:
            raise ValueError('placement must be "mean" for a volume or level that requires grad, got "nets"')
        found = _one_by_one(vol, samples, level, each, asked)
        return _mesh(found, gradients.placed(found.verts, *_place(asked), real), each)
    found = choose.surfaces(batch(request, each, room, asked.method), asked.options.normals)
    return _mesh(found, choose.placed(found.verts, *_place(asked), real), each)


def _refuse_what_is_for_one(level: Any, asked: Asked) -> None:
    for name, wanted, is_other in (
        ("level", "given", level is None),
        ("attributes", "None", asked.attributes is not None),
        ("degenerate", '"keep"', asked.drop),
    ):
        if is_other:
            raise ValueError(f"{name} must be {wanted} for several volumes and with max_verts")


def _place(asked: Asked) -> tuple[Any, Any]:
    return asked.options.spacing, asked.origin


def _one_by_one(vol: Any, samples: Samples, level: Any, each: list[float], asked: Asked) -> Packed:
    """Extract a surface after the other, each with its gradient."""
    samples_of = vol if isinstance(vol, Tensor) else samples.owner
    at: Any = level.reshape(-1).expand(len(each)) if isinstance(level, Tensor) else each
    mask = None if asked.mask is None else checked(asked.mask, "mask").owner
    found = [
        _differentiable(samples_of[k], at[k], None if mask is None else mask[k], asked)
        for k in range(len(each))
    ]
    offsets = [
        torch.tensor([0, *(len(part) for part in parts)], device=samples.device).cumsum(0)
        for parts in ([one.verts for one in found], [one.faces for one in found])
    ]
    verts, faces = (torch.cat(parts) for parts in ([o.verts for o in found], [o.faces for o in found]))
    normals = [one.normals for one in found if one.normals is not None]
    return Packed(verts, faces, torch.cat(normals) if normals else None, *offsets)


def _differentiable(vol: Tensor, level: Any, mask: Any, asked: Asked) -> Surface:
    if not asked.method.dual:
        return gradients.surface(vol, level, mask, asked.options)
    options = dual_gradient.DualOptions(asked.options, asked.method.quads)
    return dual_gradient.mesh(vol, level, mask, None, options)


def _mesh(found: Packed, verts: Tensor, each: list[float]) -> Mesh:
    return Mesh(
        verts,
        found.faces,
        found.normals,
        level=each[0] if each.count(each[0]) == len(each) else math.nan,
        vert_offsets=found.vert_offsets,
        face_offsets=found.face_offsets,
        levels=tuple(each),
        overflow=found.overflow,
    )


def traced(vol: Any, level: Any, asked: Asked, room: Room) -> Mesh:
    """Return results of a fixed size by an operator."""
    _refuse_what_is_for_one(level, asked)
    at = level if isinstance(level, (int, float)) else math.nan  # a traced one has no value
    if not isinstance(level, Tensor):
        level = torch.tensor(level, dtype=torch.float64)
    found = operators.of_a_size(vol, level, asked.mask, asked.options, room, asked.method)
    verts, faces, normals, offsets, overflow = found
    real = vertex_dtype(asked.dtype, verts.dtype)
    return Mesh(
        operators.placed(verts, *_place(asked), real),
        faces,
        normals if asked.options.normals else None,
        level=at,
        vert_offsets=offsets[0],
        face_offsets=offsets[1],
        levels=(at,) * (offsets.shape[1] - 1),
        overflow=overflow,
    )
