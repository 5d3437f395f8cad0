# SPDX-License-Identifier: MIT
"""`torchmcubes-bw view`: a mesh or a volume as a page that needs nothing else."""

from __future__ import annotations

import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from .errors import CliError, leave_on_signals, reported, say
from .options import with_job_options
from .progress import progress, step
from .target import check_target
from .wanted import Job


@with_job_options
def view(
    job: Callable[[], Job],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page, .html; without it a temporary file.")
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Render a still, .png, in the page's place.")] = None,
    opened: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Look at a volume's surface, or a mesh file: one page, nothing from the network."""
    leave_on_signals()
    with reported():
        if png is not None and output is not None:
            raise CliError("--png and --output are two choices of the same: leave one out")
        if png is not None:
            check_target(png, ("png",), "--png")
        if output is not None:
            check_target(output, ("html",))
        wanted = job()
        from . import page as work  # noqa: PLC0415 - NumPy, which an error of usage needs not

        with progress():
            parts, said, about = work.parts_of(wanted)
            step("drawing")
            if png is not None:
                target = png
                work.still(parts, png)
            else:
                target = output or Path(tempfile.mkdtemp(prefix="torchmcubes-bw-")) / "mesh.html"
                work.write_page(parts, about, target)
    for line in [*said, f"{target}: {about}"]:
        say(line)
    if png is None and opened and not webbrowser.open(target.resolve().as_uri()):
        say("no browser was found: open the page yourself")
