# SPDX-License-Identifier: MIT
"""From facts to findings: what is well, what deserves a look, what is broken, and the cure.

The rules are those of NVIDIA's compatibility guides: a cubin runs on its capability and on higher ones of the
same major version, with a driver of its compiler's CUDA major version or newer; PTX needs a driver at least
as new as its compiler; Blackwell (10.x and 12.x) needs CUDA 12.8, driver 570.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from .._cuda import image_for
from .facts import Gpu, Machine

_GIB = 2**30
_SIZES = (1024, 512, 256)  # samples a side
_BYTES_A_SAMPLE = 6.4  # float32, its mesh where the surface is dense (0.4 of the volume), scratch, a margin
_MESH_FILE_BYTES_A_SAMPLE = 0.8  # a PLY of the same
_SMALL_WSL = 16 * _GIB


class Mark(Enum):
    """How a finding begins."""

    WELL = "✓"
    LOOK = "!"
    BROKEN = "✗"


@dataclass(frozen=True)
class Finding:
    """A line of the report; the cure may have several."""

    mark: Mark
    text: str
    cure: str | None = None


def examine(machine: Machine) -> list[Finding]:
    """Judge the facts, in the order in which they depend on each other."""
    return [
        Finding(Mark.WELL, f"torchmcubes-bw {machine.package}, Python {machine.python}, {machine.system}"),
        *_names(machine),
        *_simd(machine),
        *_kernels(machine),
        *_torch_and_driver(machine),
        *(finding for index, gpu in enumerate(machine.gpus) for finding in _gpu(machine, index, gpu)),
        *_wsl(machine),
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
            f"{text}: correct, but several times slower",
            "a wheel has AVX2, AVX-512 or NEON; from source, build with GCC or Clang instead of MSVC",
        )


def _kernels(machine: Machine) -> Iterator[Finding]:
    build = machine.build
    if build["cuda"]:
        ptx = f" and PTX of {', '.join(build['cuda_ptx'])}" if build["cuda_ptx"] else ""
        cubins = ", ".join(build["cuda_cubins"]) or "no GPU directly"
        yield Finding(Mark.WELL, f"GPU kernels aboard for {cubins}{ptx}, by {build['cuda_compiler']}")
    elif machine.system.startswith("Darwin"):
        yield Finding(Mark.WELL, "no GPU kernels aboard, since CUDA does not exist on macOS")
    else:
        yield Finding(
            Mark.LOOK,
            "no GPU kernels aboard: this build computes on the CPU only",
            "pip install --force-reinstall --no-deps torchmcubes-bw\n"
            "or, from source, add -Ccmake.define.TORCHMCUBES_CUDA=ON: then the build says what it lacks",
        )


def _torch_and_driver(machine: Machine) -> Iterator[Finding]:
    torch = f"torch {machine.torch} ({machine.torch_backend})"
    driver = machine.driver
    if machine.torch_backend.startswith("ROCm"):
        yield Finding(
            Mark.LOOK, f"{torch}: our kernels are NVIDIA's, so the CPU computes", "nothing to be done"
        )
        return
    if driver.cuda is None:
        yield Finding(Mark.WELL, torch)
        if machine.system.startswith("Darwin"):
            return
        yield Finding(
            Mark.LOOK,
            f"no NVIDIA driver: {driver.error}",
            "nothing, where there is no NVIDIA GPU: the CPU computes; else install the GPU's driver"
            + (" on Windows, never inside WSL" if machine.is_wsl else ""),
        )
        return
    named = " ".join(filter(None, ["NVIDIA driver", driver.version]))
    place = f", {driver.library}" if driver.library else ""
    speaks = f"CUDA {_dotted(driver.cuda)}"
    if driver.cuda < (12, 0) and machine.build["cuda"]:
        yield Finding(
            Mark.BROKEN,
            f"{named} speaks {speaks}{place}: too old for our kernels",
            "install driver 525 or newer, for Blackwell 570 or newer",
        )
    else:
        yield Finding(Mark.WELL, f"{named}, speaks {speaks}{place}")
    if machine.gpus:
        yield Finding(Mark.WELL, torch)
    elif not machine.torch_backend.startswith("CUDA"):
        yield Finding(
            Mark.LOOK,
            f"{torch}: not built for CUDA, so it sees no NVIDIA GPU",
            "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128",
        )
    elif _version(machine.torch_backend)[0] > driver.cuda[0]:
        yield Finding(
            Mark.BROKEN,
            f"{torch}: newer than the driver, which speaks {speaks}, so it sees no GPU",
            "install a newer driver, or a torch for an older CUDA: https://pytorch.org/get-started/locally",
        )
    else:
        yield Finding(
            Mark.BROKEN,
            f"{torch} sees no GPU although the driver is there",
            'python -c "import torch; torch.cuda.init()" tells why; is CUDA_VISIBLE_DEVICES set?',
        )


def _gpu(machine: Machine, index: int, gpu: Gpu) -> Iterator[Finding]:
    capability = _dotted(gpu.capability)
    memory = f"{gpu.memory_bytes / _GIB:.1f} GiB, {_fits(gpu.memory_bytes)}"
    head = f"cuda:{index} {gpu.name} ({capability}, {memory})"
    build, driver = machine.build, machine.driver.cuda or (0, 0)
    cubins, ptx = ([_number(text) for text in build[key]] for key in ("cuda_cubins", "cuda_ptx"))
    image = image_for(gpu.capability, cubins, ptx)
    if image is None:
        yield Finding(
            Mark.LOOK,
            f"{head}: none of our kernels runs there, so the CPU computes for it",
            f'TORCH_CUDA_ARCH_LIST="{capability}" pip install --no-binary torchmcubes-bw torchmcubes-bw'
            if build["cuda"]
            else "see the kernels above",
        )
    elif image.endswith(".ptx") and driver < _version(build["cuda_compiler"]):
        needed = _dotted(_version(build["cuda_compiler"]))
        yield Finding(
            Mark.BROKEN,
            f"{head}: served by {image}, which the driver must compile and is too old for",
            f"install a driver that speaks CUDA {needed} or newer",
        )
    else:
        by_driver = ", compiled by the driver at first use" if image.endswith(".ptx") else ""
        yield Finding(Mark.WELL, f"{head}: served by {image}{by_driver}")
    if machine.torch_architectures and not _torch_serves(machine.torch_architectures, gpu.capability):
        yield Finding(
            Mark.BROKEN,
            f"torch {machine.torch} has no kernels for {capability}, only "
            f"{', '.join(machine.torch_architectures)}: torch's own operations on cuda:{index} end in "
            '"no kernel image is available"',
            "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128",
        )


def _torch_serves(architectures: tuple[str, ...], capability: tuple[int, int]) -> bool:
    number = 10 * capability[0] + capability[1]
    for name in architectures:
        kind, _, digits = name.partition("_")
        own = int(digits.rstrip("af"))
        if own <= number and (kind == "compute" or own // 10 == capability[0]):
            return True
    return False


def _wsl(machine: Machine) -> Iterator[Finding]:
    if not machine.is_wsl:
        return
    total, swap = machine.memory.total or 0, machine.memory.swap or 0
    text = f"WSL2: Linux sees {total / _GIB:.1f} GiB of memory and {swap / _GIB:.1f} GiB of swap"
    if total < _SMALL_WSL:
        yield Finding(Mark.LOOK, f"{text}, by default half of what Windows has", _wslconfig(total))
    else:
        yield Finding(Mark.WELL, text)
    library = machine.driver.library
    if library and not library.startswith("/usr/lib/wsl/"):
        yield Finding(
            Mark.BROKEN,
            f"the driver's library is {library}, which hides Windows's in /usr/lib/wsl/lib",
            "remove the Linux driver: sudo apt-get remove --purge 'libnvidia-compute-*' 'nvidia-driver-*'",
        )


def _wslconfig(total: int) -> str:
    """Three quarters of Windows's memory, of which Linux sees the default half."""
    return (
        "to give it three quarters, put this into %UserProfile%\\.wslconfig, then run `wsl --shutdown`:\n"
        f"[wsl2]\nmemory={round(1.5 * total / _GIB)}GB\nswap={max(4, round(total / _GIB))}GB\n"
        "[experimental]\nautoMemoryReclaim=gradual"
    )


