# SPDX-License-Identifier: MIT
"""The program and its commands, a file each."""

from __future__ import annotations

import typer

from .bench import bench
from .doctor import doctor
from .extract import extract
from .usage import Commands
from .view import view

app = typer.Typer(
    name="torchmcubes-bw",
    cls=Commands,
    help="Marching cubes: a volume becomes a mesh.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__  # noqa: PLC0415

        typer.echo(f"torchmcubes-bw {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    _version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


app.command()(extract)
app.command()(view)
app.command()(bench)
app.command()(doctor)
