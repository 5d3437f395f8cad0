# SPDX-License-Identifier: MIT
"""The dual mesh: a vertex in each cell, a quad around each crossed edge."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from . import dual_gradient, gradients, operators, packed, recorded
from .arguments import placement as world
from .arguments.batch import Room, volumes
from .arguments.batch import room as checked_room
from .arguments.options import NETS_ROUNDS
from .arguments.options import method as checked_method
from .arguments.recording import Recorded
from .backends import choose
from .dual_gradient import DualOptions
from .gradients import Options
from .mesh import Mesh
from .recorded import Asked


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
    max_verts: int | None = None,
    max_faces: int | None = None,
) -> tuple[Tensor, Tensor] | Mesh:
    """Extract the isosurface of a volume as a mesh of even triangles, or of quads.

    Shapes:
        `vol` is ``(Nz, Ny, Nx)``: ``vol[z, y, x]`` is the sample at position ``(x, y, z)``; or several
        volumes of one shape, ``(B, Nz, Ny, Nx)``, at one level or one for each. With `max_verts` and
        `max_faces`, which count vertices and triangles or quads, the results have that size.

    Dtype:
        As `marching_cubes`.

    Device:
        As `marching_cubes`: the GPU's kernels make the mesh too. Nets, gradients, and several volumes of a
        fixed size are the CPU's, whatever the device is, with one warning. Of several volumes a GPU's mesh is
        waited for one by one; of one volume of a fixed size it is not, and a CUDA graph can hold the call.

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
        SIMD level. Where `vol` or `level` requires grad, `verts` carries the gradient (``"mean"`` only;
        docs/gradients.md), with the same bytes for every thread count, SIMD level and device.
        Of several volumes, and of a fixed size, it is a packed `Mesh`, as `isosurface` returns it: it unpacks
        as ``verts, faces`` too, and each volume's mesh has the bytes of a call of its own.

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
    options = Options(nan, border, world.spacing(spacing), False, "level")
    how = checked_method("dual", placement, rounds)._replace(quads=bool(quads))
    asked = Asked(mask, options, False, None, world.origin(origin), None, how)
    room = checked_room(max_verts, max_faces)
    if not operators.traced(vol):
        try:
            return _extracted(vol, level, asked, room)
        except Recorded:
            if not operators.AVAILABLE:
                raise
    mesh = packed.traced(vol, level, asked, room) if room else recorded.traced(vol, level, asked)
    return mesh if room else (mesh.verts, mesh.faces)


def _extracted(vol: Any, level: Any, asked: Asked, room: Room | None) -> tuple[Tensor, Tensor] | Mesh:
    options, how = asked.options, asked.method
    if room is not None or getattr(vol, "ndim", 3) == 4:
        return packed.surfaces(vol, volumes(vol), level, asked, room)
    if gradients.wanted(vol, level):
        if how.rounds:
            raise ValueError('placement must be "mean" for a volume or level that requires grad, got "nets"')
        mesh = dual_gradient.mesh(vol, level, asked.mask, None, DualOptions(options, how.quads))
        return gradients.placed(mesh.verts, options.spacing, asked.origin, mesh.verts.dtype), mesh.faces
    mesh = choose.dual(options.request(volumes(vol), level, asked.mask), how.quads, how.rounds)
    return choose.placed(mesh.verts, options.spacing, asked.origin, mesh.verts.dtype), mesh.faces
