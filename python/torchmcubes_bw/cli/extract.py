# SPDX-License-Identifier: MIT
"""`torchmcubes-bw extract`: a volume becomes a mesh file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from .errors import leave_on_signals, reported, say
from .options import with_job_options
from .progress import progress, step
from .target import check_target
from .wanted import Job


@with_job_options
def extract(
    job: Callable[[], Job],
    output: Annotated[Path, typer.Option("--output", "-o", help="The mesh: .ply, .obj, .stl or .glb.")],
) -> None:
    """Extract the isosurface of a volume into a mesh file, normals outward."""
    leave_on_signals()  # so that a run that is told to end takes its temporary file along
    with reported():
        kind = check_target(output)
        begin = time.perf_counter()
        wanted = job()
        wanted.normals = wanted.normals and kind in ("ply", "glb")  # the others have no place for them
        # NumPy, which an error of usage needs not.
        from . import finish  # noqa: PLC0415
        from . import job as work  # noqa: PLC0415

        with progress():
            result = work.run(wanted)
            step("checking")
            closed = finish.closed(result)
            step("writing")
            written = finish.write_all(output, kind, result)
        seconds = time.perf_counter() - begin
    for line in [*result.said, *finish.lines(written, closed, result.place, seconds)]:
        say(line)
