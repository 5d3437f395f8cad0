# SPDX-License-Identifier: MIT
"""The other libraries, an adapter file each.

An adapter's `rivals(threads)` returns its entries. A `Rival` knows how to get ready for a volume (what it
would do once in a user's program is not timed) and how to extract: a call that returns (verts, faces).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

Extract = Callable[[], tuple[Any, Any]]
OURS = "torchmcubes-bw"


@dataclass
class Rival:
    """A way to extract.

    Attributes:
        name: as the tables show it.
        ready: takes the volume (on `device`, of a type it reads) and the level, returns the call that is timed.
        same_counts: whether V must equal ours; not where a library merges vertices.
        versions: of what it runs on.
        devices: where it can run, of ``cpu`` and ``cuda``.
        elsewhere: whether it runs in a process of its own, whose memory cannot be watched from here.
        reads: sample types it takes as they are; of others it is given float32.
        ready_bytes: a voxel, what `ready` takes at its peak beyond the volume.
        call_bytes: a voxel, what a call takes, where that cannot be watched.
        before: sets what a call depends on and other calls may have changed; not timed.
        tolerates: kinds of fault, as `check.differences` names them, that the library is known for: its time is
            shown, marked, and the fault beside it.
        interpolate: takes a volume (C, Nz, Ny, Nx) and points (P, 3), returns a call that gives (P, C).
    """

    name: str
    ready: Callable[[torch.Tensor, float], Extract]
    versions: dict[str, str]
    same_counts: bool = True
    devices: tuple[str, ...] = ("cpu",)
    elsewhere: bool = False
    reads: tuple[str, ...] = ("float32",)
    ready_bytes: int = 0
    call_bytes: int = 0
    before: Callable[[], None] = lambda: None
    tolerates: tuple[str, ...] = ()
    interpolate: Callable[[torch.Tensor, torch.Tensor], Callable[[], Any]] | None = None


def all_rivals(threads: int, device: str) -> tuple[list[Rival], dict[str, str]]:
    """Return what can run on a device, ours first, and why the others cannot."""
    found: list[Rival] = []
    missing: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__):
        try:
            offered = importlib.import_module(f"{__name__}.{module.name}").rivals(threads)
        except Exception as error:  # not installed, or ill: a missing library, a driver, another version
            missing[module.name] = str(error) or type(error).__name__
            continue
        found += [rival for rival in offered if device in rival.devices]
        missing |= {r.name: f"does not run on {device}" for r in offered if device not in r.devices}
    return sorted(found, key=lambda rival: rival.name != OURS), missing
