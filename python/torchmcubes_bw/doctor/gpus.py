# SPDX-License-Identifier: MIT
"""The driver, torch and each GPU, judged.

The rules are those of NVIDIA's compatibility guides: a cubin runs on its capability and on higher ones of the
same major version, with a driver of its compiler's CUDA major version or newer; PTX needs a driver at least
as new as its compiler.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..backends.kernel_files import image_for
from . import cures
from .facts import Gpu, Machine
from .finding import GIB, Finding, Mark, dotted, fits

_OLDEST_CUDA = (12, 0)  # of a driver that can load our kernels
_WHEEL_CUBINS, _WHEEL_PTX = [70, 75, 80, 86, 89, 90, 100, 120], [75, 120]
_STUB = 34
# What cuInit's answers mean, and the cure.
_STATUS = {
    _STUB: ("it is the CUDA toolkit's stub", "take the folder `stubs` out of LD_LIBRARY_PATH"),
    100: ("it sees no GPU", "nothing, where there is none; in a container: docker run --gpus all"),
    101: ("CUDA_VISIBLE_DEVICES names no GPU of this machine", "unset CUDA_VISIBLE_DEVICES"),
    304: ("the system refuses access to the GPU", "in a container: docker run --gpus all"),
    802: ("the GPUs' fabric is not up", "sudo systemctl start nvidia-fabricmanager"),
    803: (
        "the kernel's module and the library are of two versions",
        "restart the machine; in a container, take the image's own libcuda away",
    ),
    804: (
        "a library of cuda-compat stands before the driver's, and this GPU is not for it",
        "remove cuda-compat, or take its folder out of LD_LIBRARY_PATH",
    ),
    999: ("it does not say why", "restart the machine (after a suspend: sudo modprobe -r nvidia_uvm)"),
}


def on_windows(machine: Machine) -> bool:
    """Tell whether the driver is one for Windows, which it is under WSL2 too."""
    return machine.is_wsl or machine.system.startswith("Windows")


def torch_and_driver(machine: Machine) -> Iterator[Finding]:
    """Judge the driver, then torch beside it."""
    torch = f"torch {machine.torch} ({machine.torch_backend})"
    if machine.torch_backend.startswith("ROCm"):
        text = f"{torch}: our kernels are NVIDIA's, so the CPU computes"
        yield Finding(Mark.LOOK, text, "nothing to be done")
    elif machine.driver.error is not None:
        yield Finding(Mark.WELL, torch)
        if not machine.system.startswith("Darwin"):
            yield _no_driver(machine)
    elif machine.driver.status:
        yield _silent_driver(machine)
        yield Finding(Mark.WELL, torch)
    else:
        yield _driver(machine)
        yield _torch(machine, torch)


def _no_driver(machine: Machine) -> Finding:
    return Finding(
        Mark.LOOK,
        f"no NVIDIA driver: {machine.driver.error}",
        "nothing, where there is no NVIDIA GPU: the CPU computes; else install the GPU's driver"
        + (" on Windows, never inside WSL" if machine.is_wsl else ""),
    )


def _named(machine: Machine) -> str:
    driver = machine.driver
    name = " ".join(filter(None, ["NVIDIA driver", driver.version]))
    speaks = f", speaks CUDA {dotted(driver.cuda)}" if driver.cuda else ""
    return f"{name}{speaks}" + (f", {driver.library}" if driver.library else "")


def _silent_driver(machine: Machine) -> Finding:
    status = machine.driver.status
    reason, cure = _STATUS.get(status, ("", "restart the machine; then install the GPU's driver again"))
    if status in (100, 101) and machine.gpus_masked:
        reason, cure = "CUDA_VISIBLE_DEVICES hides every GPU", "unset CUDA_VISIBLE_DEVICES, to use them"
    elif machine.is_wsl and status != _STUB:
        cure = "run `wsl --shutdown`, then `wsl --update` on Windows, and renew the driver there"
    return Finding(
        Mark.LOOK if status == 100 else Mark.BROKEN,
        f"{_named(machine)}: the driver's library is there, but answers with CUDA error {status}"
        + (f": {reason}" if reason else ""),
        cure,
    )


def _driver(machine: Machine) -> Finding:
    if (machine.driver.cuda or (0, 0)) >= _OLDEST_CUDA or not machine.build["cuda"]:
        return Finding(Mark.WELL, _named(machine))
    capabilities = [_OLDEST_CUDA, *(cures.needed_cuda(gpu.capability) for gpu in machine.gpus)]
    needed = cures.driver_for(max(capabilities), on_windows(machine))
    return Finding(Mark.BROKEN, f"{_named(machine)}: too old for our kernels", f"install {needed}")


def _torch(machine: Machine, torch: str) -> Finding:
    driver = machine.driver.cuda or (0, 0)
    if machine.gpus:
        return Finding(Mark.WELL, torch)
    cure = cures.torch_for(driver, None, machine.torch, on_windows(machine))
    if not machine.torch_backend.startswith("CUDA"):
        return Finding(Mark.LOOK, f"{torch}: not built for CUDA, so it sees no NVIDIA GPU", cure)
    if _version(machine.torch_backend)[0] > driver[0]:
        newer = cures.driver_for((_version(machine.torch_backend)[0], 0), on_windows(machine))
        return Finding(
            Mark.BROKEN,
            f"{torch}: newer than the driver, which speaks CUDA {dotted(driver)}, so it sees no GPU",
            f"install {newer}; or, for the driver at hand:\n{cure}",
        )
    if machine.gpus_masked:
        text = f"{torch} sees no GPU: CUDA_VISIBLE_DEVICES hides them"
        return Finding(Mark.LOOK, text, "unset CUDA_VISIBLE_DEVICES, to use them")
    return Finding(
        Mark.BROKEN,
        f"{torch} sees no GPU although the driver is there",
        'python -c "import torch; torch.cuda.init()" tells why',
    )


def gpu_findings(machine: Machine) -> Iterator[Finding]:
    """Judge each GPU: which kernels of ours serve it, and whether torch's own do."""
    for index, gpu in enumerate(machine.gpus):
        yield _ours(machine, index, gpu)
        if machine.torch_architectures and not _torch_serves(machine.torch_architectures, gpu.capability):
            yield Finding(
                Mark.BROKEN,
                f"torch {machine.torch} has no kernels for {dotted(gpu.capability)}, only "
                f"{', '.join(machine.torch_architectures)}: torch's own operations on cuda:{index} end in "
                '"no kernel image is available"',
                cures.torch_for(
                    machine.driver.cuda or (0, 0), gpu.capability, machine.torch, on_windows(machine)
                ),
            )


