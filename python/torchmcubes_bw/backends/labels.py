# SPDX-License-Identifier: MIT
"""The surfaces of labels on the CPU: the core finds, counts and writes them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import _core
from ..arguments.arrays import no_memory
from ..arguments.labels import Labels
from ..arguments.samples import address
from .results import INT32_MAX, empty, refuse_fake_mode


class Surfaces(NamedTuple):
    """All surfaces, one after the other, labels ascending."""

    verts: Tensor  # (V, 3)
    faces: Tensor  # (F, 3), each label's from its own first vertex on
    labels: Tensor  # (L,)
    vert_offsets: Tensor  # (L + 1,)
    face_offsets: Tensor  # (L + 1,)

    def to(self, device: torch.device) -> Surfaces:
        """Return them on another device."""
        return Surfaces(*(part.to(device) for part in self))


def surfaces(asked: Labels) -> Surfaces:
    """Extract the surfaces of checked labels."""
    refuse_fake_mode()
    volume = asked.volume
    try:
        plan = _core.prepare_labels(
            *volume.told,
            asked.background,
            asked.only,
            asked.closed,
            asked.spacing,
            asked.origin,
            asked.method.dual,
            asked.method.rounds,
            torch.get_num_threads(),
        )
        wide = plan.most_vertices > INT32_MAX
        verts, verts_at = empty(plan.vertices, 3, torch.float32)
        faces, faces_at = empty(plan.triangles, 3, torch.int64 if wide else torch.int32)
        plan.emit(verts_at, faces_at, wide)
    except MemoryError:
        raise no_memory("labels", volume.shape) from None
    ids = torch.empty(plan.labels, dtype=volume.owner.dtype, device="cpu")
    offsets = torch.empty((2, plan.labels + 1), dtype=torch.int64, device="cpu")
    verts_from, faces_from = offsets
    plan.emit_ids(
        address(ids, "the result"), address(verts_from, "the result"), address(faces_from, "the result")
    )
    return Surfaces(verts, faces, ids, verts_from, faces_from)
