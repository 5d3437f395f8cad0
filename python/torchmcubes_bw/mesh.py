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


_TENSORS = ("verts", "faces", "normals", "attributes", "vert_offsets", "face_offsets", "overflow")


@dataclass(frozen=True, eq=False, repr=False)
class Mesh:
    """A surface: what `isosurface` returns. It unpacks as ``verts, faces = mesh``.

    Attributes:
        verts: ``(V, 3)`` float32 or float64, ``(x, y, z)``.
        faces: ``(F, 3)`` int32 or int64, indices into `verts`; of `dual_marching_cubes` with ``quads=True``
            ``(Q, 4)``.
        normals: ``(V, 3)`` unit vectors, or None where they were not asked for.
        attributes: ``(V, C)`` values at the vertices, or None.
        level: the level that the surface lies at; NaN where several volumes have one each.

    Of several volumes, or of a fixed size, it is packed: one surface after the other, and `unpack` gives a
    mesh for each volume. Then it has

        vert_offsets: ``(B + 1,)`` int64: volume k has the vertices from ``vert_offsets[k]`` to before
            ``vert_offsets[k + 1]``. The faces of each volume are indices into its own vertices.
        face_offsets: ``(B + 1,)`` int64, the same of the faces.
        levels: the volumes' levels.
        overflow: of a fixed size a bool without dimensions: True where the mesh does not fit, or has a NaN
            that counts (its offsets are -1 then). In both cases `faces` are all 0, and all of `verts` lie at
            `origin`.

    All tensors lie on one device.
    """

    verts: Tensor
    faces: Tensor
    normals: Tensor | None = None
    attributes: Tensor | None = None
    level: float = 0.0
    vert_offsets: Tensor | None = None
    face_offsets: Tensor | None = None
    levels: tuple[float, ...] | None = None
    overflow: Tensor | None = None

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.verts, self.faces))

    def __repr__(self) -> str:
        more = [name for name in ("normals", "attributes") if getattr(self, name) is not None]
        parts = [f"{len(self.verts)} vertices", f"{len(self.faces)} faces", *more]
        if self.levels is not None:
            parts.append(f"packed, of volumes: {len(self.levels)}")
        return f"{type(self).__name__}({', '.join(parts)}, level {self.level:g}, {self.verts.device})"

    def _repr_png_(self) -> bytes | None:
        """Return a picture for Jupyter, where matplotlib is installed and the mesh not too large for it."""
        if self.levels is not None:
            return None
        from .picture import png  # noqa: PLC0415 - only a notebook needs it

        return png(_array(self.verts), _array(self.faces))

    def to(self, device: torch.device | str) -> Mesh:
        """Return the mesh on another device."""
        tensors = {name: getattr(self, name) for name in _TENSORS}
        moved = {name: tensor.to(device) for name, tensor in tensors.items() if tensor is not None}
        return replace(self, **moved)

    def unpack(self) -> list[Mesh]:
        """Return a mesh for each volume, in views without a copy; of a mesh that is not packed itself.

        It reads the offsets: on a GPU it waits for them.

        Raises:
            ValueError: the mesh has a fixed size, and does not fit or has a NaN that counts.
        """
        if self.vert_offsets is None or self.face_offsets is None or self.levels is None:
            return [self]
        of_verts, of_faces = self.vert_offsets.tolist(), self.face_offsets.tolist()
        if of_verts[-1] < 0:
            raise ValueError('vol must not contain NaN that counts (nan="skip" passes over it)')
        if of_verts[-1] > len(self.verts) or of_faces[-1] > len(self.faces):
            got = f"{of_verts[-1]} vertices and {of_faces[-1]} faces"
            raise ValueError(f"max_verts and max_faces must hold the mesh, got {got}")
        meshes = []
        for k, level in enumerate(self.levels):
            own = slice(of_verts[k], of_verts[k + 1])
            normals = None if self.normals is None else self.normals[own]
            faces = self.faces[of_faces[k] : of_faces[k + 1]]
            meshes.append(Mesh(self.verts[own], faces, normals, level=level))
        return meshes

    def to_trimesh(self) -> Any:
        """Return a ``trimesh.Trimesh``, its attributes as ``vertex_attributes["values"]``.

        Nothing is merged or left out on the way.
        """
        self._refuse_packed()
        self._refuse_quads()
        options: dict[str, Any] = {"process": False}
        if self.normals is not None and len(self.verts):  # trimesh takes no empty ones
            options["vertex_normals"] = _array(self.normals)
        if self.attributes is not None:
            options["vertex_attributes"] = {"values": _array(self.attributes)}
        return _library("trimesh").Trimesh(_array(self.verts), _array(self.faces), **options)

    def to_open3d(self) -> Any:
        """Return an ``open3d.geometry.TriangleMesh``; attributes of three channels are its colours."""
        self._refuse_packed()
        self._refuse_quads()
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
        self._refuse_packed()
        mesh = _library("pyvista").PolyData.from_regular_faces(_array(self.verts), _array(self.faces))
        if self.normals is not None:
            mesh.point_data.active_normals = _array(self.normals)
        if self.attributes is not None and len(self.verts):  # pyvista takes no empty ones
            mesh.point_data["values"] = _array(self.attributes)
        return mesh

    def to_pytorch3d(self) -> Any:
        """Return a ``pytorch3d.structures.Meshes`` of all volumes' meshes, on the mesh's device."""
        self._refuse_quads()
        parts = self.unpack()
        lists: dict[str, Any] = {
            "verts": [part.verts for part in parts],
            "faces": [part.faces.long() for part in parts],
            "verts_normals": None if self.normals is None else [part.normals for part in parts],
        }
        return _library("pytorch3d.structures").Meshes(**lists)

    def _refuse_packed(self) -> None:
        if self.levels is not None:
            raise ValueError(f"mesh must not be packed, got {self!r}: mesh.unpack() gives each")

    def _refuse_quads(self) -> None:
        if self.faces.shape[1] != 3:
            raise ValueError(f"mesh must have triangles, got quads, faces of shape {tuple(self.faces.shape)}")


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as missing:
        package = name.split(".")[0]
        raise ImportError(f"this needs {package}: pip install {package} ({missing})") from missing
