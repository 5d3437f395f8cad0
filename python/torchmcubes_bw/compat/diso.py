# SPDX-License-Identifier: MIT
"""diso's call of dual marching cubes, without its compiler, its state and its GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..dual import differentiable


class DiffDMC(torch.nn.Module):
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

    def __init__(
        self,
        dtype: torch.dtype = torch.float32,
        device: Any = None,  # noqa: ARG002 - diso's
    ) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
        super().__init__()
        self.dtype = dtype

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
        if grid.dim() != 3:
            raise ValueError(f"grid must have 3 dimensions (X, Y, Z), got shape {tuple(grid.shape)}")
        vol = pad(grid.to(self.dtype), (1,) * 6, value=1.0).permute(2, 1, 0)
        moved = None
        if deform is not None:
            if deform.shape != (*grid.shape, 3):
                wanted = (*grid.shape, 3)
                raise ValueError(f"deform must have shape {wanted}, got shape {tuple(deform.shape)}")
            moved = pad(deform.to(self.dtype), (0, 0) + (1,) * 6).permute(2, 1, 0, 3)
        verts, faces = differentiable(vol, isovalue, moved, return_quads)
        verts = verts - 1
        if normalize:
            verts = verts / (torch.tensor(grid.shape, dtype=verts.dtype, device=verts.device) - 1)
        return verts, faces.long()
