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


@dataclass
class Rival:
    """A way to extract.

    Attributes:
        name: as the tables show it.
        ready: takes the volume (a float32 tensor on `device`; ours takes any dtype) and the level, returns the call
            that is timed.
        same_counts: whether V must equal ours; not where a library merges vertices.
        versions: of what it runs on.
        devices: where it can run, of ``cpu`` and ``cuda``.
        elsewhere: whether it runs in a process of its own, whose memory cannot be watched from here.
    """

    name: str
    ready: Callable[[torch.Tensor, float], Extract]
    versions: dict[str, str]
    same_counts: bool = True
    devices: tuple[str, ...] = ("cpu",)
    elsewhere: bool = False


def all_rivals(threads: int, device: str) -> tuple[list[Rival], dict[str, str]]:
    """Return what can run on a device, and why the others cannot."""
    found: list[Rival] = []
    missing: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__):
        try:
            offered = importlib.import_module(f"{__name__}.{module.name}").rivals(threads)
        except ImportError as error:
            missing[module.name] = str(error)
            continue
        found += [rival for rival in offered if device in rival.devices]
        missing |= {r.name: f"does not run on {device}" for r in offered if device not in r.devices}
    return found, missing
