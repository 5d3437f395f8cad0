# SPDX-License-Identifier: MIT
"""WSL2: its share of Windows's memory, and the driver that Windows lends it."""

from __future__ import annotations

from collections.abc import Iterator

from .facts import Machine
from .finding import GIB, Finding, Mark

# Windows's memory in GB, and what we would give to Linux: three quarters, and swap.
ADVICE = {8: (6, 8), 16: (12, 8), 32: (24, 8), 64: (48, 16)}
_ENOUGH = 16 * GIB


def wsl_findings(machine: Machine) -> Iterator[Finding]:
    """Judge what WSL2 gives, where this is WSL2."""
    if not machine.is_wsl:
        return
    total, swap = machine.memory.total or 0, machine.memory.swap or 0
    text = f"WSL2: Linux sees {total / GIB:.1f} GiB of memory and {swap / GIB:.1f} GiB of swap"
    windows = _advice_followed(total, swap)
    if windows is not None:
        yield Finding(Mark.WELL, f"{text}, our advice for {windows} GB in Windows")
    elif total < _ENOUGH:
        yield Finding(Mark.LOOK, text, _wslconfig(total))
    else:
        yield Finding(Mark.WELL, text)
    library = machine.driver.library
    if library and not library.startswith("/usr/lib/wsl/"):
        yield Finding(
            Mark.BROKEN,
            f"the driver's library is {library}, which hides Windows's in /usr/lib/wsl/lib",
            "remove the Linux driver: sudo apt-get remove --purge 'libnvidia-compute-*' 'nvidia-driver-*'",
        )


def _advice_followed(total: int, swap: int) -> int | None:
    """Return the memory in Windows for which this is our advice; Linux sees a little less than given."""
    for windows, (memory, wanted_swap) in ADVICE.items():
        if 0.9 * memory <= total / GIB <= memory and 0.9 * wanted_swap <= swap / GIB <= 1.1 * wanted_swap:
            return windows
    return None


def _wslconfig(total: int) -> str:
    """Linux cannot tell what Windows has: take the first line that gives more, and name the others."""
    chosen = next(windows for windows, (memory, _) in ADVICE.items() if memory > total / GIB)
    memory, swap = ADVICE[chosen]
    others = [f"{gb} GB: {m}GB and {s}GB" for gb, (m, s) in ADVICE.items() if gb != chosen]
    return (
        "put this into %UserProfile%\\.wslconfig on Windows, then run `wsl --shutdown` there:\n"
        f"[wsl2]\nmemory={memory}GB\nswap={swap}GB\n"
        f"this is for {chosen} GB in Windows; memory and swap for {', for '.join(others)}"
    )
