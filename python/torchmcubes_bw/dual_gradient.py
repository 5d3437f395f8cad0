# SPDX-License-Identifier: MIT
"""Gradients of the dual mesh: what autograd records of a call, on every version of torch.

As in `gradients`, nothing is kept but what the caller passed; the core gathers
(`csrc/cpu/dual/dual_gradient.h`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from .arguments.volume import volume
from .backends import choose
from .backends.cpu_dual_gradient import Towards, Wanted
from .backends.results import Surface
from .gradients import Alone, Last, Options, apply, as_inputs, keep, kept


class DualOptions(NamedTuple):
    """What the dual mesh is asked for beside volume, level, mask and displacements."""

    surface: Options
    quads: bool = False


def mesh(vol: Any, level: Any, mask: Any, deform: Tensor | None, options: DualOptions) -> Surface:
    """Extract the dual mesh, its samples displaced by `deform`; the vertices carry the gradient."""
    if not isinstance(vol, Tensor):
        vol = volume(vol, "Nz, Ny, Nx").owner
    return Surface(*apply(_Mesh, vol, level, mask, deform, options))


class _Mesh(Alone):
    @staticmethod
    def forward(vol: Tensor, level: Any, mask: Any, deform: Tensor | None, options: DualOptions) -> Any:
        asked = options.surface
        request = asked.request(vol, level, mask)
        return tuple(choose.dual(request, options.quads, normals=asked.normals, deform=deform))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        keep(ctx, *inputs)
        ctx.mark_non_differentiable(*(part for part in output[1:] if part is not None))
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, verts: Tensor | None, *_: Any) -> Any:
        if verts is None:
            return (None,) * 5
        wanted = Wanted(ctx.needs_input_grad[0], ctx.needs_input_grad[1], ctx.needs_input_grad[3])
        by_vol, by_level, by_deform = apply(_MeshGradients, verts, *kept(ctx), wanted)
        return by_vol, by_level, None, by_deform, None


class _MeshGradients(Alone):
    """The gradients of a loss by volume, level and displacements, from that by the vertices."""

    @staticmethod
    def forward(
        verts: Tensor,
        vol: Tensor,
        level: Any,
        mask: Any,
        deform: Tensor | None,
        options: DualOptions,
        wanted: Wanted,
    ) -> Any:
        return _found(None, verts, vol, level, mask, deform, options, wanted)[1:]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's
        keep(ctx, *inputs[:-1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, to_vol: Tensor | None, to_level: Tensor | None, to_deform: Tensor | None) -> Any:
        if to_vol is None and to_level is None and to_deform is None:
            return (None,) * 7
        wanted = Wanted(ctx.needs_input_grad[1], ctx.needs_input_grad[2], ctx.needs_input_grad[4])
        given = (*kept(ctx), wanted)
        by_verts, by_vol, by_level, by_deform = apply(
            _SecondMeshGradients, to_vol, to_level, to_deform, *given
        )
        return by_verts, by_vol, by_level, None, by_deform, None, None


class _SecondMeshGradients(Last):
    """The derivatives of `_MeshGradients` in a direction, by all that it takes."""

    @staticmethod
    def forward(to_vol: Tensor | None, to_level: Tensor | None, to_deform: Tensor | None, *given: Any) -> Any:
        level = 0.0 if to_level is None else float(to_level)
        return _found(Towards(to_vol, level, to_deform), *given)


def _found(
    towards: Towards | None,
    verts: Tensor,
    vol: Tensor,
    level: Any,
    mask: Any,
    deform: Tensor | None,
    options: DualOptions,
    wanted: Wanted,
) -> tuple[Tensor | None, ...]:
    """Return what is wanted, by vertices (in a direction only), volume, level and displacements."""
    request = options.surface.request(vol, level, mask)
    found = choose.dual_gradients(request, verts, deform, wanted, towards)
    by_vol, by_level = as_inputs(vol, level, found.volume, found.level if wanted.level else None)
    by_deform = None if found.deform is None or deform is None else found.deform.to(deform.dtype)
    return found.verts, by_vol, by_level, by_deform
