# SPDX-License-Identifier: MIT
"""Dual meshes on the interpreted GPU, of several volumes and of a fixed size too, for battery.py."""

from __future__ import annotations

from typing import Any

import torch
import volumes
from ptx.comparing import noise, same
from ptx.host import Host
from torch import Tensor
from torchmcubes_bw import dual_marching_cubes
from torchmcubes_bw.arguments.batch import Room
from torchmcubes_bw.arguments.options import Method


def check_dual(
    host: Host, vol: Tensor, level: float, quads: bool = False, wide: bool = False, **asked: Any
) -> None:
    verts, faces = dual_marching_cubes(vol, level, quads=quads, **{**asked, "spacing": 1})
    if not quads:  # where the spacing says which diagonal is the shorter one, and moves no vertex here
        faces = dual_marching_cubes(vol, level, **asked)[1]
    got = host.dual(vol, level, quads, wide, **asked)
    what = (tuple(vol.shape), vol.stride(), str(vol.dtype), level, quads, host.device.rules.seed)
    same(got, (verts, faces.to(torch.int64) if wide else faces), what)


def check_several(
    host: Host, vol: Tensor, levels: list[float], quads: bool, room: Room | None = None
) -> None:
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
    vols = noise((6, 4, 66)).reshape(2, 3, 4, 66)
    check_several(host, vols, [0.1, 0.3], False)
    for quads, one in ((False, vols[:1]), (True, vols[:1].double())):
        verts, faces = dual_marching_cubes(one[0], 0.1, quads=quads)
        sizes = (len(verts), len(faces)), (len(verts) + 3, len(faces) + 3), (len(verts), len(faces) - 1)
        for size in sizes:
            check_several(host, one, [0.1], quads, Room(*size))
    vols[0, 2, 3, 65] = float("nan")
    check_several(host, vols[:1], [0.1], False, Room(999, 999))


def for_mutants_of_the_dual(host: Host) -> None:
    check_dual(host, torch.from_numpy(volumes.ball((4, 40, 70), (35.2, 20.1, 1.7), 12.2)), 0.0)
    check_dual(host, noise((3, 4, 66), 1), 0.1, quads=True)
    check_dual(host, noise((3, 3, 66)).double(), 0.1)
