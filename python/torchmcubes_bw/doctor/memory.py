# SPDX-License-Identifier: MIT
"""Memory as this process may use it: the machine's, and under it a container's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """Bytes; None where the system does not tell."""

    total: int | None = None
    free: int | None = None
    swap: int | None = None


@dataclass(frozen=True)
class _Files:
    """The names a version of cgroups gives to a group's limit, its use, and the file cache in it."""

    limit: str
    used: str
    cache: str


_V1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Files("memory.max", "memory.current", "inactive_file")


def read_memory(root: Path = Path("/")) -> Memory:
    """Read what is there and what is free; `root` is the file system's."""
    told = root / "proc/meminfo"
    if not told.exists():
        return Memory(*_by_psutil())
    lines = (line.split() for line in told.read_text().splitlines())
    bytes_of = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if words[-1] == "kB"}
    total, free = bytes_of["MemTotal"], bytes_of["MemAvailable"]
    for limit, left in _container_limits(root):
        total, free = min(total, limit), min(free, left)
    return Memory(total, free, bytes_of.get("SwapTotal", 0))


def _container_limits(root: Path) -> Iterator[tuple[int, int]]:
    """Give the limit of each group around this process, and what is left of it."""
    told = root / "proc/self/cgroup"
    for line in told.read_text().splitlines() if told.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield from _limits(root / "sys/fs/cgroup", path, _V2)
        elif "memory" in controllers.split(","):
            yield from _limits(root / "sys/fs/cgroup/memory", path, _V1)


def _limits(mount: Path, path: str, files: _Files) -> Iterator[tuple[int, int]]:
    """Walk from a group up to the mount: a container may see its own group as the mount's root."""
    own = mount / path.lstrip("/")
    for group in (own, *own.parents):
        limit = _number(group / files.limit)
        if limit is not None:
            used = (_number(group / files.used) or 0) - _cache(group, files)
            yield limit, max(0, limit - used)
        if group == mount:
            return


def _number(file: Path) -> int | None:
    """Read a number; None where there is no such file, or "max" in it."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _cache(group: Path, files: _Files) -> int:
    """Return the bytes of files kept in memory, which go when a program needs the room."""
    try:
        lines = (group / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[0] == files.cache), 0)


def _by_psutil() -> tuple[int | None, int | None, int | None]:
    try:
        import psutil  # noqa: PLC0415 - an extra, and not needed on Linux
    except ImportError:
        return None, None, None
    memory = psutil.virtual_memory()
    return memory.total, memory.available, psutil.swap_memory().total
