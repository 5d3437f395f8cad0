# SPDX-License-Identifier: MIT
"""Compiles the emulated GPU, plain and sanitized, from the kernels' own sources."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
EMULATION = ROOT / "tests" / "emulation"
WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-parameter"]
COMMON = ["g++", "-std=c++17", "-g", "-fPIC", "-ffp-contract=off", *WARNINGS]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)


def emulated_driver(out: Path, csrc: Path = ROOT / "csrc", options: tuple[str, ...] = ("-O1",)) -> Path:
    """Build the driver whose GPU is emulated, with the kernels of a source tree."""
    library = out / "libcuda_emulated.so"
    defines = [
        f'-DMC_EMULATED_GPU="{EMULATION / "emulated_gpu.h"}"',
        f'-DMC_KERNELS="{csrc / "cuda" / "kernels.cu"}"',
    ]
    sources = [EMULATION / "libcuda.cpp", EMULATION / "fibers.cpp"]
    run(*COMMON, *options, "-shared", *defines, *sources, "-ldl", "-o", library)
    return library


def sanitized_program(out: Path) -> Path:
    """Build the program that compares both backends, with everything it calls sanitized."""
    csrc, program = ROOT / "csrc", out / "sanitized"
    flags = {"avx2": [], "avx512": []}  # without their flags these files hold no level: the scalar one runs
    cpu = [p for p in (csrc / "cpu").rglob("*.cpp") if p.stem not in flags]
    cpu += [csrc / "cpu" / "simd" / f"{name}.cpp" for name in flags]
    cuda = sorted((csrc / "cuda").glob("*.cpp"))
    sources = [*EMULATION.glob("sanitized*.cpp"), *sorted(cpu), *cuda]
    objects = [out / f"{source.parent.name}_{source.stem}.o" for source in sources]

    def compile_one(pair: tuple[Path, Path]) -> None:
        run(*COMMON, *SANITIZE, "-O1", "-c", pair[0], "-o", pair[1])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, zip(sources, objects, strict=True)))
    run("g++", *SANITIZE, *objects, "-ldl", "-lpthread", "-o", program)
    return program
