# SPDX-License-Identifier: MIT
"""Build the wheels of every platform and Python on this machine, check them, run what can be run.

    python scripts/build_wheels.py OUT [PLATFORM ...] [PYTHON ...] [--suite TORCH]

No container and no other machine: zig, a package on PyPI, compiles for every platform, from headers alone
(see `python_headers.py`). A platform's core and kernels are compiled once, its bindings once a Python, in
build/wheels/PLATFORM, which the next run takes up. It ends with a table: what was built, loaded, tested.

A release's wheels are cibuildwheel's, each built and tested on its own system. This command shows before a
release that all of them build, and makes one where there is no such system.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import load_core
import pybind11
import ziglang
from python_headers import Debian, Interpreter, NoPython, at_hand, exported_names, headers_of
from wheel_links import LinkError, links
from wheel_targets import Outcome, Platform, Python, chosen, table, without_python

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden" / "wheel.txt"
BUILDS = ROOT / "build" / "wheels"
ZIG = str(Path(ziglang.__file__).parent / "zig")
MAX_WHEEL_BYTES = 2_000_000


class BuildError(Exception):
    """A wheel does not build, or is not what should be shipped."""


def run(*command: str | Path, where: Path = ROOT, **environment: str) -> str:
    """Run a command, return what it prints; a failure shows it."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=where, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def pure_wheel(folder: Path) -> Path:
    """Return the wheel's folder without what is compiled, as the build backend makes it."""
    shown = ("-C", "wheel.cmake=false", "-C", "wheel.platlib=true")
    run(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", *shown, "-w", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "pure")
    return folder / "pure"


def import_library(python: Python, headers: Path, folder: Path) -> Path:
    """Make what a linker for Windows wants of Python's library: its name and its symbols' names."""
    folder.mkdir(parents=True, exist_ok=True)
    definition, library = folder / f"{python.dll}.def", folder / f"{python.dll}.a"
    listed = "".join(f"    {name}\n" for name in exported_names(headers))
    definition.write_text(f"LIBRARY {python.dll}\nEXPORTS\n{listed}", "utf-8")
    run(ZIG, "dlltool", "-m", "i386:x86-64", "-d", definition, "-D", python.dll, "-l", library)
    return library


def compile_modules(
    platform: Platform, headers: dict[Python, Path], version: str, kernels: Path | None
) -> Path:
    """Compile a platform's core, its kernels where none are given, and modules; return the build's folder."""
    folder = BUILDS / platform.name
    settings = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_SYSTEM_NAME": platform.system,
        "CMAKE_SYSTEM_PROCESSOR": platform.processor,
        "CMAKE_OSX_SYSROOT": "",
        "CMAKE_INSTALL_NAME_TOOL": "none: nothing is installed by CMake",
        "Python_EXECUTABLE": sys.executable,
        "pybind11_DIR": pybind11.get_cmake_dir(),
        "SKBUILD_PROJECT_VERSION": version,
        "TORCHMCUBES_CUDA": "ON" if platform.has_kernels else "OFF",
        "TORCHMCUBES_PREBUILT_KERNELS": str(kernels or ""),
        "TORCHMCUBES_PYTHONS": ";".join(python.abi for python in headers),
    }
    for python, place in headers.items():
        settings[f"TORCHMCUBES_HEADERS_{python.abi}"] = str(place)
        settings[f"TORCHMCUBES_SUFFIX_{python.abi}"] = platform.suffix(python)
        if platform.system == "Windows":
            library = import_library(python, place, folder / "libraries")
            settings[f"TORCHMCUBES_LIBRARY_{python.abi}"] = str(library)
    options = [f"-D{name}={value}" for name, value in settings.items()]
    compiler = f"{ZIG} c++ -target {platform.triple}"
    run("cmake", "-G", "Ninja", "-S", ROOT, "-B", folder, *options, CXX=compiler)
    run("cmake", "--build", folder)
    return folder


def pack(pure: Path, build: Path, platform: Platform, python: Python, out: Path) -> Path:
    """Put a wheel together from the files that are never compiled and those of a build."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole"
        shutil.copytree(pure, whole)
        name = f"_core{platform.suffix(python)}"
        shutil.copyfile(build / python.abi / name, whole / "torchmcubes_bw" / name)
        (whole / "torchmcubes_bw" / name).chmod(0o755)
        if platform.has_kernels:
            kernels = whole / "torchmcubes_bw" / "kernels"
            kernels.mkdir()
            for path in [*(build / "kernels").glob("*.xz"), build / "kernels" / "manifest.json"]:
                shutil.copyfile(path, kernels / path.name)
        (described,) = whole.glob("*.dist-info/WHEEL")
        lines = [line for line in described.read_text("utf-8").splitlines() if line and line[:4] != "Tag:"]
        lines += [f"Tag: {python.tags}-{tag}" for tag in platform.wheel_tag.split(".")]
        described.write_text("\n".join(lines) + "\n\n", "utf-8")
        run(sys.executable, "-m", "wheel", "pack", "-d", scratch, whole)
        (wheel,) = Path(scratch).glob("*.whl")
        return Path(shutil.copy(wheel, out))


def look_into(wheel: Path, platform: Platform, python: Python) -> str:
    """Check a wheel's name, size, files, kernels and links; return a few words on it."""
    size = wheel.stat().st_size
    if size > MAX_WHEEL_BYTES:
        raise BuildError(f"{wheel.name} is {size / 1e6:.2f} MB, more than {MAX_WHEEL_BYTES / 1e6:.0f} MB")
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        check_files(wheel.name, archive.namelist(), platform)
        kernels = "no kernels"
        if platform.has_kernels:
            kernels = check_kernels(archive.read("torchmcubes_bw/kernels/manifest.json"), platform)
        module = archive.extract(f"torchmcubes_bw/_core{platform.suffix(python)}", folder)
        linked = links(Path(module), platform, python)
    return f"{size / 1e6:.2f} MB, {kernels}, {linked}"


