# SPDX-License-Identifier: MIT
"""Dual meshes of several volumes and of a fixed size on the interpreted GPU, for battery.py."""

from __future__ import annotations

import torch
import volumes
from ptx.host import Host
from torch import Tensor
from torchmcubes_bw import dual_marching_cubes
from torchmcubes_bw.arguments.batch import Room
from torchmcubes_bw.arguments.options import Method


def check(host: Host, vol: Tensor, levels: list[float], quads: bool, room: Room | None = None) -> None:
    size = {"max_verts": room.verts, "max_faces": room.faces} if room else {}
    want = dual_marching_cubes(vol, levels, quads=quads, **size)
    got = host.batch(vol, levels, room, method=Method(True, 0, quads))
    for name in ("verts", "faces", "vert_offsets", "face_offsets", "overflow"):
        a, b = getattr(got, name), getattr(want, name)
        if b is None:
            continue
        if (a.dtype, a.shape) != (b.dtype, b.shape) or a.numpy().tobytes() != b.numpy().tobytes():
            raise AssertionError(f"{name} of {tuple(vol.shape)}, {levels}, {quads}, {room}")


def several_duals(host: Host) -> None:
    """Several volumes one by one; one volume that fits exactly, that does not, and that has a NaN."""
    vols = torch.from_numpy(volumes.noise((6, 4, 66))).reshape(2, 3, 4, 66)
    check(host, vols, [0.1, 0.3], False)
    for quads, one in ((False, vols[:1]), (True, vols[:1].double())):
        verts, faces = dual_marching_cubes(one[0], 0.1, quads=quads)
        sizes = (len(verts), len(faces)), (len(verts) + 3, len(faces) + 3), (len(verts), len(faces) - 1)
        for size in sizes:
            check(host, one, [0.1], quads, Room(*size))
    vols[0, 2, 3, 65] = float("nan")
    check(host, vols[:1], [0.1], False, Room(999, 999))
