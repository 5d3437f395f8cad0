# SPDX-License-Identifier: MIT
"""A mesh, and its ways to other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, repr=False)
class Mesh:
    """A surface: what `isosurface` returns. It unpacks as ``verts, faces = mesh``.

    Attributes:
        verts: ``(V, 3)`` float32 or float64, ``(x, y, z)``.
        faces: ``(F, 3)`` int32 or int64, indices into `verts`.
        normals: ``(V, 3)`` unit vectors, or None where they were not asked for.
        attributes: ``(V, C)`` values at the vertices, or None.
        level: the level that the surface lies at.

    All tensors lie on one device.
    """

    verts: Tensor
    faces: Tensor
    normals: Tensor | None = None
    attributes: Tensor | None = None
    level: float = 0.0

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.verts, self.faces))

    def __repr__(self) -> str:
        more = [name for name in ("normals", "attributes") if getattr(self, name) is not None]
        parts = [f"{len(self.verts)} vertices", f"{len(self.faces)} faces", *more]
        return f"{type(self).__name__}({', '.join(parts)}, level {self.level:g}, {self.verts.device})"

    def _repr_png_(self) -> bytes | None:
        """Return a picture for Jupyter, where matplotlib is installed and the mesh not too large for it."""
        from .picture import png  # noqa: PLC0415 - only a notebook needs it

        return png(_array(self.verts), _array(self.faces))

    def to(self, device: torch.device | str) -> Mesh:
        """Return the mesh on another device."""
        tensors = {name: getattr(self, name) for name in ("verts", "faces", "normals", "attributes")}
        moved = {name: tensor.to(device) for name, tensor in tensors.items() if tensor is not None}
        return replace(self, **moved)

    def to_trimesh(self) -> Any:
        """Return a ``trimesh.Trimesh``, its attributes as ``vertex_attributes["values"]``.

        Nothing is merged or left out on the way.
        """
        options: dict[str, Any] = {"process": False}
        if self.normals is not None:
            options["vertex_normals"] = _array(self.normals)
        if self.attributes is not None:
            options["vertex_attributes"] = {"values": _array(self.attributes)}
        return _library("trimesh").Trimesh(_array(self.verts), _array(self.faces), **options)

    def to_open3d(self) -> Any:
        """Return an ``open3d.geometry.TriangleMesh``; attributes of three channels are its colours."""
        o3d = _library("open3d")
        vectors = o3d.utility.Vector3dVector
        mesh = o3d.geometry.TriangleMesh(
            vectors(_array(self.verts).astype(np.float64)),
            o3d.utility.Vector3iVector(_array(self.faces).astype(np.int32)),
        )
        if self.normals is not None:
            mesh.vertex_normals = vectors(_array(self.normals).astype(np.float64))
        if self.attributes is not None and self.attributes.shape[1] == 3:
            mesh.vertex_colors = vectors(_array(self.attributes).astype(np.float64))
        return mesh

    def to_pyvista(self) -> Any:
        """Return a ``pyvista.PolyData``, with the point data ``Normals`` and ``values``."""
        mesh = _library("pyvista").PolyData.from_regular_faces(_array(self.verts), _array(self.faces))
        if self.normals is not None:
            mesh.point_data.active_normals = _array(self.normals)
        if self.attributes is not None:
            mesh.point_data["values"] = _array(self.attributes)
        return mesh

    def to_pytorch3d(self) -> Any:
        """Return a ``pytorch3d.structures.Meshes`` of one mesh, on the mesh's device."""
        normals = None if self.normals is None else [self.normals]
        meshes = _library("pytorch3d.structures").Meshes
        return meshes(verts=[self.verts], faces=[self.faces.long()], verts_normals=normals)


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as missing:
        package = name.split(".")[0]
        raise ImportError(f"this needs {package}: pip install {package} ({missing})") from missing
