# SPDX-License-Identifier: MIT
"""Surfaces of volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

import numpy as np
import torch
from torch import Tensor

from . import degenerate as ties
from . import gradients, operators, packed, recorded
from .arguments import placement as world
from .arguments.batch import Room, volumes
from .arguments.batch import room as checked_room
from .arguments.level import level as checked_level
from .arguments.middle import middle
from .arguments.options import method as checked_method
from .arguments.options import one_of
from .arguments.recording import Recorded
from .arguments.request import request
from .arguments.samples import checked
from .arguments.volume import attributes as checked_attributes
from .arguments.volume import volume
from .backends import choose
from .mesh import Mesh


def marching_cubes(
    vol: Tensor | np.ndarray[Any, Any],
    thresh: SupportsFloat | Tensor,
    *,
    mask: Tensor | np.ndarray[Any, Any] | None = None,
    nan: str = "raise",
) -> tuple[Tensor, Tensor]:
    """Extract the isosurface of a volume as a mesh of triangles.

    Shapes:
        `vol` is ``(Nz, Ny, Nx)``: ``vol[z, y, x]`` is the sample at position ``(x, y, z)``. A side
        of length 1 has no cells and gives an empty mesh.

    Dtype:
        float32, float64, float16, bfloat16, uint8, int8, int16, int32 and bool are read as they are;
        int64, uint32 and uint64 are converted to float64 first, uint16 to int32, float8 to float32. Any byte
        of a bool but 0 is true, which is 1.

    Device:
        The volume's, whatever it is; strided and sliced tensors need no copy. A NumPy array gives CPU
        tensors. On the CPU as many threads work as ``torch.get_num_threads()`` says; on an NVIDIA GPU the
        work is queued on torch's current stream, and the call waits once, for the mesh's size. For a
        device without kernels (see ``build_info()``) the CPU computes, with one warning.

    Range:
        A sample is inside where ``vol < thresh``, strictly. `thresh` is a number, a NumPy scalar or a
        tensor of one element; it is rounded to the type that is computed in: float64 for volumes read
        as float64 or int32, float32 for all others. Infinite samples are allowed. NaN is not, unless `nan`
        is ``"skip"``.
        `mask` is a bool volume of `vol`'s shape, of any strides: True where a sample counts. With
        ``nan="skip"`` a NaN does not count. A cell with a corner that does not count yields nothing, and
        what is left is the mesh without those cells, byte for byte, renumbered.

    Returns:
        ``(verts, faces)``. `verts` is ``(V, 3)`` float32 (float64 for a float64 volume), the vertices
        as ``(x, y, z)`` in voxels: one on each grid edge the surface crosses, shared by its triangles,
        placed by linear interpolation. `faces` is ``(F, 3)`` int32 (int64 only where V needs it),
        indices into `verts`; right-hand normals point to higher values. Both are contiguous, own
        their memory and lie on the volume's device. Where `vol` or `thresh` requires grad, `verts` carries
        the gradient (docs/gradients.md). Without a crossing both are ``(0, 3)``. The mesh is closed away
        from the volume's border and the same, byte for byte, for every device, thread count and SIMD level.

    Raises:
        TypeError: `vol` is no dense tensor or array of a real dtype with data in it (a fake tensor
            without sizes and one inside vmap have none), `thresh` is no number, `mask` not bool, or
            torch.jit.trace records.
        ValueError: `vol` has not three dimensions, an empty side, more than 2^48 samples or 858993459
            in a row, or a NaN that counts; `thresh` is NaN, beyond float64, or more than one number; `mask`
            has another shape or device than `vol`; `nan` is no word that it may be.
        MemoryError, torch.OutOfMemoryError: the machine's or the GPU's memory is full.
        RuntimeError: the GPU failed, in the driver's words, a CUDA graph is being captured, or another
            thread wrote to `vol`.

    The method is that of Lorensen and Cline (1987), with ambiguous faces always separating their
    inside corners.

    >>> import torch
    >>> vol = torch.ones(3, 3, 3)
    >>> vol[1, 1, 1] = -1
    >>> verts, faces = marching_cubes(vol, 0.0)
    >>> verts[0], len(verts), len(faces)
    (tensor([1.0000, 1.0000, 0.5000]), 6, 8)
    """
    if not operators.traced(vol):
        try:
            if gradients.wanted(vol, thresh):
                verts, faces, _ = gradients.surface(vol, thresh, mask, gradients.Options(nan))
            else:
                asked = request(volume(vol, "Nz, Ny, Nx"), checked_level(thresh), mask, nan)
                verts, faces, _ = choose.surface(asked)
            return verts, faces
        except Recorded:
            if not operators.AVAILABLE:
                raise
    verts, faces, _ = operators.surface(vol, thresh, mask, gradients.Options(nan))
    return verts, faces


def isosurface(
    vol: Tensor | np.ndarray[Any, Any],
    level: SupportsFloat | Tensor | None = None,
    *,
    spacing: float | Sequence[float] | Tensor | np.ndarray[Any, Any] = 1,
    origin: float | Sequence[float] | Tensor | np.ndarray[Any, Any] = 0,
    mask: Tensor | np.ndarray[Any, Any] | None = None,
    nan: str = "raise",
    border: str = "open",
    normals: bool = False,
    attributes: Tensor | np.ndarray[Any, Any] | None = None,
    degenerate: str = "keep",
    dtype: torch.dtype | None = None,
    method: str = "primal",
    placement: str = "mean",
    max_verts: int | None = None,
    max_faces: int | None = None,
) -> Mesh:
    """Extract the isosurface of a volume as a mesh in the world, with what a mesh can carry.

    The surface is that of `marching_cubes` or `dual_marching_cubes`, whose words on shapes, dtypes, devices
    and ranges hold here too.

    Arguments:
        vol: ``(Nz, Ny, Nx)``, or several volumes of one shape, ``(B, Nz, Ny, Nx)``: the mesh is packed then,
            one surface after the other, each with the bytes of a call of its own, and ``mesh.unpack()`` gives
            them. The CPU's threads share the volumes; a GPU takes all of them in one chain of kernels, and
            waits once.
        level: Where the surface lies; of several volumes a number, or one for each. None takes 0 for a volume
            of floats with values on both sides of it, and else the middle between the least and the greatest
            value that is not NaN; `Mesh.level` tells which it was.
        spacing: Distance between samples, a number or three, ``(x, y, z)``; the unit is the caller's.
        origin: Position of sample ``(0, 0, 0)``, likewise. Vertices are ``voxels * spacing + origin``,
            computed in float64.
        mask: A bool volume of `vol`'s shape, True where a sample counts, as in `marching_cubes`.
        nan: ``"raise"``, or ``"skip"``: NaN samples do not count.
        border: ``"open"``: where the inside runs out of the volume the surface ends. ``"closed"``: it is
            closed there by a cap, as if samples outside lay around the volume; the cap's vertices lie on
            the border itself. The volume is not copied.
        normals: Whether the vertices get normals: the direction of the volume's gradient, which is that of
            the faces' normals, unit length, right under any spacing. It is interpolated between the ends of
            the vertex's edge; there it comes from central differences, next to the border and to samples
            that do not count from one-sided ones. A cap's normals point straight out.
        attributes: ``(C, Nz, Ny, Nx)``, of which each vertex gets the values at its place (colours, say),
            as `grid_interp` interpolates them.
        degenerate: Samples equal to the level put several vertices on one place and leave faces without
            area between them. ``"keep"`` leaves them, at no cost. ``"drop"`` merges such vertices and drops
            such faces, with NumPy on the CPU: 1.6 times the extraction where there are none, 1 to 2 µs a face
            where they are everywhere. Sheets that only touch stay apart, each with its own vertices: a closed
            mesh stays closed, every edge with two faces.
        dtype: torch.float32 or torch.float64 for the vertices; None: float64 for a float64 volume, else
            float32. Take float64 where the origin is far: float32 holds seven digits.
        method: ``"primal"``: marching cubes. ``"dual"``: dual marching cubes, a vertex in each cell, even
            triangles, a manifold whatever the volume; a vertex's normal is the mean of its crossings'.
        placement: Where the dual mesh's vertices lie: ``"mean"``, or ``"nets"``, drawn towards their
            neighbours, for masks; those have no normals.
        max_verts, max_faces: Both, for results of a fixed size: ``(max_verts, 3)`` and ``(max_faces, 3)``.
            What the mesh leaves of them is 0, and a vertex of 0 lies at `origin`. Nothing is read back from
            a GPU, so a CUDA graph can hold the call, after one outside of it. `Mesh.vert_offsets` and
            `Mesh.face_offsets` tell how many there are, on the volume's device, and `Mesh.overflow` whether
            they do not fit: then the mesh leaves all of them. So it does where a NaN counts, which nobody
            waits to be told.

    Several volumes, and a fixed size, take neither ``level=None`` nor `attributes` or ``degenerate="drop"``;
    normals are the CPU's, whatever the device, and so are several dual meshes of a fixed size. Where autograd
    records, a batch is a loop, and there is no fixed size.

    Returns:
        A `Mesh` on the volume's device. Where `vol`, `level` or `attributes` requires grad, its vertices and
        attributes carry the gradient (docs/gradients.md); its normals do not.

    Raises:
        TypeError, ValueError: An argument is not as described; the text names it, what was wanted and what
            came. ``level=None`` needs a sample that is not NaN, and finite values.
        MemoryError, torch.OutOfMemoryError, RuntimeError: as `marching_cubes`.

    >>> import torch
    >>> vol = torch.ones(4, 4, 4)
    >>> vol[1:, 1:, 1:] = -1
    >>> isosurface(vol, border="closed", spacing=(0.5, 0.5, 2))
    Mesh(54 vertices, 104 faces, level 0, cpu)
    >>> two = isosurface(torch.stack([vol, -vol]), 0.0)
    >>> two.vert_offsets, [len(mesh.faces) for mesh in two.unpack()]
    (tensor([ 0, 27, 54]), [37, 37])
    """
    asked = recorded.Asked(
        mask,
        gradients.Options(nan, border, world.spacing(spacing), normals, "level"),
        one_of(degenerate, "degenerate", ("keep", "drop")) == "drop",
        attributes,
        world.origin(origin),
        dtype,
        checked_method(method, placement),
    )
    room = checked_room(max_verts, max_faces)
    if asked.method.rounds and normals:
        raise ValueError('normals must be False where placement is "nets", got True')
    if not operators.traced(vol):
        try:
            return _isosurface(vol, level, asked, room)
        except Recorded:
            if not operators.AVAILABLE:
                raise
    return packed.traced(vol, level, asked, room) if room else recorded.traced(vol, level, asked)


def _isosurface(vol: Any, level: Any, asked: recorded.Asked, room: Room | None) -> Mesh:
    samples = volumes(vol)
    if room is not None or len(samples.shape) == 4:
        return packed.surfaces(vol, samples, level, asked, room)
    extent = choose.value_range(samples) if level is None else None
    at = checked_level(level, "level") if extent is None else middle(samples, *extent)
    options, how = asked.options, asked.method
    request = options.request(samples, at, asked.mask)
    real = world.vertex_dtype(asked.dtype, samples.owner.dtype)
    channels = None if asked.attributes is None else checked_attributes(asked.attributes, samples)
    if gradients.wanted(vol, level, asked.attributes):
        moving = level if extent is None else gradients.middle(vol, at, *extent)
        return recorded.differentiable(vol, moving, request, asked)
    verts, faces, normals = (
        choose.dual(request, False, how.rounds, options.normals)
        if how.dual
        else choose.surface(request, options.normals)
    )
    if asked.drop:
        verts, faces, normals = ties.dropped(verts, faces, normals)
    values = None if channels is None else choose.grid_interp(channels, checked(verts, "verts"))
    return Mesh(choose.placed(verts, options.spacing, asked.origin, real), faces, normals, values, at)
