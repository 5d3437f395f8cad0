# SPDX-License-Identifier: MIT
"""Vertices that fall on one place, and the faces without area between them.

Where a sample equals the level, the vertices of all its crossed edges lie on it; so do those of a closed
border where a corner or an edge of the box is inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .fans import Fans, components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]


def dropped(
    verts: Tensor, faces: Tensor, normals: Tensor | None, near: float = 0.0
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return a mesh without what lies on one sample twice and without faces that have no area: `merged`."""
    kept, left = merged(verts.detach().cpu().numpy(), faces.cpu().numpy(), near)
    if kept is None:
        return verts, faces, normals
    index = np.int32 if faces.dtype == torch.int32 else np.int64
    faces = torch.from_numpy(left.astype(index)).to(faces.device)
    return _rows(verts, kept), faces, None if normals is None else _rows(normals, kept)


def _rows(tensor: Tensor, kept: Indices) -> Tensor:
    """Return some rows; on the CPU without torch's threads, which hang after a fork, but for a gradient."""
    if tensor.is_cpu and not tensor.requires_grad:
        return torch.from_numpy(tensor.numpy()[kept])
    return tensor.index_select(0, torch.from_numpy(kept).to(tensor.device))


def merged(
    verts: NDArray[Any], faces: NDArray[Any], near: float = 0.0
) -> tuple[Indices | None, NDArray[Any]]:
    """Merge what lies on one sample and hangs together there, and drop the faces that are left without area.

    The faces that stay keep their neighbours; where one was dropped, those on its either side become
    neighbours. A vertex is what goes round one fan of neighbours: sheets that only touch on a sample stay
    apart there, each with its own vertex. So a closed mesh stays closed, every edge with two faces, and all
    faces turned as they were. A sheet that comes to lie on its own other side is dropped.

    Arguments:
        verts: ``(V, 3)`` in voxels.
        faces: ``(F, 3)``.
        near: How far from a sample a vertex may be that lies on it.

    Returns:
        ``(kept, faces)``: of the vertices that stay the numbers in `verts`, ascending, of those merged the
        first, and more than once where sheets touch; and the faces that stay, in their order, as indices into
        them. ``(None, faces)`` where nothing is to be merged.
    """
    sample = np.rint(verts)
    on_sample = (np.abs(verts - sample) <= near).all(axis=1)
    if not on_sample.any():
        return None, faces
    touching = np.flatnonzero(on_sample[faces].any(axis=1))
    first = _first_on_its_sample(sample, on_sample, faces[touching])
    merges = np.flatnonzero(first != np.arange(len(verts)))
    if len(merges) == 0:
        return None, faces
    tied = np.zeros(len(verts), dtype=bool)
    tied[merges] = tied[first[merges]] = True
    around = touching[tied[faces[touching]].any(axis=1)]
    fans = Fans(faces[around].astype(np.int64), first, tied)
    stay = np.ones(len(faces), dtype=bool)
    stay[around] = fans.stay
    return _numbered(faces, stay, around, fans, tied)


def _first_on_its_sample(sample: NDArray[Any], on_sample: NDArray[np.bool_], faces: NDArray[Any]) -> Indices:
    """Return for each vertex the first of those that edges on its sample join it with."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    ends = ends[on_sample[ends].all(axis=1)]
    ends = ends[(sample[ends[:, 0]] == sample[ends[:, 1]]).all(axis=1)]
    return components(len(sample), ends[:, 0], ends[:, 1])


def _numbered(
    faces: NDArray[Any], stay: NDArray[np.bool_], around: Indices, fans: Fans, tied: NDArray[np.bool_]
) -> tuple[Indices, Indices]:
    """Number the vertices of the faces that stay: one a fan where vertices were merged, else as before."""
    left = faces.astype(np.int64)
    used = np.zeros(len(tied), dtype=np.int64)
    used[left[stay]] = 1
    used[tied] = 0
    owners, fan_of = fans.vertices()  # ascending
    np.add.at(used, owners, 1)
    number = np.cumsum(used) - used
    left = number[left]
    among = np.arange(len(owners)) - np.searchsorted(owners, owners)  # a fan's place among its sample's
    in_fan = fan_of >= 0
    near = left[around]
    near[in_fan] = (number[owners] + among)[fan_of[in_fan]]
    left[around] = near
    return np.repeat(np.arange(len(tied)), used), left[stay]
