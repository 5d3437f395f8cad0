# SPDX-License-Identifier: MIT
"""Gradients: what autograd records of a call, on every version of torch.

Nothing is kept of a mesh but what the caller passed: from the samples the core finds again which edges are
crossed, and sums over them (`csrc/cpu/gradient.h`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from .arguments.level import level as checked_level
from .arguments.placement import Triple
from .arguments.points import points as checked_points
from .arguments.request import Request
from .arguments.request import request as checked_request
from .arguments.samples import Samples, checked
from .arguments.volume import volume
from .backends import choose
from .backends.cpu_gradient import Direction
from .backends.results import Surface


class Options(NamedTuple):
    """What a surface is asked for beside volume, level and mask."""

    nan: Any = "raise"
    border: Any = "open"
    spacing: Triple = (1.0, 1.0, 1.0)
    normals: bool = False
    name: str = "thresh"  # of the level, for the errors' texts

    def request(self, vol: Any, level: Any, mask: Any) -> Request:
        """Check a call; `vol` may be one that is checked."""
        samples = vol if isinstance(vol, Samples) else volume(vol, "Nz, Ny, Nx")
        asked = checked_request(samples, checked_level(level, self.name), mask, self.nan, self.border)
        return asked._replace(spacing=self.spacing)


def wanted(first: Any, second: Any, third: Any = None) -> bool:
    """Whether autograd is to record a call with these arguments; refuse forward mode's."""
    if forward_ad._current_level >= 0:
        _refuse_tangents(first, second, third)
    return (
        (isinstance(first, Tensor) and first.requires_grad)
        or (isinstance(second, Tensor) and second.requires_grad)
        or (third is not None and isinstance(third, Tensor) and third.requires_grad)
    ) and torch.is_grad_enabled()


def _refuse_tangents(*values: Any) -> None:
    apart: Any = forward_ad.unpack_dual
    for value in values:
        if isinstance(value, Tensor) and apart(value).tangent is not None:
            shape = tuple(value.shape)
            raise TypeError(
                f"gradients go backward here, got a forward-mode tangent with a tensor of shape {shape}"
            )


def middle(vol: Any, at: float, low: float, high: float) -> Any:
    """Return the level `at` in the middle of the samples' range with its gradient to those at both ends.

    Samples that are equal share it, as those of torch's `amin` and `amax` do.
    """
    if not (isinstance(vol, Tensor) and vol.requires_grad) or low < 0 < high:
        return at
    ends = (vol[vol.detach() == end].cpu().double() for end in (low, high))
    least, greatest = ((samples - samples.detach()).mean() for samples in ends)  # 0, and a gradient
    return at + (least + greatest) / 2


def surface(vol: Any, level: Any, mask: Any, options: Options) -> Surface:
    """Extract a surface whose vertices carry the gradient."""
    if not isinstance(vol, Tensor):
        vol = volume(vol, "Nz, Ny, Nx").owner
    return Surface(*apply(_Surface, vol, level, mask, options))


def grid_interp(vol: Any, points: Any) -> Tensor:
    """Interpolate, with gradients to the samples and the points."""
    vol, points = (
        value if isinstance(value, Tensor) else checked(value, name).owner
        for value, name in ((vol, "vol"), (points, "points"))
    )
    values: Tensor = apply(_Values, vol, points)
    return values


def placed(verts: Tensor, spacing: Triple, origin: Triple, real: torch.dtype) -> Tensor:
    """Carry vertices with gradients to the world."""
    if real == verts.dtype and spacing == (1, 1, 1) and origin == (0, 0, 0):
        return verts
    found: Tensor = apply(_Placed, verts, spacing, origin, real)
    return found


def apply(function: type[Function], *arguments: Any) -> Any:
    """Compute by a function of autograd's."""
    return function.apply(*arguments)  # type: ignore[no-untyped-call]


class Alone(Function):
    """What `vmap` cannot do many at once."""

    @staticmethod
    def vmap(*_: Any) -> Any:
        raise TypeError(
            "vol must be one volume, got a batch of vmap's: each mesh has a size of its own; use a loop"
        )


class _Surface(Alone):
    @staticmethod
    def forward(vol: Tensor, level: Any, mask: Any, options: Options) -> Any:
        return tuple(choose.surface(options.request(vol, level, mask), options.normals))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        keep(ctx, *inputs)
        ctx.mark_non_differentiable(*(part for part in output[1:] if part is not None))
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, verts: Tensor | None, *_: Any) -> Any:
        if verts is None:
            return (None,) * 4
        vol, level, mask, options = kept(ctx)
        asked = (ctx.needs_input_grad[0], ctx.needs_input_grad[1])
        return *apply(_VertexGradients, verts, vol, level, mask, options, asked), None, None