def check_files(wheel: str, names: Iterable[str], platform: Platform) -> None:
    """Compare a wheel's files with the list of them, which is that of Linux on x86-64."""
    wanted = set(GOLDEN.read_text("utf-8").split())
    if not platform.has_kernels:
        wanted = {name for name in wanted if "/kernels/" not in name}
    if differing := wanted ^ {without_python(name) for name in names}:
        raise BuildError(f"{wheel} holds, or lacks, {', '.join(sorted(differing))}")


def check_kernels(manifest: bytes, platform: Platform) -> str:
    """See that a wheel has its platform's kernels."""
    held = json.loads(manifest)
    if (tuple(held["cubins"]), tuple(held["ptx"])) != (platform.cubins, platform.ptx):
        raise BuildError(f"{platform.name} has cubins {held['cubins']} and PTX {held['ptx']}")
    return f"{len(held['cubins'])} cubins"


def load(wheel: Path, platform: Platform, python: Python) -> str:
    """Load a wheel's module where an interpreter can be had; compare its meshes at every SIMD level."""
    try:
        interpreter = interpreter_for(platform, python)
    except NoPython as why:
        return f"no: {why}"
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        module = archive.extract(f"torchmcubes_bw/_core{platform.suffix(python)}", folder)
        command = [*interpreter.command, ROOT / "scripts" / "load_core.py", module]
        levels = run(*command).split()[1].split(",")
        for level in levels:
            used, _, got = run(*command, TORCHMCUBES_SIMD=level).split()
            if (used, got) != (level, load_core.MESHES):
                raise BuildError(f"{wheel.name} at {level} gives meshes {got} at {used}")
    return f"{interpreter.source}: {', '.join(levels)}"


def interpreter_for(platform: Platform, python: Python) -> Interpreter:
    """Return what runs a wheel here: a Python of this machine, one of Debian, one of Debian emulated."""
    if not platform.debian:
        raise NoPython(f"nothing here runs {platform.system}'s programs")
    if sys.platform != "linux":
        raise NoPython("this is not Linux")
    native = os.uname().machine == platform.processor
    if native and (found := at_hand(python)):
        return found
    if not native and not shutil.which(platform.emulator or "-"):
        raise NoPython(f"{platform.emulator or 'an emulator'} is missing")
    return Debian(platform.debian).interpreter(python, "" if native else platform.emulator)


def run_suite(wheel: Path, platform: Platform, python: Python, torch: str | None) -> str:
    """Run the tests in an environment of their own, where a whole Python is at hand."""
    if not torch:
        return "not asked for"
    found = at_hand(python) if sys.platform == "linux" and os.uname().machine == platform.processor else None
    if platform.system != "Linux" or not found:
        return "no: a whole Python is not at hand"
    with tempfile.TemporaryDirectory() as folder:
        run(*found.command, "-m", "venv", folder)
        within = str(Path(folder) / "bin" / "python")
        run(within, "-m", "pip", "install", "-q", torch, f"{wheel}[test]")
        return run(within, "-m", "pytest", "-q").strip().splitlines()[-1].strip("= ")


def build_platform(
    platform: Platform,
    pythons: list[Python],
    pure: Path,
    kernels: dict[tuple[int, ...], Path],
    given: argparse.Namespace,
) -> list[Outcome]:
    """Build, check and run the wheels of a platform; `kernels` has those compiled so far, by their cubins."""
    begin = time.monotonic()
    headers, outcomes = {}, []
    for python in pythons:
        try:
            headers[python] = headers_of(python)
        except NoPython as why:
            outcomes.append(Outcome(platform.name, python.version, f"no: {why}"))
    if not headers:
        return outcomes
    version = next(pure.glob("*.dist-info")).stem.split("-")[1]
    build = compile_modules(platform, headers, version, kernels.get(platform.cubins))
    if platform.has_kernels:
        kernels.setdefault(platform.cubins, build / "kernels")
    print(f"{platform.name}: compiled in {time.monotonic() - begin:.0f} s", flush=True)
    for python in headers:
        wheel = pack(pure, build, platform, python, given.out)
        outcome = Outcome(platform.name, python.version, look_into(wheel, platform, python))
        outcome.loaded = load(wheel, platform, python)
        outcome.suite = run_suite(wheel, platform, python, given.suite)
        print(f"{wheel.name}: {outcome.built}; {outcome.loaded}; {outcome.suite}", flush=True)
        outcomes.append(outcome)
    return outcomes


def main() -> None:
    """Build what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder for the wheels")
    parser.add_argument("named", nargs="*", help="platforms and Pythons, as linux-aarch64 and 3.13; else all")
    parser.add_argument("--suite", metavar="TORCH", help="run the tests beside this torch")
    given = parser.parse_args()
    wanted = chosen(given.named)
    given.out.mkdir(parents=True, exist_ok=True)
    for old in given.out.glob("*.whl"):
        old.unlink()
    commit_time = run("git", "log", "-1", "--format=%ct").strip()
    os.environ["SOURCE_DATE_EPOCH"] = commit_time
    outcomes, kernels = [], {}
    with tempfile.TemporaryDirectory() as folder:
        pure = pure_wheel(Path(folder))
        for platform, pairs in groupby(wanted, key=lambda pair: pair[0]):
            pythons = [python for _, python in pairs]
            outcomes += build_platform(platform, pythons, pure, kernels, given)
    print(f"\n{table(outcomes)}")


if __name__ == "__main__":
    try:
        main()
    except (BuildError, LinkError, ValueError) as error:
        sys.exit(f"error: {error}")
