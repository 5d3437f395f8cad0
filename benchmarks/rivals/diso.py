# SPDX-License-Identifier: MIT
from __future__ import annotations

from importlib import metadata

import torch
from diso import DiffMC

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return diso's marching cubes."""

    def ready(vol, level) -> Extract:
        extractor = DiffMC(dtype=torch.float32).to(vol.device)
        return lambda: extractor(vol, None, isovalue=level, normalize=False)

    versions = {"diso": metadata.version("diso")}
    return [Rival("diso", ready, versions, same_counts=False, devices=("cuda",))]
