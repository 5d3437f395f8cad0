# SPDX-License-Identifier: MIT
"""The operators ``torchmcubes_bw::…``: what each computes, what is known of its result, and its gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op, register_autograd, register_fake

from .arguments.points import points as checked_points
from .arguments.volume import volume
from .backends import choose
from .backends.cpu_dual_gradient import DualGradients, Wanted
from .backends.cpu_gradient import Gradients
from .gradients import Options, as_inputs

_SURFACE = (
    "(Tensor vol, Tensor level, Tensor? mask, str nan, str border, float[] spacing, bool normals, str name,"
    " bool dual, bool quads, int rounds) -> (Tensor, Tensor, Tensor)"
)
_SURFACE_GRADIENT = (
    "(Tensor verts, Tensor vol, Tensor level, Tensor? mask, str nan, str border, bool dual, bool of_vol,"
    " bool of_level) -> (Tensor, Tensor)"
)
_PLACE = "(Tensor verts, float[] spacing, float[] origin, bool double) -> Tensor"
_GRID_INTERP = "(Tensor vol, Tensor points) -> Tensor"
_GRID_INTERP_GRADIENT = (
    "(Tensor values, Tensor vol, Tensor points, bool of_vol, bool of_points) -> (Tensor, Tensor)"
)
_INT32 = "faces are int32 where torch traces: vol must have at most 2^31 - 1 vertices, got {}"


@custom_op("torchmcubes_bw::surface", mutates_args=(), schema=_SURFACE)
def surface(
    vol: Tensor,
    level: Tensor,
    mask: Tensor | None,
    nan: str,
    border: str,
    spacing: list[float],
    normals: bool,
    name: str,
    dual: bool,
    quads: bool,
    rounds: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return vertices, faces and normals; no rows of these where they are not asked for."""
    options = Options(nan, border, _triple(spacing), normals, name)
    request = options.request(vol, level, mask)
    verts, faces, directions = (
        choose.dual(request, quads, rounds, normals) if dual else choose.surface(request, normals)
    )
    if faces.dtype != torch.int32:
        raise ValueError(_INT32.format(len(verts)))
    return verts, faces, verts.new_empty((0, 3)) if directions is None else directions


def _fake_surface(vol: Tensor, *asked: Any) -> tuple[Tensor, Tensor, Tensor]:
    normals, quads = asked[5], asked[8]
    if vol.dim() != 3:
        raise ValueError(f"vol must have 3 dimensions (Nz, Ny, Nx), got shape {tuple(vol.shape)}")
    sizes = torch.library.get_ctx()
    vertices, count = sizes.new_dynamic_size(), sizes.new_dynamic_size()
    verts = vol.new_empty((vertices, 3), dtype=_real(vol))
    faces = vol.new_empty((count, 4 if quads else 3), dtype=torch.int32)
    return verts, faces, verts.new_empty((vertices if normals else 0, 3))


register_fake("torchmcubes_bw::surface", _fake_surface)


@custom_op("torchmcubes_bw::surface_gradient", mutates_args=(), schema=_SURFACE_GRADIENT)
def surface_gradient(
    verts: Tensor,
    vol: Tensor,
    level: Tensor,
    mask: Tensor | None,
    nan: str,
    border: str,
    dual: bool,
    of_vol: bool,
    of_level: bool,
) -> tuple[Tensor, Tensor]:
    """Return a loss's gradients by volume and level, no elements of what is not asked for."""
    request = Options(nan, border).request(vol, level, mask)
    found: Gradients | DualGradients = (
        choose.dual_gradients(request, verts, None, Wanted(of_vol, of_level, False))
        if dual
        else choose.vertex_gradients(request, verts, of_vol, of_level)
    )
    by_vol, by_level = as_inputs(vol, level, found.volume, found.level if of_level else None)
    return (
        vol.new_empty(0) if by_vol is None else by_vol,
        level.new_empty(0) if by_level is None else by_level,
    )


def _fake_surface_gradient(_verts: Tensor, vol: Tensor, level: Tensor, *asked: Any) -> tuple[Tensor, Tensor]:
    of_vol, of_level = asked[-2:]
    return (
        vol.new_empty(vol.shape) if of_vol else vol.new_empty(0),
        level.new_empty(level.shape) if of_level else level.new_empty(0),
    )


register_fake("torchmcubes_bw::surface_gradient", _fake_surface_gradient)


