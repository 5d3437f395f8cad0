# SPDX-License-Identifier: MIT
"""The operator of results of a fixed size, whose shapes torch knows before they are computed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op, register_fake

from .arguments.batch import Room, batch, levels, volumes
from .arguments.options import Method
from .backends import choose
from .backends.results import INT32_MAX
from .gradients import Options

_SCHEMA = (
    "(Tensor vol, Tensor level, Tensor? mask, str nan, str border, float[] spacing, bool normals, int[] most,"
    " bool dual, bool quads, int rounds)"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor)"
)


@custom_op("torchmcubes_bw::surfaces_of_a_size", mutates_args=(), schema=_SCHEMA)
def surfaces_of_a_size(
    vol: Tensor,
    level: Tensor,
    mask: Tensor | None,
    nan: str,
    border: str,
    spacing: list[float],
    normals: bool,
    most: list[int],
    dual: bool,
    quads: bool,
    rounds: int,
) -> tuple[Tensor, ...]:
    """Return vertices, faces, normals (or no rows), offsets ``(2, B + 1)`` and overflow."""
    samples, (x, y, z) = volumes(vol), spacing
    each = levels(level, samples.shape[0] if len(samples.shape) == 4 else 1)
    request = Options(nan, border, (x, y, z), normals, "level").request(samples, each[0], mask)
    found = choose.surfaces(batch(request, each, Room(*most), Method(dual, rounds, quads)), normals)
    directions = found.verts.new_empty((0, 3)) if found.normals is None else found.normals
    offsets = torch.stack([found.vert_offsets, found.face_offsets])
    return found.verts, found.faces, directions, offsets, torch.as_tensor(found.overflow).clone()


def _fake(vol: Tensor, *asked: Any) -> tuple[Tensor, ...]:
    if vol.dim() not in (3, 4):
        wanted = "3 dimensions (Nz, Ny, Nx), or 4 (B, Nz, Ny, Nx) for several volumes"
        raise ValueError(f"vol must have {wanted}, got shape {tuple(vol.shape)}")
    normals, (verts, faces), _, quads, _ = asked[-5:]
    real = torch.float64 if vol.dtype == torch.float64 else torch.float32
    wide = torch.int64 if verts > INT32_MAX else torch.int32
    count = vol.shape[0] if vol.dim() == 4 else 1
    return (
        vol.new_empty((verts, 3), dtype=real),
        vol.new_empty((faces, 4 if quads else 3), dtype=wide),
        vol.new_empty((verts if normals else 0, 3), dtype=real),
        vol.new_empty((2, count + 1), dtype=torch.int64),
        vol.new_empty((), dtype=torch.bool),
    )


register_fake("torchmcubes_bw::surfaces_of_a_size", _fake)
