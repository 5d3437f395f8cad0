# SPDX-License-Identifier: MIT
"""What a compiled module of any platform links, and whether it may: the work of auditwheel and its kin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import lief
from wheel_targets import GLIBC, MACOS, Platform, Python

ELF_LIBRARIES = {"libc.so.6", "libpthread.so.0", "libdl.so.2", "libm.so.6"}
ELF_LOADERS = {"Linux/x86_64": "ld-linux-x86-64.so.2", "Linux/aarch64": "ld-linux-aarch64.so.1"}
MACHO_LIBRARIES = {"/usr/lib/libSystem.B.dylib", "/usr/lib/libc++.1.dylib"}
MACHO_MARKS = {"__mh_dylib_header", "___dso_handle"}  # of the file itself
MACHO_WEAK = ("__Zn", "__Zd")  # operators new and delete: weak, so the process' own are used
ENTRY = "PyInit__core"


lief.logging.disable()  # it remarks on what does not matter here


class LinkError(Exception):
    """A module links or exports what it must not."""


def numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers, which compare as versions do."""
    return tuple(int(part) for part in version.split("."))


def refuse(module: Path, foreign: Iterable[str], verb: str) -> None:
    """Raise what a module links or exports beyond what it may."""
    if foreign := sorted(foreign):
        raise LinkError(f"{module.name} {verb} {', '.join(foreign)}")


def links(module: Path, platform: Platform, python: Python) -> str:
    """Check a module; return in words what it links."""
    checks = {"Linux": of_elf, "Windows": of_pe, "Darwin": of_macho}
    return checks[platform.system](module, platform, python)


def of_elf(module: Path, platform: Platform, python: Python) -> str:  # noqa: ARG001 - Linux links no Python
    """Libraries of glibc alone, no symbol of it younger than the tag says, one function exported."""
    binary = lief.ELF.parse(str(module))
    loader = ELF_LOADERS[f"{platform.system}/{platform.processor}"]
    refuse(module, set(binary.libraries) - ELF_LIBRARIES - {loader}, "links")
    families = [need.get_auxiliary_symbols() for need in binary.symbols_version_requirement]
    required = {symbol.name for family in families for symbol in family}
    versions = {name.partition("_")[2] for name in required if re.fullmatch(r"GLIBC_[0-9.]+", name)}
    refuse(module, (name for name in required if not name.startswith("GLIBC_")), "needs symbols of")
    refuse(module, (v for v in versions if numbers(v) > numbers(GLIBC)), "needs symbols of GLIBC")
    refuse(module, {symbol.name for symbol in binary.exported_symbols} - {ENTRY, "_init", "_fini"}, "exports")
    return f"glibc {max(versions, key=numbers)}"


def of_pe(module: Path, platform: Platform, python: Python) -> str:  # noqa: ARG001 - one processor
    """Python's library, the kernel's and the C runtime's alone; of Python only what its headers export."""
    binary = lief.PE.parse(str(module))
    imported = {library.name.lower(): [entry.name for entry in library.entries] for library in binary.imports}
    runtime = {name for name in imported if name.startswith("api-ms-win-crt-")}
    refuse(module, set(imported) - runtime - {python.dll, "kernel32.dll"}, "links")
    if python.dll not in imported or not runtime:
        raise LinkError(f"{module.name} links {', '.join(imported)}, not {python.dll} and the UCRT")
    exported = {entry.name for entry in binary.get_export().entries} - {ENTRY}
    refuse(module, (name for name in exported if "8pybind11" not in name), "exports")  # its exceptions
    return f"{python.dll} ({len(imported[python.dll])} names), kernel32, UCRT"


def of_macho(module: Path, platform: Platform, python: Python) -> str:  # noqa: ARG001 - links no Python
    """The system's library and the C++ library alone, for the oldest system named in the tag, signed."""
    binary = lief.MachO.parse(str(module)).at(0)
    own = lief.MachO.LoadCommand.TYPE.ID_DYLIB
    linked = {library.name for library in binary.libraries if library.command != own}
    refuse(module, linked - MACHO_LIBRARIES, "links")
    oldest = ".".join(str(part) for part in binary.build_version.minos[:2])
    if oldest != MACOS:
        raise LinkError(f"{module.name} is for macOS {oldest}, not {MACOS}")
    if not binary.has_code_signature:
        raise LinkError(f"{module.name} is not signed, which a processor of Apple's refuses")
    exported = {symbol.name for symbol in binary.exported_symbols} - {f"_{ENTRY}", *MACHO_MARKS}
    refuse(module, (name for name in exported if not name.startswith(MACHO_WEAK)), "exports")
    return ", ".join(sorted(Path(name).name for name in linked))