def _keep_surface(ctx: Any, inputs: Any, output: Any) -> None:
    vol, level, mask, ctx.nan, ctx.border, *_, ctx.dual, _, ctx.rounds = inputs
    ctx.save_for_backward(vol, level, mask)
    ctx.mark_non_differentiable(output[1], output[2])


def _of_surface(ctx: Any, verts: Tensor, *_: Any) -> Any:
    if ctx.rounds:
        raise ValueError('placement must be "mean" for a volume or level that requires grad, got "nets"')
    asked = (of_vol, of_level) = ctx.needs_input_grad[:2]
    by_vol, by_level = surface_gradient(verts, *ctx.saved_tensors, ctx.nan, ctx.border, ctx.dual, *asked)
    return by_vol if of_vol else None, by_level if of_level else None, *[None] * 9


register_autograd("torchmcubes_bw::surface", _of_surface, setup_context=_keep_surface)


@custom_op("torchmcubes_bw::place", mutates_args=(), schema=_PLACE)
def place(verts: Tensor, spacing: list[float], origin: list[float], double: bool) -> Tensor:
    """Return vertices in the world."""
    real = torch.float64 if double else torch.float32
    return choose.placed(verts.clone(), _triple(spacing), _triple(origin), real)


def _fake_place(verts: Tensor, _spacing: Any, _origin: Any, double: bool) -> Tensor:
    return verts.new_empty(verts.shape, dtype=torch.float64 if double else torch.float32)


register_fake("torchmcubes_bw::place", _fake_place)


def _keep_spacing(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG001 - torch's
    ctx.spacing, ctx.real = inputs[1], inputs[0].dtype


def _of_places(ctx: Any, places: Tensor) -> Any:
    return (places * places.new_tensor(ctx.spacing)).to(ctx.real), None, None, None


register_autograd("torchmcubes_bw::place", _of_places, setup_context=_keep_spacing)


@custom_op("torchmcubes_bw::grid_interp", mutates_args=(), schema=_GRID_INTERP)
def grid_interp(vol: Tensor, points: Tensor) -> Tensor:
    """Return the values at points."""
    samples = volume(vol, "C, Nz, Ny, Nx")
    return choose.grid_interp(samples, checked_points(points, samples))


def _fake_grid_interp(vol: Tensor, points: Tensor) -> Tensor:
    return vol.new_empty((points.shape[0], vol.shape[0]), dtype=_real(vol))


register_fake("torchmcubes_bw::grid_interp", _fake_grid_interp)


@custom_op("torchmcubes_bw::grid_interp_gradient", mutates_args=(), schema=_GRID_INTERP_GRADIENT)
def grid_interp_gradient(
    values: Tensor, vol: Tensor, points: Tensor, of_vol: bool, of_points: bool
) -> tuple[Tensor, Tensor]:
    """Return a loss's gradients by samples and points; none of what is not asked for."""
    samples = volume(vol, "C, Nz, Ny, Nx")
    by_vol, by_points = choose.value_gradients(
        samples, checked_points(points, samples), values, of_vol, of_points
    )
    return (
        vol.new_empty(0) if by_vol is None else by_vol.to(vol.dtype),
        points.new_empty(0) if by_points is None else by_points.to(points.dtype),
    )


def _fake_grid_interp_gradient(
    _values: Tensor, vol: Tensor, points: Tensor, of_vol: bool, of_points: bool
) -> tuple[Tensor, Tensor]:
    return (
        vol.new_empty(vol.shape if of_vol else 0),
        points.new_empty(points.shape if of_points else 0),
    )


register_fake("torchmcubes_bw::grid_interp_gradient", _fake_grid_interp_gradient)


def _keep_points(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG001 - torch's
    ctx.save_for_backward(*inputs)


def _of_values(ctx: Any, values: Tensor) -> Any:
    of_vol, of_points = ctx.needs_input_grad
    by_vol, by_points = grid_interp_gradient(values, *ctx.saved_tensors, of_vol, of_points)
    return by_vol if of_vol else None, by_points if of_points else None


register_autograd("torchmcubes_bw::grid_interp", _of_values, setup_context=_keep_points)


def _real(vol: Tensor) -> torch.dtype:
    return torch.float64 if vol.dtype == torch.float64 else torch.float32


def _triple(numbers: list[float]) -> tuple[float, float, float]:
    x, y, z = numbers
    return x, y, z
