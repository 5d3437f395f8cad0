# SPDX-License-Identifier: MIT
"""Surfaces of volumes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .arguments.level import level
from .arguments.volume import volume
from .backends import choose


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
    return choose.marching_cubes(volume(vol, "Nz, Ny, Nx"), level(thresh))
