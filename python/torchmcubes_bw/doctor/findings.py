# SPDX-License-Identifier: MIT
"""From facts to findings: what is well, what deserves a look, what is broken, and the cure.

The driver, torch and the GPUs are judged in `gpus`, WSL2 in `wsl`.
"""

from __future__ import annotations

from collections.abc import Iterator

from .cures import wheel
from .facts import Machine
from .finding import GIB, Finding, Mark, bytes_for, fits, largest
from .gpus import gpu_findings, torch_and_driver
from .wsl import wsl_findings

_MESH_FILE_BYTES_A_SAMPLE = 0.8  # a PLY of a rich surface


def examine(machine: Machine) -> list[Finding]:
    """Judge the facts, in the order in which they depend on each other."""
    return [
        Finding(Mark.WELL, f"torchmcubes-bw {machine.package}, Python {machine.python}, {machine.system}"),
        *_names(machine),
        *_simd(machine),
        *_kernels(machine),
        *torch_and_driver(machine),
        *gpu_findings(machine),
        *wsl_findings(machine),
        *_room(machine),
    ]


def _names(machine: Machine) -> Iterator[Finding]:
    shared = [name for name, others in machine.owners.items() if others]
    if shared:
        others = sorted({other for labels in machine.owners.values() for other in labels})
        yield Finding(
            Mark.BROKEN,
            f"{', '.join(others)} is installed too, and also owns {' and '.join(shared)}: whichever was "
            "installed last answers to the name, and removing either removes files of both",
            "pip uninstall -y torchmcubes torchmcubes-bw && pip install torchmcubes-bw",
        )
        return
    for name, wrong in machine.answers.items():
        if wrong:
            yield Finding(
                Mark.BROKEN,
                f"import {name} does not find this package: {wrong}",
                f"{wheel()}\n(pip uninstall torchmcubes removes files of both)",
            )


def _simd(machine: Machine) -> Iterator[Finding]:
    levels = machine.build["simd_levels"]
    if machine.simd_error:
        yield Finding(Mark.BROKEN, machine.simd_error, "unset TORCHMCUBES_SIMD")
        return
    chosen = machine.build["simd"]
    text = f"CPU: {machine.cores} cores, SIMD level {chosen} of {', '.join(levels)}"
    if chosen == levels[0] != "scalar":
        yield Finding(Mark.WELL, text)
    elif chosen != levels[0]:
        yield Finding(Mark.LOOK, f"{text}, forced by TORCHMCUBES_SIMD", "unset TORCHMCUBES_SIMD")
    else:
        yield Finding(
            Mark.LOOK,
            f"{text}: correct, but two to four times slower",
            "a wheel has AVX2, AVX-512 or NEON; from source, build with GCC or Clang instead of MSVC",
        )


def _kernels(machine: Machine) -> Iterator[Finding]:
    build = machine.build
    if machine.missing_kernels:
        missing = ", ".join(machine.missing_kernels)
        yield Finding(Mark.BROKEN, f"GPU kernels are listed, but their files are missing: {missing}", wheel())
    elif build["cuda"]:
        ptx = f" and PTX of {', '.join(build['cuda_ptx'])}" if build["cuda_ptx"] else ""
        cubins = ", ".join(build["cuda_cubins"]) or "no GPU directly"
        yield Finding(Mark.WELL, f"GPU kernels aboard for {cubins}{ptx}, by {build['cuda_compiler']}")
    elif machine.system.startswith("Darwin"):
        yield Finding(Mark.WELL, "no GPU kernels aboard, since CUDA does not exist on macOS")
    else:
        yield Finding(
            Mark.LOOK,
            "no GPU kernels aboard: this build computes on the CPU only",
            f"{wheel()}\n"
            "or, from source, add -Ccmake.define.TORCHMCUBES_CUDA=ON: then the build says what it lacks",
        )


def _room(machine: Machine) -> Iterator[Finding]:
    total, free = machine.memory.total, machine.memory.free
    if total is not None and free is not None:
        side = largest(free)
        need = f" and their mesh, which take {bytes_for(side) / GIB:.1f}" if side else ""
        text = f"memory: {free / GIB:.1f} of {total / GIB:.1f} GiB free, {fits(free)}{need}"
        yield Finding(Mark.WELL if side else Mark.LOOK, text, None if side else "close what takes the memory")
    side = largest(machine.disk_free, _MESH_FILE_BYTES_A_SAMPLE)
    text = f"disk: {machine.disk_free / GIB:.1f} GiB free here"
    if side:
        yield Finding(Mark.WELL, f"{text}, enough for the mesh of {side}³ samples")
    else:
        yield Finding(Mark.LOOK, f"{text}, less than the mesh of 256³ samples may take", "make room")
