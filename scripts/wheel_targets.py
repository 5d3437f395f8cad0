# SPDX-License-Identifier: MIT
"""What `build_wheels.py` builds: the Pythons, the platforms, their names, the table of what came of each."""

from __future__ import annotations

import re
from dataclasses import dataclass

GLIBC = "2.17"
MACOS = "11.0"


@dataclass(frozen=True, order=True)
class Python:
    """A CPython to build for."""

    minor: int
    free_threaded: bool = False

    @property
    def version(self) -> str:
        """The version as people write it, 3.14t for a free-threaded one."""
        return f"3.{self.minor}{'t' * self.free_threaded}"

    @property
    def tags(self) -> str:
        """The first two parts of a wheel's tag."""
        return f"cp3{self.minor}-{self.abi}"

    @property
    def abi(self) -> str:
        """The tag of its ABI."""
        return f"cp3{self.minor}{'t' * self.free_threaded}"

    @property
    def dll(self) -> str:
        """Its library on Windows."""
        return f"python3{self.minor}{'t' * self.free_threaded}.dll"


@dataclass(frozen=True)
class Platform:
    """A system and a processor, by everybody's name for it."""

    name: str
    triple: str  # zig's
    system: str  # CMake's, as the next
    processor: str
    wheel_tag: str
    module_tag: str  # as in _core.cpython-314-darwin.so
    cubins: tuple[int, ...] = ()  # the GPUs with code of their own, as in the manifest
    ptx: tuple[int, ...] = ()
    debian: str = ""  # Debian's name of the processor, where its Pythons run here
    emulator: str = ""  # what runs its programs elsewhere

    @property
    def has_kernels(self) -> bool:
        """Whether CUDA exists there."""
        return bool(self.cubins)

    def suffix(self, python: Python) -> str:
        """The end of the compiled module's name, which an interpreter looks for."""
        if self.system == "Windows":
            return f".{python.abi}-{self.module_tag}.pyd"
        return f".cpython-{python.abi[2:]}-{self.module_tag}.so"


CUBINS, PTX = (70, 75, 80, 86, 89, 90, 100, 120), (75, 120)
PYTHONS = tuple(Python(minor) for minor in range(10, 15))
PLATFORMS = (
    Platform(
        "linux-x86_64",
        f"x86_64-linux-gnu.{GLIBC}",
        "Linux",
        "x86_64",
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "x86_64-linux-gnu",
        CUBINS,
        PTX,
        debian="amd64",
    ),
    Platform(
        "linux-aarch64",
        f"aarch64-linux-gnu.{GLIBC}",
        "Linux",
        "aarch64",
        "manylinux_2_17_aarch64.manylinux2014_aarch64",
        "aarch64-linux-gnu",
        tuple(sorted({*CUBINS, 87, 101})),  # Jetson Orin and Thor
        PTX,
        debian="arm64",
        emulator="qemu-aarch64",
    ),
    Platform(
        "windows-x86_64", "x86_64-windows-gnu", "Windows", "AMD64", "win_amd64", "win_amd64", CUBINS, PTX
    ),
    Platform("macos-arm64", f"aarch64-macos.{MACOS}", "Darwin", "arm64", "macosx_11_0_arm64", "darwin"),
)


@dataclass
class Outcome:
    """What came of a wheel."""

    platform: str
    python: str
    built: str = ""
    loaded: str = ""
    suite: str = ""


def table(outcomes: list[Outcome]) -> str:
    """Return the outcomes as a table, one line a wheel."""
    rows = [["platform", "Python", "built", "loaded", "suite"]]
    rows += [[o.platform, o.python, o.built, o.loaded, o.suite] for o in outcomes]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-|-".join("-" * width for width in widths), *lines[1:]])


def chosen(named: list[str]) -> list[tuple[Platform, Python]]:
    """Return the wheels that words name: platforms, Pythons; all where a kind is not named.

    >>> [(platform.name, python.version) for platform, python in chosen(["macos-arm64", "3.12"])]
    [('macos-arm64', '3.12')]
    """
    pythons = {python.version: python for python in (*PYTHONS, Python(14, free_threaded=True))}
    platforms = {platform.name: platform for platform in PLATFORMS}
    if unknown := [word for word in named if word not in platforms and word not in pythons]:
        known = ", ".join([*platforms, *pythons])
        raise ValueError(f"a wheel must be named by {known}, got {', '.join(unknown)}")
    of_platforms = [platforms[word] for word in named if word in platforms] or list(PLATFORMS)
    of_pythons = [pythons[word] for word in named if word in pythons] or list(PYTHONS)
    return [(platform, python) for platform in of_platforms for python in of_pythons]


def without_python(name: str) -> str:
    """Return a file's name without what differs from Python to Python and from platform to platform."""
    return re.sub(r"(^|/)_core\.[^/]*\.(so|pyd)$", r"\1_core.*.so", name)