def _ours(machine: Machine, index: int, gpu: Gpu) -> Finding:
    memory = f"{gpu.memory_bytes / GIB:.1f} GiB, {fits(gpu.memory_bytes)}"
    head = f"cuda:{index} {gpu.name} ({dotted(gpu.capability)}, {memory})"
    build, driver = machine.build, machine.driver.cuda or (0, 0)
    cubins, ptx = ([_number(text) for text in build[key]] for key in ("cuda_cubins", "cuda_ptx"))
    image = image_for(gpu.capability, cubins, ptx)
    if image is None:
        text = f"{head}: none of our kernels runs there, so the CPU computes for it"
        return Finding(Mark.LOOK, text, _unserved(machine, gpu))
    if driver < _OLDEST_CUDA:
        text = f"{head}: the driver is too old to load {image}, so the CPU computes for it"
        return Finding(Mark.LOOK, text, "see the driver above")
    if image.endswith(".cubin"):
        return Finding(Mark.WELL, f"{head}: served by {image}")
    compiler = _version(build["cuda_compiler"])
    if driver < compiler:
        text = f"{head}: served by {image}, which the driver must compile and is too old for"
        return Finding(Mark.BROKEN, text, f"install {cures.driver_for(compiler, on_windows(machine))}")
    return Finding(Mark.WELL, f"{head}: served by {image}, compiled by the driver at first use")


def _unserved(machine: Machine, gpu: Gpu) -> str:
    if not machine.build["cuda"]:
        return "see the kernels above"
    if image_for(gpu.capability, _WHEEL_CUBINS, _WHEEL_PTX):
        return f"{cures.wheel()} (this build is for other GPUs, a wheel has this one's kernels)"
    return cures.build_for(gpu.capability)


def _torch_serves(architectures: tuple[str, ...], capability: tuple[int, int]) -> bool:
    number = 10 * capability[0] + capability[1]
    for name in architectures:
        kind, _, digits = name.partition("_")
        own = int(digits.rstrip("af"))
        if own <= number and (kind == "compute" or own // 10 == capability[0]):
            return True
    return False


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split()[-1].split(".")[:2]
    return int(major), int(minor)


def _number(capability: str) -> int:
    major, minor = capability.split(".")
    return 10 * int(major) + int(minor)
