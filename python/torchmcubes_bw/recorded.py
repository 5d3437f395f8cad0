# SPDX-License-Identifier: MIT
"""`isosurface` where autograd records it, and where torch traces it: part by part."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from . import degenerate as ties
from . import dual_gradient, gradients, operators
from .arguments.options import Method
from .arguments.placement import Triple, vertex_dtype
from .arguments.request import Request
from .backends import choose
from .backends.results import Surface
from .mesh import Mesh


class Asked(NamedTuple):
    """What `isosurface` is asked for beside volume and level."""

    mask: Any
    options: gradients.Options
    drop: bool
    attributes: Any
    origin: Triple
    dtype: torch.dtype | None
    method: Method


def differentiable(vol: Any, level: Any, request: Request, asked: Asked) -> Mesh:
    """Return a mesh whose vertices and attributes carry the gradient; `request` is the same, checked."""
    if asked.method.dual:
        found = _dual(vol, level, request, asked)
    else:
        found = gradients.surface(vol, level, asked.mask, asked.options)
    return _assembled(gradients, ties.dropped(*found) if asked.drop else found, asked, request.level)


def traced(vol: Any, level: Any, asked: Asked) -> Mesh:
    """Return the mesh by operators; refuse what needs samples or a mesh at hand, where there is none."""
    if level is None:
        raise ValueError("level must be given where torch traces, got None")
    if asked.drop:
        raise ValueError('degenerate must be "keep" where torch traces, got "drop"')
    if asked.attributes is not None and tuple(asked.attributes.shape[1:]) != tuple(vol.shape):
        sides, found = ", ".join(map(str, vol.shape)), tuple(asked.attributes.shape)
        raise ValueError(f"attributes must have shape (C, {sides}), got shape {found}")
    found = operators.surface(vol, level, asked.mask, asked.options, asked.method)
    return _assembled(operators, found, asked, level)


def _assembled(by: Any, surface: Any, asked: Asked, level: Any) -> Mesh:
    verts, faces, normals = surface
    values = None if asked.attributes is None else by.grid_interp(asked.attributes, verts)
    real = vertex_dtype(asked.dtype, verts.dtype)
    return Mesh(by.placed(verts, asked.options.spacing, asked.origin, real), faces, normals, values, level)


def _dual(vol: Any, level: Any, request: Request, asked: Asked) -> Surface:
    rounds, normals = asked.method.rounds, asked.options.normals
    if not gradients.wanted(vol, level):  # the attributes alone want one
        return choose.dual(request, False, rounds, normals)
    if rounds:
        raise ValueError('placement must be "mean" for a volume or level that requires grad, got "nets"')
    options = dual_gradient.DualOptions(asked.options)
    return dual_gradient.mesh(vol, level, asked.mask, None, options)
