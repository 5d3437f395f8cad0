# SPDX-License-Identifier: MIT
"""CPython's headers for a platform that is not at hand, and Pythons that run: of this machine or of Debian.

The headers of a release are the same on every platform but for pyconfig.h, which its configure script writes.
Of that, the public headers read sizes, which a compiler knows by itself: `PYCONFIG` asks it. So one set of
headers serves every platform. It comes from an interpreter on this machine or, where apt is, from Debian's
packages of its released versions and the one in testing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from wheel_targets import Python

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torchmcubes-bw"
SUITES = ("oldstable", "stable", "testing")
PYCONFIG = """
#define SIZEOF_SHORT __SIZEOF_SHORT__
#define SIZEOF_INT __SIZEOF_INT__
#define SIZEOF_LONG __SIZEOF_LONG__
#define SIZEOF_LONG_LONG __SIZEOF_LONG_LONG__
#define SIZEOF_FLOAT __SIZEOF_FLOAT__
#define SIZEOF_DOUBLE __SIZEOF_DOUBLE__
#define SIZEOF_LONG_DOUBLE __SIZEOF_LONG_DOUBLE__
#define SIZEOF_SIZE_T __SIZEOF_SIZE_T__
#define SIZEOF_VOID_P __SIZEOF_POINTER__
#define SIZEOF_UINTPTR_T __SIZEOF_POINTER__
#define SIZEOF_WCHAR_T __SIZEOF_WCHAR_T__
#define SIZEOF__BOOL 1
#define SIZEOF_TIME_T 8
#define SIZEOF_PID_T 4
#define ALIGNOF_LONG __SIZEOF_LONG__
#define ALIGNOF_SIZE_T __SIZEOF_SIZE_T__
#define HAVE_LONG_LONG 1
#define HAVE_STDDEF_H 1
#define HAVE_STDINT_H 1
#define HAVE_ERRNO_H 1
#define HAVE_WCHAR_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_SYS_STAT_H 1
#define HAVE_STAT_H 1
#define WITH_THREAD 1
#define WITH_DOC_STRINGS 1
#define WITH_PYMALLOC 1
#if defined(_WIN32)
#define MS_WINDOWS
#define MS_WIN64
#define NT_THREADS
#define Py_ENABLE_SHARED 1
#define HAVE_PY_SSIZE_T 1
typedef long long Py_ssize_t;
#define PY_SSIZE_T_MAX 9223372036854775807LL
#else
#define HAVE_SSIZE_T 1
#define HAVE_PTHREAD_H 1
#define HAVE_SYS_TIME_H 1
#define HAVE_SYS_SELECT_H 1
#define HAVE_CLOCK_GETTIME 1
#define HAVE_FORK 1
#define HAVE_LANGINFO_H 1
#endif
"""


class NoPython(Exception):
    """There are no headers of a version; says why."""


@dataclass(frozen=True)
class Interpreter:
    """A command that runs a Python, and where its headers lie."""

    command: tuple[str, ...]
    headers: Path
    source: str


def asked(python: str, code: str) -> str | None:
    """Return what a Python prints, None where it does not run."""
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def at_hand(python: Python) -> Interpreter | None:
    """Return an interpreter of this machine with its headers: on the path, or one of pyenv's."""
    name = f"python{python.version}"
    homes = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [shutil.which(name), *sorted(map(str, homes.glob(f"*/bin/{name}")), reverse=True)]
    say = (
        "import sys, sysconfig; "
        "print('%d.%d' % sys.version_info[:2] + 't' * bool(sysconfig.get_config_var('Py_GIL_DISABLED')), "
        "sys.executable, sysconfig.get_path('include'), sep='\\n')"
    )
    for path in filter(None, found):
        version, program, headers = (asked(path, say) or "\n\n").split("\n")
        if version == python.version and (Path(headers) / "Python.h").is_file():
            return Interpreter((program,), Path(headers), "of this machine")
    return None


