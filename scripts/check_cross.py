# SPDX-License-Identifier: MIT
"""Compile the C++ for platforms that are not at hand, and run what an emulator can run.

    python scripts/check_cross.py

zig's compiler, from PyPI, has every target's headers but Python's own for Windows, for which this Python's
serve, with a pyconfig.h that asks the compiler. `tests/cross/mesh_hashes.cpp` then prints hashes of meshes:
natively at every SIMD level, with NEON under qemu-aarch64, for Windows under wine64; all lines must be equal.
A missing emulator is said and left out, but an error where CI is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pybind11
import ziglang
from isa import isa_flags
from python_headers import PYCONFIG

ROOT = Path(__file__).parent.parent
CSRC = ROOT / "csrc"
ZIG = str(Path(ziglang.__file__).parent / "zig")
FLAGS = ["-std=c++17", "-O3", "-DNDEBUG", "-ffp-contract=off", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
DEFINES = ["-DTORCHMCUBES_CUDA", '-DTORCHMCUBES_VERSION="0"']


@dataclass(frozen=True)
class Target:
    """A platform: zig's name of it, what runs its programs here, and the SIMD levels to run."""

    triple: str
    emulator: tuple[str, ...] | None = None
    levels: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """A file name for its program."""
        return f"mesh_hashes-{self.triple}" + (".exe" if "windows" in self.triple else "")


TARGETS = (
    Target("x86_64-linux-gnu.2.17", (), ("avx512", "avx2", "scalar")),
    Target("aarch64-linux-musl", ("qemu-aarch64",), ("neon", "scalar")),
    Target("x86_64-windows-gnu", ("wine64",), ("avx512", "avx2", "scalar")),
    Target("aarch64-linux-gnu.2.17"),
    Target("x86_64-macos"),
    Target("aarch64-macos"),
)


class CrossError(Exception):
    """A platform does not compile, cannot be run where it must, or gives another mesh."""


def python_headers(folder: Path, triple: str) -> list[str]:
    """Return the include options for Python and pybind11."""
    headers = Path(sysconfig.get_path("include"))
    if "windows" in triple:
        shutil.copytree(headers, folder / "include")
        headers = folder / "include"
        (headers / "pyconfig.h").write_text(PYCONFIG)
    return ["-isystem", pybind11.get_include(), "-isystem", str(headers)]


def compile_all(target: Target, folder: Path) -> Path:
    """Compile every source, the bindings too, and link the program of hashes."""
    include = python_headers(folder, target.triple)
    sources = sorted(CSRC.rglob("*.cpp"))

    def compile_one(source: Path) -> Path:
        out = folder / f"{source.parent.name}_{source.stem}.o"
        options = [*FLAGS, *DEFINES, *isa_flags(source, target.triple), *include]
        zig("-target", target.triple, *options, "-c", str(source), "-o", str(out))
        return out

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources))
    if target.emulator is None:
        return folder
    program = folder / target.name
    core = [str(path) for path in objects if path.name.startswith(("cpu_", "simd_"))]
    main = ROOT / "tests" / "cross" / "mesh_hashes.cpp"
    zig("-target", target.triple, *FLAGS, str(main), *core, "-o", str(program))
    return program


def zig(*arguments: str) -> None:
    """Call the compiler; a warning is an error."""
    done = subprocess.run([ZIG, "c++", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CrossError(f"zig c++ {' '.join(arguments)}\n{done.stderr}")


def hashes(target: Target, program: Path, level: str) -> str | None:
    """Run the program at a level; None where this machine has none such."""
    environment = {**os.environ, "TORCHMCUBES_SIMD": level, "WINEDEBUG": "-all"}
    command = [*(target.emulator or ()), str(program)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if "must be a level of this machine" in done.stderr + done.stdout:
        return None
    if done.returncode or level not in done.stderr:
        raise CrossError(f"{' '.join(command)} at {level} ended with {done.returncode}: {done.stderr}")
    return done.stdout.replace("\r\n", "\n")


def main() -> None:
    """Check every target."""
    want = None
    for target in TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            program = compile_all(target, Path(folder))
            print(f"{target.triple}: compiled", flush=True)
            if target.emulator is None:
                continue
            if target.emulator and not shutil.which(target.emulator[0]):
                if os.environ.get("CI"):
                    raise CrossError(f"{target.triple} is not run: there is no {target.emulator[0]}")
                print(f"{target.triple}: not run, there is no {target.emulator[0]}")
                continue
            for level in target.levels:
                got = hashes(target, program, level)
                want = want or got
                if got is not None and got != want:
                    raise CrossError(f"{target.triple} at {level} gives\n{got}instead of\n{want}")
                state = "not run, the machine has no such level" if got is None else "the same hashes"
                print(f"{target.triple} at {level}: {state}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except CrossError as error:
        sys.exit(f"error: {error}")
