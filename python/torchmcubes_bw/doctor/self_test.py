# SPDX-License-Identifier: MIT
"""A small extraction with known bytes, on every device."""

from __future__ import annotations

import hashlib
import time
import warnings

import torch
from torch import Tensor

from .. import marching_cubes
from .facts import Machine
from .finding import Finding, Mark

_SIZE, _LEVEL = 40, 40.5
_VERTICES, _FACES = 98743, 179657
_SHA256 = "fcb5015a6ae74030ea103b037cbcd38988d8a48979f57607340ab397ae4f8e2d"


def known_volume() -> Tensor:
    """Return a volume of exact integers, whose mesh has the same bytes on every machine."""
    z, y, x = torch.meshgrid(*[torch.arange(_SIZE, dtype=torch.int32, device="cpu")] * 3, indexing="ij")
    return ((x * x + 2 * y * y + 3 * z * z + x * y // 4) % 1031 % 97).to(torch.float32)


def mesh_digest(verts: Tensor, faces: Tensor) -> str:
    """Return the SHA-256 of a mesh's bytes."""
    digest = hashlib.sha256(verts.cpu().numpy().tobytes())
    digest.update(faces.cpu().numpy().tobytes())
    return digest.hexdigest()


def self_tests(machine: Machine) -> list[Finding]:
    """Extract the known mesh on each device."""
    vol = known_volume()
    return [_self_test(vol, device) for device in machine.devices]


def _self_test(vol: Tensor, device: str) -> Finding:
    cure = "please report it, with what `torchmcubes-bw doctor --json` prints"
    try:
        vol = vol.to(device)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            marching_cubes(vol, _LEVEL)  # the first call loads the kernels
            begin = time.perf_counter()
            verts, faces = marching_cubes(vol, _LEVEL)
            digest = mesh_digest(verts, faces)
            milliseconds = (time.perf_counter() - begin) * 1e3
    except (RuntimeError, MemoryError) as error:
        return Finding(Mark.BROKEN, f"self-test on {device}: {error}", cure)
    if (len(verts), len(faces), digest) != (_VERTICES, _FACES, _SHA256):
        got = f"{len(verts)} vertices, {len(faces)} faces, {digest[:12]}"
        wanted = f"{_VERTICES}, {_FACES}, {_SHA256[:12]}"
        return Finding(Mark.BROKEN, f"self-test on {device}: {got}, should be {wanted}", cure)
    text = f"self-test on {device}: {_VERTICES} vertices, {_FACES} faces, every byte as it should be"
    if said:
        return Finding(Mark.LOOK, f"{text}, but computed on the CPU", str(said[0].message))
    return Finding(Mark.WELL, f"{text}, {milliseconds:.1f} ms")