class Debian:
    """Packages of Debian for one of its processors, unpacked without installing anything."""

    def __init__(self, processor: str) -> None:
        self.root = CACHE / f"debian-{processor}"
        self._processor = processor
        self._ready = False

    def options(self) -> list[str]:
        """Apt's options for lists of its own; the mirror is the one that apt is set to."""
        lists = self.root / "sources.list"
        return [
            *("-o", f"Dir::State={self.root}/state", "-o", f"Dir::State::status={self.root}/status"),
            *("-o", f"Dir::Cache={self.root}/cache", "-o", f"Dir::Etc::SourceList={lists}"),
            *("-o", "Dir::Etc::SourceParts=-", "-o", f"APT::Architecture={self._processor}"),
            *("-o", f"APT::Architectures={self._processor}", "-o", "Acquire::Languages=none"),
            *("-o", "APT::Sandbox::User=root", "-o", "APT::Install-Recommends=false"),
        ]

    def update(self) -> None:
        """Read the suites' lists, once."""
        if self._ready:
            return
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise NoPython("there is no apt to fetch Debian's with")
        for folder in ("state/lists/partial", "cache/archives/partial", "packages", "trees"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        mirrors = self._apt("apt-get", "indextargets", "--format", "$(REPO_URI)", own=False).split()
        mirror = next((one for one in mirrors if one.endswith("/debian/")), "https://deb.debian.org/debian/")
        lines = [f"deb {mirror} {suite} main\n" for suite in SUITES]
        (self.root / "sources.list").write_text("".join(lines))
        self._apt("apt-get", "update", "-q")
        self._ready = True

    def _apt(self, program: str, *arguments: str, own: bool = True, check: bool = True) -> str:
        options = self.options() if own else []
        done = subprocess.run(
            [program, *options, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.root / "packages",
        )
        if check and done.returncode:
            raise NoPython(f"{program} {arguments[0]} failed: {done.stderr.strip().splitlines()[-1:]}")
        return done.stdout if done.returncode == 0 else ""

    def tree(self, python: Python) -> Path:
        """Return a folder with a version's files, its headers and all that it needs to run."""
        place = self.root / "trees" / python.version
        if (place / "complete").is_file():
            return place
        self.update()
        wanted = [f"libpython{python.version}-dev", f"python{python.version}-minimal"]
        if not self._apt("apt-cache", "show", wanted[0], check=False):
            raise NoPython(f"Debian has no python{python.version} now")
        listed = self._apt("apt-get", "install", "-y", "--print-uris", *wanted)
        addressed = re.findall(r"^'[^']*' (\S+)_\S+_\S+\.deb ", listed, re.MULTILINE)
        shutil.rmtree(place, ignore_errors=True)
        for folder in ("lib", "lib64"):  # as a whole Debian has them
            (place / "usr" / folder).mkdir(parents=True)
            (place / folder).symlink_to(f"usr/{folder}")
        self._apt("apt-get", "download", *addressed)
        for package in sorted((self.root / "packages").glob("*.deb")):
            show = ["dpkg-deb", "--fsys-tarfile", str(package)]
            files = subprocess.run(show, capture_output=True, check=True)
            unpack = ["tar", "-x", "--keep-directory-symlink", "-C", str(place)]
            subprocess.run(unpack, input=files.stdout, check=True)
            package.unlink()
        (place / "complete").touch()
        return place

    def headers(self, python: Python) -> Path:
        """Return where a version's headers lie."""
        return self.tree(python) / "usr" / "include" / f"python{python.version}"

    def interpreter(self, python: Python, emulator: str = "") -> Interpreter:
        """Return how a version's interpreter is run from its folder, as it is or emulated."""
        tree = self.tree(python)
        program = tree / "usr" / "bin" / f"python{python.version}"
        headers = self.headers(python)
        if emulator:
            return Interpreter((emulator, "-L", str(tree), str(program)), headers, "of Debian, emulated")
        (loader,) = (tree / "usr" / "lib64").glob("ld-linux-*.so.*")
        libraries = ":".join(str(path) for path in (tree / "usr" / "lib").glob("*-linux-gnu"))
        return Interpreter((str(loader), "--library-path", libraries, str(program)), headers, "of Debian")


def headers_of(python: Python) -> Path:
    """Return a folder with a version's headers, of which pyconfig.h asks the compiler."""
    place = CACHE / "headers" / python.version
    found = at_hand(python)
    source = found.headers if found else Debian("amd64").headers(python)
    config = PYCONFIG + ("#define Py_GIL_DISABLED 1\n" if python.free_threaded else "")
    wanted = [(source / "patchlevel.h").read_text("utf-8"), config]
    files = [place / "patchlevel.h", place / "pyconfig.h"]
    if [file.read_text("utf-8") for file in files if file.is_file()] != wanted:  # else nothing compiles anew
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source, place)
        (place / "pyconfig.h").write_text(config, "utf-8")
    return place


def exported_names(headers: Path) -> list[str]:
    """Return what the headers declare as Python's own: the lines of a module definition for its library."""
    public = (path for path in sorted(headers.rglob("*.h")) if "internal" not in path.parts)
    text = "\n".join(path.read_text("utf-8") for path in public)
    functions = re.findall(r"PyAPI_FUNC\([^)]*\)\s*\**\s*(\w+)\s*\(", text)
    data = re.findall(r"PyAPI_DATA\([^)]*\)\s*\**\s*(\w+)", text)
    return sorted({*functions, *(f"{name} DATA" for name in data)})
