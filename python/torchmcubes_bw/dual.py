# SPDX-License-Identifier: MIT
"""The dual mesh: a vertex in each cell, a quad around each crossed edge."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from .arguments import placement as world
from .arguments.level import level as checked_level
from .arguments.mask import mask as checked_mask
from .arguments.options import NETS_ROUNDS, one_of
from .arguments.options import method as checked_method
from .arguments.request import Request
from .arguments.volume import volume
from .backends import choose
from .dual_gradient import positions


def dual_marching_cubes(
    vol: Any,
    level: Any,
    *,
    mask: Any = None,
    nan: str = "raise",
    spacing: Any = 1,
    origin: Any = 0,
    border: str = "open",
    quads: bool = False,
    placement: str = "mean",
    rounds: int = NETS_ROUNDS,
) -> tuple[Tensor, Tensor]:
    """Extract the isosurface of a volume as a mesh of even triangles, or of quads.

    Shapes:
        `vol` is ``(Nz, Ny, Nx)``: ``vol[z, y, x]`` is the sample at position ``(x, y, z)``.

    Dtype:
        As `marching_cubes`.

    Device:
        As `marching_cubes`: the GPU's kernels make the mesh too. Nets and what a gradient needs are the
        CPU's, whatever the device is, with one warning.

    Range:
        As `isosurface`: what is inside, which samples `mask` and ``nan="skip"`` leave out, where `spacing`
        and `origin` put the voxels, and how ``border="closed"`` closes the surface.

    Placement:
        ``"mean"`` puts a vertex at the mean of the places where the level is met along the edges of its cell.
        ``"nets"`` then draws the vertices towards their neighbours and back again, `rounds` times, each
        within its cell: masks become smooth and do not shrink.

    Returns:
        ``(verts, faces)``. `verts` is ``(V, 3)`` float32 (float64 for a float64 volume): one vertex in each
        cell for each sheet of surface in it. `faces` is ``(F, 3)`` int32 (int64 only where V needs it): two
        triangles around each grid edge that the surface crosses and that four cells lie around, a quad cut
        along its shorter diagonal; with ``quads=True`` the quads themselves, ``(Q, 4)``. Right-hand normals
        point to higher values. The mesh is a manifold, whatever the volume: no edge has more than two faces,
        the faces of a vertex form one fan. It is closed but at the volume's open border and where cells are
        left out; there it ends half a voxel before that of `marching_cubes`. Vertices are in raster order of
        their cells, faces in raster order of their edges; every byte is the same for every thread count and
        SIMD level. Where `vol` or `level` requires grad, `verts` carries the gradient (``"mean"`` only), by
        operations of torch's own: on a GPU the order of their sums, and so the last digit, is not fixed.

    Raises:
        TypeError, ValueError, MemoryError, RuntimeError: as `isosurface`; `rounds` must be an integer of
            at least 0.

    The method is G. Nielson's dual marching cubes (2004), with ambiguous faces decided as R. Wenger's (2013);
    the relaxation is G. Taubin's (1995).

    >>> import torch
    >>> vol = torch.ones(4, 4, 4)
    >>> vol[1:3, 1:3, 1:3] = -1
    >>> verts, quads = dual_marching_cubes(vol, 0.0, quads=True)
    >>> len(verts), len(quads), verts.amin(0)
    (26, 24, tensor([0.5000, 0.5000, 0.5000]))
    """
    samples = volume(vol, "Nz, Ny, Nx")
    request = Request(
        samples,
        checked_level(level, "level"),
        None if mask is None else checked_mask(mask, samples),
        one_of(nan, "nan", ("raise", "skip")) == "skip",
        one_of(border, "border", ("open", "closed")) == "closed",
        world.spacing(spacing),
    )
    at = world.origin(origin)
    how = checked_method("dual", placement, rounds)
    if _wants_gradient(vol, level):
        if placement == "nets":
            raise ValueError('placement must be "mean" for a volume or level that requires grad, got "nets"')
        verts, faces = with_gradient(vol, level, request, bool(quads), None)
        return verts * verts.new_tensor(request.spacing) + verts.new_tensor(at), faces
    mesh = choose.dual(request, bool(quads), how.rounds)
    return choose.placed(mesh.verts, request.spacing, at, mesh.verts.dtype), mesh.faces


def differentiable(vol: Tensor, level: Any, deform: Tensor | None, quads: bool) -> tuple[Tensor, Tensor]:
    """Return the mesh of a volume whose NaN samples do not count, its samples displaced by `deform`."""
    request = Request(volume(vol, "Nz, Ny, Nx"), checked_level(level, "isovalue"), skip_nan=True)
    if deform is None and not _wants_gradient(vol, level):
        mesh = choose.dual(request, quads)
        return mesh.verts, mesh.faces
    return with_gradient(vol, level, request, quads, deform)


def _wants_gradient(vol: Any, level: Any) -> bool:
    return torch.is_grad_enabled() and any(
        isinstance(value, Tensor) and value.requires_grad for value in (vol, level)
    )


def with_gradient(
    vol: Tensor, level: Any, request: Request, quads: bool, deform: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the mesh with the vertices' places as a function of samples, level and displacements."""
    mesh = choose.dual(request, quads, patches=True)
    real = mesh.verts.dtype
    at = (
        level.to(vol.device, real)
        if isinstance(level, Tensor)
        else torch.tensor(level, dtype=real, device=vol.device)
    )
    cells, patches = cast(Tensor, mesh.cells), cast(Tensor, mesh.patches)
    places = positions(vol.to(real), at.reshape(()), cells, patches, deform)
    if deform is not None:
        return places, mesh.faces
    return mesh.verts + (
        places - places.detach()
    ), mesh.faces  # the extraction's bytes, the formula's gradient
