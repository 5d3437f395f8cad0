# SPDX-License-Identifier: MIT
"""How much memory there is, and what is asked of it before it is taken."""

from __future__ import annotations

from pathlib import Path

import psutil
import torch

_CONTAINER = Path("/sys/fs/cgroup")
_SPARE = 2**29  # left for everybody else


def free_bytes(device: str = "cpu") -> int:
    """Return what can still be taken: of a GPU, or of this machine, or of the container it is."""
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info()
        return free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    free = psutil.virtual_memory().available
    limit, used = (_CONTAINER / name for name in ("memory.max", "memory.current"))
    if limit.exists() and limit.read_text().strip().isdigit():
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return max(0, free - _SPARE)


def too_much(wanted: float, device: str = "cpu") -> str | None:
    """Say how much more than there is would be taken, if it is."""
    free = free_bytes(device)
    if wanted <= free:
        return None
    return f"left out: would take some {_gib(wanted)} GiB more, {_gib(free)} are free"


def _gib(count: float) -> str:
    return f"{count / 2**30:.2g}" if count < 100 * 2**30 else f"{count / 2**30:.0f}"
