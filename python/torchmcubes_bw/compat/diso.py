# SPDX-License-Identifier: MIT
"""diso's calls of marching cubes and dual marching cubes, without its compiler, its state and its GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..dual_gradient import DualOptions, mesh
from ..gradients import Options
from ..surfaces import marching_cubes

_SKIPPING = Options("skip", name="isovalue")


class _Call(torch.nn.Module):
    """What diso's two calls share: grids in their own order of axes, with samples of 1 around them."""

    def __init__(
        self,
        dtype: torch.dtype = torch.float32,
        device: Any = None,  # noqa: ARG002 - diso's
    ) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
        super().__init__()
        self.dtype = dtype

    def _around(self, grid: Tensor, deform: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the volume (Nz, Ny, Nx) and its samples' displacements, the layer of 1 included."""
        if grid.dim() != 3:
            raise ValueError(f"grid must have 3 dimensions (X, Y, Z), got shape {tuple(grid.shape)}")
        vol = pad(grid.to(self.dtype), (1,) * 6, value=1.0).permute(2, 1, 0)
        if deform is None:
            return vol, None
        if deform.shape != (*grid.shape, 3):
            wanted = (*grid.shape, 3)
            raise ValueError(f"deform must have shape {wanted}, got shape {tuple(deform.shape)}")
        return vol, pad(deform.to(self.dtype), (0, 0) + (1,) * 6).permute(2, 1, 0, 3)

    @staticmethod
    def _back(verts: Tensor, grid: Tensor, normalize: bool) -> Tensor:
        verts = verts - 1
        if normalize:
            verts = verts / (torch.tensor(grid.shape, dtype=verts.dtype, device=verts.device) - 1)
        return verts


class DiffMC(_Call):
    """Marching cubes as ``diso.DiffMC``: differentiable, axes in the grid's own order.

    Nothing is kept between calls, so several results can be differentiated in any order. What differs from
    diso: every device serves; a NaN leaves out the cells around it; vertices and faces are in the order of
    `torchmcubes_bw.marching_cubes`. Where no `deform` is given, the gradient to `grid` is the same on every
    device, byte for byte.

    Arguments:
        dtype: torch.float32 or torch.float64, what is computed in.
        device: taken and ignored: the grid's own device counts.

    >>> import torch
    >>> x, y, z = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    >>> grid = ((x**2 + y**2 + z**2).sqrt() - 0.7).requires_grad_()
    >>> verts, faces = DiffMC()(grid)
    >>> verts.sum().backward()
    >>> faces.shape[1], grid.grad.shape
    (3, torch.Size([24, 24, 24]))
    """

    def forward(
        self,
        grid: Tensor,
        deform: Tensor | None = None,
        isovalue: float = 0.0,
        normalize: bool = True,
        device: Any = None,  # noqa: ARG002 - diso's
    ) -> tuple[Tensor, Tensor]:
        """Return ``(verts, faces)``: ``(V, 3)`` and ``(F, 3)`` int64.

        `grid` is ``(X, Y, Z)``, inside below `isovalue`; samples of 1 lie around it, so the mesh is closed.
        `deform` ``(X, Y, Z, 3)`` displaces the samples, in voxels. With `normalize` the grid spans 0 to 1 on
        each axis.
        """
        vol, moved = self._around(grid, deform)
        verts, faces = marching_cubes(vol, isovalue, nan="skip")
        if moved is not None:
            verts = verts + _displacement(verts, *_edges(vol, isovalue), moved)
        return self._back(verts, grid, normalize), faces.long()


class DiffDMC(_Call):
    """Dual marching cubes as ``diso.DiffDMC``: differentiable, axes in the grid's own order.

    Nothing is kept between calls, so several results can be differentiated in any order. What differs from
    diso: every device serves; a NaN leaves out the cells around it; an edge never has more than two faces; a
    quad is cut along its shorter diagonal; vertices and faces are in the order of `dual_marching_cubes`.

    Arguments:
        dtype: torch.float32 or torch.float64, what is computed in.
        device: taken and ignored: the grid's own device counts.

    >>> import torch
    >>> x, y, z = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    >>> grid = ((x**2 + y**2 + z**2).sqrt() - 0.7).requires_grad_()
    >>> verts, faces = DiffDMC()(grid)
    >>> verts.sum().backward()
    >>> faces.shape[1], grid.grad.shape
    (3, torch.Size([24, 24, 24]))
    """

    def forward(
        self,
        grid: Tensor,
        deform: Tensor | None = None,
        isovalue: float = 0.0,
        return_quads: bool = False,
        device: Any = None,  # noqa: ARG002 - diso's
        normalize: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Return ``(verts, faces)``: ``(V, 3)``, and ``(F, 3)`` or ``(Q, 4)`` int64.

        `grid` is ``(X, Y, Z)``, inside below `isovalue`; samples of 1 lie around it, so the mesh is closed.
        `deform` ``(X, Y, Z, 3)`` displaces the samples, in voxels. With `normalize` the grid spans 0 to 1 on
        each axis.
        """
        vol, moved = self._around(grid, deform)
        found = mesh(vol, isovalue, None, moved, DualOptions(_SKIPPING, bool(return_quads)))
        return self._back(found.verts, grid, normalize), found.faces.long()


def _edges(vol: Tensor, isovalue: Any) -> tuple[Tensor, Tensor]:
    """Return the edges of the vertices: their lower samples ``(V, 3)``, and their axes as unit vectors.

    Of a volume of nothing but -1 and 1 the same edges are crossed, and each vertex lies halfway.
    """
    vol = vol.detach()
    outside = vol >= torch.as_tensor(isovalue, device=vol.device).detach().to(vol)
    halves, _ = marching_cubes(torch.where(vol.isnan(), vol, 2 * outside.to(vol.dtype) - 1), 0.0, nan="skip")
    lower = halves.floor().long()
    return lower, (halves != lower).long()


def _displacement(verts: Tensor, lower: Tensor, axis: Tensor, moved: Tensor) -> Tensor:
    """Return how far the vertices move with their edges' ends, of which `moved` ``(Nz, Ny, Nx, 3)`` tells."""
    rows = moved.reshape(-1, 3)
    strides = torch.tensor([1, moved.shape[2], moved.shape[2] * moved.shape[1]], device=lower.device)
    first = (lower * strides).sum(1)
    a, b = rows.index_select(0, first), rows.index_select(0, first + (axis * strides).sum(1))
    fraction = ((verts - lower) * axis).sum(1, keepdim=True)
    return a * (1 - fraction) + b * fraction