class _VertexGradients(Alone):
    """The gradients of a loss by volume and level, from that by the vertices."""

    @staticmethod
    def forward(
        verts: Tensor, vol: Tensor, level: Any, mask: Any, options: Options, asked: tuple[bool, bool]
    ) -> Any:
        found = choose.vertex_gradients(options.request(vol, level, mask), verts, *asked)
        return as_inputs(vol, level, found.volume, found.level if asked[1] else None)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's
        keep(ctx, *inputs[:-1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, to_vol: Tensor | None, to_level: Tensor | None) -> Any:
        if to_vol is None and to_level is None:
            return (None,) * 6
        asked = (ctx.needs_input_grad[1], ctx.needs_input_grad[2])
        return *apply(_SecondVertexGradients, to_vol, to_level, *kept(ctx), asked), None, None, None


class Last(Alone):
    """What has no derivative here, and says so: `once_differentiable` would leave it out of a sum."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(*_: Any) -> Any:
        raise RuntimeError("vol has first and second derivatives here, and no third")


class _SecondVertexGradients(Last):
    """The derivatives of `_VertexGradients` in a direction, by its vertices' gradient, volume and level."""

    @staticmethod
    def forward(
        to_vol: Tensor | None,
        to_level: Tensor | None,
        verts: Tensor,
        vol: Tensor,
        level: Any,
        mask: Any,
        options: Options,
        asked: tuple[bool, bool],
    ) -> Any:
        towards = Direction(
            torch.zeros_like(vol) if to_vol is None else to_vol, 0.0 if to_level is None else float(to_level)
        )
        found = choose.vertex_gradients(options.request(vol, level, mask), verts, *asked, towards)
        return found.verts, *as_inputs(vol, level, found.volume, found.level if asked[1] else None)


def as_inputs(
    vol: Tensor, level: Any, of_volume: Tensor | None, of_level: float | None
) -> tuple[Tensor | None, Tensor | None]:
    """Return gradients in the types and shapes of what they are of."""
    return (
        None if of_volume is None else of_volume.to(vol.dtype),
        None if of_level is None else torch.full_like(level, of_level),
    )


def keep(ctx: Any, *values: Any) -> None:
    """Keep what a backward needs: tensors where autograd sees whether they are written to."""
    ctx.tensors = [isinstance(value, Tensor) for value in values]
    ctx.others = [None if isinstance(value, Tensor) else value for value in values]
    ctx.save_for_backward(*(value for value in values if isinstance(value, Tensor)))


def kept(ctx: Any) -> list[Any]:
    """Return what was kept, in its order."""
    tensors = iter(ctx.saved_tensors)
    return [next(tensors) if is_one else other for is_one, other in zip(ctx.tensors, ctx.others, strict=True)]


class _Placed(Alone):
    @staticmethod
    def forward(verts: Tensor, spacing: Triple, origin: Triple, real: torch.dtype) -> Tensor:
        return choose.placed(verts.clone(), spacing, origin, real)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's
        ctx.spacing, ctx.real = inputs[1], inputs[0].dtype

    @staticmethod
    def backward(ctx: Any, places: Tensor) -> Any:
        spacing = torch.tensor(ctx.spacing, dtype=places.dtype, device=places.device)
        return (places * spacing).to(ctx.real), None, None, None


class _Values(Alone):
    @staticmethod
    def forward(vol: Tensor, points: Tensor) -> Tensor:
        samples = volume(vol, "C, Nz, Ny, Nx")
        return choose.grid_interp(samples, checked_points(points, samples))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, values: Tensor) -> Any:
        return apply(_ValueGradients, values, *ctx.saved_tensors, tuple(ctx.needs_input_grad))


class _ValueGradients(Alone):
    """The gradients of a loss by samples and points, from that by the values at the points."""

    @staticmethod
    def forward(values: Tensor, vol: Tensor, points: Tensor, asked: tuple[bool, bool]) -> Any:
        samples = volume(vol, "C, Nz, Ny, Nx")
        found = choose.value_gradients(samples, checked_points(points, samples), values, *asked)
        of = (vol, points)
        return tuple(None if by is None else by.to(of[k].dtype) for k, by in enumerate(found))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's
        ctx.save_for_backward(*inputs[:3])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, to_vol: Tensor | None, to_points: Tensor | None) -> Any:
        return *apply(_SecondValueGradients, to_vol, to_points, *ctx.saved_tensors), None


class _SecondValueGradients(Last):
    """The derivatives of `_ValueGradients`, by a formula in torch's own operations: rarely needed."""

    @staticmethod
    def forward(
        to_vol: Tensor | None, to_points: Tensor | None, values: Tensor, vol: Tensor, points: Tensor
    ) -> Any:
        given = [t.detach().requires_grad_(t.is_floating_point()) for t in (values, vol, points)]
        of = [t for t, to in zip(given[1:], (to_vol, to_points), strict=True) if to is not None]
        if not of:
            return None, None, None
        sought = [t for t in given if t.requires_grad]
        with torch.enable_grad():
            formula = _formula(*given[1:]).to(values.dtype)
            first = torch.autograd.grad(formula, of, given[0], create_graph=True)
        towards = [to for to in (to_vol, to_points) if to is not None]
        second = iter(torch.autograd.grad(first, sought, towards, allow_unused=True))
        return tuple(next(second) if t.requires_grad else None for t in given)


def _formula(vol: Tensor, points: Tensor) -> Tensor:
    """Return the values ``(P, C)`` as torch differentiates them."""
    real = torch.float64 if vol.dtype == torch.float64 else torch.float32
    last = torch.tensor(vol.shape[:0:-1], device=vol.device) - 1
    at = points.to(real)
    low = at.detach().nan_to_num().clamp(min=0).to(torch.int64).minimum(last)
    step = ((at.detach() > 0) & (low < last)).to(torch.int64)
    fraction = (at - low) * step
    total = torch.zeros((), dtype=real, device=vol.device)
    for corner in range(8):
        upper = [corner >> axis & 1 for axis in range(3)]
        x, y, z = (low + step * torch.tensor(upper, device=vol.device)).T
        weight = torch.ones((), dtype=real, device=vol.device)
        for axis in range(3):
            weight = weight * (fraction[:, axis] if upper[axis] else 1 - fraction[:, axis])
        total = total + vol[:, z, y, x].to(real).T * weight[:, None]
    return total
