# SPDX-License-Identifier: MIT
"""`torchmcubes-bw doctor`: what is well on this machine, what is not, and the cure."""

from __future__ import annotations

from typing import Annotated

import typer

from .errors import CliError, reported

_SHORTEST, _LONGEST = 0.1, 86400


def doctor(
    json: Annotated[
        bool, typer.Option("--json", help="Facts and findings as JSON, for a bug report; it names nobody.")
    ] = False,
    watching: Annotated[
        bool,
        typer.Option(
            "--watch", help="Show memory, swap, CPU and GPU while something else runs, until Ctrl-C."
        ),
    ] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks of --watch.")] = 1.0,
) -> None:
    """Examine this machine, its torch and this build, and extract a known mesh on every device.

    Exits with 1 where something is broken.
    """
    with reported():
        if watching and json:
            raise CliError("--watch draws on a terminal and has no JSON: leave --watch or --json out")
        if not _SHORTEST <= every <= _LONGEST:
            raise CliError(f"--every must be from {_SHORTEST} to {_LONGEST} seconds, got {every}")
        if watching:
            from .watch import watch  # noqa: PLC0415

            watch(every)
            return
        # Not before: it imports torch, and an error of usage needs none.
        from ..doctor import examine, exit_code, read_machine, self_tests, show  # noqa: PLC0415

        machine = read_machine()
        findings = [*examine(machine), *self_tests(machine)]
        show(machine, findings, json)
    raise typer.Exit(exit_code(findings))
