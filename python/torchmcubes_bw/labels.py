# SPDX-License-Identifier: MIT
"""Surfaces of labelled volumes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import index
from typing import Any

import numpy as np
from torch import Tensor

from .arguments.labels import labels as checked_labels
from .backends import choose


@dataclass(frozen=True, eq=False, repr=False)
class LabelSurfaces:
    """The surfaces of many labels, packed one after the other.

    ``for label, verts, faces in surfaces`` goes through them in ascending order, ``surfaces[label]`` is one
    label's ``(verts, faces)``, ``label in surfaces`` tells whether it is there, ``len(surfaces)`` how many
    are. All of these are views, without a copy.

    Attributes:
        verts: ``(V, 3)`` float32, as ``(x, y, z)``.
        faces: ``(F, 3)`` int32 (int64 only where one label needs it); those of each label are indices into
            its own vertices.
        labels: ``(L,)``, ascending, in the dtype of the volume.
        vert_offsets: ``(L + 1,)`` int64: label k has the vertices from ``vert_offsets[k]`` to before
            ``vert_offsets[k + 1]``.
        face_offsets: ``(L + 1,)`` int64, the same of the faces.
    """

    verts: Tensor
    faces: Tensor
    labels: Tensor
    vert_offsets: Tensor
    face_offsets: Tensor
    _places: dict[int, int] = field(init=False)
    _verts_from: list[int] = field(init=False)
    _faces_from: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Keep what is looked up as Python's own numbers: of a GPU's result they are fetched once."""
        places = {int(label): k for k, label in enumerate(self.labels.tolist())}
        object.__setattr__(self, "_places", places)
        object.__setattr__(self, "_verts_from", self.vert_offsets.tolist())
        object.__setattr__(self, "_faces_from", self.face_offsets.tolist())

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, label: object) -> bool:
        try:
            return index(label) in self._places  # type: ignore[arg-type]
        except TypeError:
            return False

    def __getitem__(self, label: int) -> tuple[Tensor, Tensor]:
        try:
            k = self._places[index(label)]
        except TypeError:
            raise TypeError(f"label must be an integer, got {label!r}") from None
        except KeyError:
            raise KeyError(f"label {label} is none of the {len(self)} with a surface here") from None
        verts = self.verts[self._verts_from[k] : self._verts_from[k + 1]]
        return verts, self.faces[self._faces_from[k] : self._faces_from[k + 1]]

    def __iter__(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        for label in self._places:
            yield label, *self[label]

    def __repr__(self) -> str:
        counts = f"{len(self)} labels, {len(self.verts)} verts, {len(self.faces)} faces"
        return f"LabelSurfaces({counts}, device={self.verts.device})"


def label_surfaces(
    labels: Tensor | np.ndarray[Any, Any],
    *,
    background: int | None = 0,
    only: Iterable[int] | None = None,
    spacing: float | Sequence[float] | Tensor | np.ndarray[Any, Any] = 1,
    origin: float | Sequence[float] | Tensor | np.ndarray[Any, Any] = 0,
    border: str = "open",
    method: str = "primal",
    placement: str = "mean",
) -> LabelSurfaces:
    """Extract the surface of every label of a volume: the label against all else, cut half way.

    Shapes:
        `labels` is ``(Nz, Ny, Nx)``: ``labels[z, y, x]`` is the label at position ``(x, y, z)``.
        `spacing` and `origin` are one number, or three in the order ``(x, y, z)``.

    Dtype:
        Any integer dtype, and bool. Labels may be negative, and as large as the dtype holds.

    Device:
        Computed on the CPU, by as many threads as ``torch.get_num_threads()`` says, whatever the labels'
        device is: those on another are copied, the result is put back there, and one warning a process says
        so. Strided and sliced tensors need no copy. A NumPy array gives CPU tensors.

    Range:
        All labels but `background`, or those of `only`, in which the background may be too. A label of
        `only` that does not occur has a surface without vertices; a `background` that does not occur leaves
        nothing out, as does None. Where the label runs into the volume's border the surface is open, or with
        ``border="closed"`` it is closed, its cap on the border itself: where the border's samples are.
        `method` is ``"primal"``, marching cubes, or ``"dual"``, which puts a vertex into each cell as
        `dual_marching_cubes` does: even triangles. With ``placement="nets"`` these vertices are drawn towards
        their neighbours, each within its cell: labels become smooth and do not shrink.

    Returns:
        `LabelSurfaces`: all vertices and all faces, packed by ascending label, with offsets. A vertex
        lies in the middle of each grid edge between the label and another, at
        ``origin + spacing * (x, y, z)``, computed in float64 and rounded once to float32. Right-hand normals
        point out of the label. Voxels of a label that touch along an edge of theirs are joined there. The
        surface is that of ``marching_cubes`` of ``labels == label`` at 0.5, its faces turned over, or of
        ``dual_marching_cubes`` likewise, and the same, byte for byte, for every thread count and SIMD level.

    Raises:
        TypeError: `labels` is no dense tensor or array of an integer dtype or bool with data in it,
            `background` no integer, `only` not several, `spacing` or `origin` neither a number nor three,
            `border`, `method` or `placement` no text.
        ValueError: `labels` has not three dimensions, an empty side, more than 2^48 labels or 2^29
            along x; `only` holds what the dtype does not; `spacing` is not positive, or it or `origin` not
            finite; `border`, `method` or `placement` is no word that it may be, or `placement` ``"nets"``
            without ``method="dual"``.
        MemoryError: the machine's memory is full.

    >>> import torch
    >>> labels = torch.zeros(4, 4, 4, dtype=torch.int32)
    >>> labels[1:3, 1:3, 1] = 7
    >>> labels[1:3, 1:3, 2] = -2
    >>> surfaces = label_surfaces(labels, spacing=0.5)
    >>> surfaces
    LabelSurfaces(2 labels, 32 verts, 56 faces, device=cpu)
    >>> for label, verts, faces in surfaces:
    ...     print(label, verts.amin(0).tolist(), verts.amax(0).tolist(), len(faces))
    -2 [0.75, 0.25, 0.25] [1.25, 1.25, 1.25] 28
    7 [0.25, 0.25, 0.25] [0.75, 1.25, 1.25] 28
    """
    asked = checked_labels(labels, background, only, spacing, origin, border, method, placement)
    return LabelSurfaces(*choose.label_surfaces(asked))
