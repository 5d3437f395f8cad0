# SPDX-License-Identifier: MIT
"""Errors of usage, as every other: one line that repeats what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
import typer.core

from ..printing import leave
from .errors import BAD_INPUT

_UsageError: Any = typer.BadParameter.__base__  # where it lies differs among versions


class Commands(typer.core.TyperGroup):
    """The commands; what they cannot parse is told in a line, not in a box."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        """Parse what stands in front of the command."""
        with _told():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: Any) -> Any:
        """Parse what belongs to the command, and run it."""
        with _told():
            return super().invoke(ctx)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # it shows the help
            raise
        leave(_line(error), BAD_INPUT)


def _line(error: Any) -> str:
    text = str(error.format_message()).rstrip(".")
    if not hasattr(error.__cause__, "errors"):
        return text
    given = str(error.__cause__.errors()[0]["input"])
    return text if f"'{given}'" in text else f"{text}, got {given}"