def _room(machine: Machine) -> Iterator[Finding]:
    total, free = machine.memory.total, machine.memory.free
    if total is not None and free is not None:
        small = free < _BYTES_A_SAMPLE * min(_SIZES) ** 3
        text = f"memory: {free / _GIB:.1f} of {total / _GIB:.1f} GiB free, {_fits(free)}"
        yield Finding(
            Mark.LOOK if small else Mark.WELL, text, "close what takes the memory" if small else None
        )
    fits = next((n for n in _SIZES if machine.disk_free > _MESH_FILE_BYTES_A_SAMPLE * n**3), None)
    text = f"disk: {machine.disk_free / _GIB:.1f} GiB free here"
    if fits:
        yield Finding(Mark.WELL, f"{text}, enough for the mesh of {fits}³ samples")
    else:
        yield Finding(Mark.LOOK, f"{text}, less than the mesh of 256³ samples may take", "make room")


def _fits(free: int) -> str:
    fits = next((n for n in _SIZES if free > _BYTES_A_SAMPLE * n**3), None)
    return f"enough for {fits}³ samples" if fits else "not enough for 256³ samples"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split()[-1].split(".")[:2]
    return int(major), int(minor)


def _number(capability: str) -> int:
    major, minor = capability.split(".")
    return 10 * int(major) + int(minor)
