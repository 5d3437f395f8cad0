# SPDX-License-Identifier: MIT
"""What the batteries share: volumes, orders of threads, and the comparison byte for byte."""

from __future__ import annotations

from dataclasses import replace

import torch
import volumes
from ptx.host import Host
from torch import Tensor


def same(got: tuple[Tensor, ...], want: tuple[Tensor, ...], what: object) -> None:
    for a, b in zip(got, want, strict=True):
        if a.dtype != b.dtype or a.shape != b.shape:
            raise AssertionError(f"{what}: {a.dtype} {tuple(a.shape)}, wanted {b.dtype} {tuple(b.shape)}")
        if a.numpy().tobytes() != b.numpy().tobytes():
            raise AssertionError(f"{what}: other bytes than the CPU's")


def order(host: Host, seed: int | None) -> None:
    """Let threads run in a random order from now on, or with None in the program's."""
    host.device.rules = replace(host.device.rules, seed=seed)


def noise(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.from_numpy(volumes.noise(shape, seed))
