# SPDX-License-Identifier: MIT
"""The two public functions."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from . import _checks, _devices


def marching_cubes(vol: Any, thresh: Any) -> tuple[Tensor, Tensor]:
    """Extract the isosurface of a volume as a mesh of triangles.

    Shapes:
        `vol` is ``(Nz, Ny, Nx)``: ``vol[z, y, x]`` is the sample at position ``(x, y, z)``. A side
        of length 1 has no cells and gives an empty mesh.

    Dtype:
        float32, float64, float16, bfloat16, uint8, int8, int16, int32 and bool are read as they are;
        int64, uint32 and uint64 are converted to float64 first, uint16 to int32, float8 to float32.

    Device:
        The volume's, whatever it is; strided and sliced tensors need no copy. A NumPy array gives CPU
        tensors. On the CPU as many threads work as ``torch.get_num_threads()`` says; on an NVIDIA GPU the
        work is queued on torch's current stream, and the call waits once, for the mesh's size. For a
        device without kernels (see ``build_info()``) the CPU computes, with one warning.

    Range:
        A sample is inside where ``vol < thresh``, strictly. `thresh` is a number, a NumPy scalar or a
        tensor of one element; it is rounded to the type that is computed in: float64 for volumes read
        as float64 or int32, float32 for all others. Infinite samples are allowed, NaN is not.

    Returns:
        ``(verts, faces)``. `verts` is ``(V, 3)`` float32 (float64 for a float64 volume), the vertices
        as ``(x, y, z)`` in voxels: one on each grid edge the surface crosses, shared by its triangles,
        placed by linear interpolation. `faces` is ``(F, 3)`` int32 (int64 only where V needs it),
        indices into `verts`; right-hand normals point to higher values. Both are contiguous, own
        their memory, lie on the volume's device and carry no gradient. Without a crossing both are
        ``(0, 3)``. The mesh is closed away from the volume's border and the same, byte for byte, for
        every device, thread count and SIMD level.

    Raises:
        TypeError: `vol` is no dense tensor or array of a real dtype with data in it (a fake tensor
            and one inside vmap have none), or `thresh` no number.
        ValueError: `vol` has not three dimensions, an empty side, more than 2^48 samples, or NaN in it;
            `thresh` is NaN, beyond float64, or more than one number.
        MemoryError, torch.OutOfMemoryError: the machine's or the GPU's memory is full.
        RuntimeError: the GPU failed, in the driver's words, or a CUDA graph is being captured.

    The method is that of Lorensen and Cline (1987), with ambiguous faces always separating their
    inside corners.

    >>> import torch
    >>> vol = torch.ones(3, 3, 3)
    >>> vol[1, 1, 1] = -1
    >>> verts, faces = marching_cubes(vol, 0.0)
    >>> verts[0], len(verts), len(faces)
    (tensor([1.0000, 1.0000, 0.5000]), 6, 8)
    """
    vol = _checks.volume(vol, "Nz, Ny, Nx")
    level = _checks.level(thresh)
    return _devices.marching_cubes(vol, level)


def grid_interp(vol: Any, points: Any) -> Tensor:
    """Interpolate a stack of volumes at points, trilinearly.

    Shapes:
        `vol` is ``(C, Nz, Ny, Nx)``, `points` is ``(P, 3)``: positions ``(x, y, z)`` in voxels, as
        the vertices of `marching_cubes` are. Any number of channels and points, also none.

    Dtype:
        Computed in float64 for a float64 volume, in float32 for every other real dtype.

    Device:
        Both on one device. NumPy arrays give CPU tensors. Non-contiguous tensors are copied.

    Range:
        A point outside the grid takes the value at the nearest position on its border. A NaN
        coordinate gives NaN.

    Returns:
        ``(P, C)`` values, float32 or float64 as above, on the volume's device, without gradient.

    Raises:
        TypeError: an argument is no dense tensor or array of a real dtype with data in it.
        ValueError: `vol` has not four dimensions or an empty side; `points` is not ``(P, 3)`` or
            on another device; either has more than 2^48 elements.
        torch.OutOfMemoryError: the GPU's memory is full.
        RuntimeError: the GPU failed, in the driver's words.

    >>> import torch
    >>> vol = torch.arange(8.0).reshape(1, 2, 2, 2)
    >>> grid_interp(vol, torch.tensor([[0.5, 0.0, 0.0], [1.0, 1.0, 9.0]]))
    tensor([[0.5000],
            [7.0000]])
    """
    vol = _checks.volume(vol, "C, Nz, Ny, Nx")
    points = _checks.points(points, vol)
    return _devices.grid_interp(vol, points)
