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
    max_memory: Annotated[
        str | None,
        typer.Option(
            "--max-memory",
            help="Read .npy, .raw, .mrc, .h5 or .zarr by planes in so much memory (1GB); writes .ply, .zarr.",
        ),
    ] = None,
) -> None:
    """Extract the isosurface of a volume into a mesh file, normals outward."""
    leave_on_signals()  # so that a run that is told to end takes its temporary file along
    with reported():
        begin = time.perf_counter()
        if max_memory is not None:
            _streamed(job, output, max_memory, begin)
            return
        kind = check_target(output)
        wanted = job()
        wanted.normals = wanted.normals and kind in ("ply", "glb")  # the others have no place for them
        # NumPy, which an error of usage needs not.
        from . import finish  # noqa: PLC0415
        from . import job as work  # noqa: PLC0415

        with progress():
            result = work.run(wanted)
            step("checking")
            finish.fit(result, kind)
            closed = finish.closed(result)
            step("writing")
            written = finish.write_all(output, kind, result)
        seconds = time.perf_counter() - begin
        lines = [*result.said, *finish.lines(written, closed, result.place, seconds)]
    for line in lines:
        say(line)


def _streamed(job: Callable[[], Job], output: Path, max_memory: str, begin: float) -> None:
    wanted = job()
    from . import streamed  # noqa: PLC0415 - NumPy

    streamed.check(output, wanted)
    with progress():
        lines = streamed.run(wanted, output, max_memory)
    seconds = time.perf_counter() - begin
    for line in [*lines[:-1], f"{lines[-1]}, {seconds:.2f} s"]:
        say(line)
