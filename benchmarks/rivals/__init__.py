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
        ready: takes the volume (a CPU float32 tensor) and the level, returns the call that is timed.
        same_counts: whether V must equal ours; not where a library merges vertices.
        versions: of what it runs on.
    """

    name: str
    ready: Callable[[torch.Tensor, float], Extract]
    versions: dict[str, str]
    same_counts: bool = True


def all_rivals(threads: int) -> tuple[list[Rival], dict[str, str]]:
    """Return what can run here, and why the others cannot."""
    found: list[Rival] = []
    missing: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__):
        adapter = importlib.import_module(f"{__name__}.{module.name}")
        try:
            found += adapter.rivals(threads)
        except ImportError as error:
            missing[module.name] = str(error)
    return found, missing
