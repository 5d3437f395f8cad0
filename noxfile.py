# SPDX-License-Identifier: MIT
"""One command per job: `nox -s lint`, `nox -s tests`, `nox -s build`."""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "tests"]
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


@nox.session
def tests(session: nox.Session) -> None:
    """Install with isolation, as a user does, and run the test suite."""
    session.install(TORCH, ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist and, from it, the wheel."""
    session.install("build")
    session.run("python", "-m", "build", *session.posargs)
