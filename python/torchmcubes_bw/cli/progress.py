# SPDX-License-Identifier: MIT
"""What is being done, how fast, and how long it will still take: on a terminal only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
_shown: list[tuple[Any, Any]] = []  # the display at work and its task, if there is one


@contextmanager
def progress() -> Iterator[None]:
    """Show the steps of what is done inside, and nothing once it is done."""
    if not sys.stderr.isatty():
        yield
        return
    from rich import progress as rich  # noqa: PLC0415 - a tenth of a second that only a terminal needs
    from rich.console import Console  # noqa: PLC0415

    columns = (
        rich.SpinnerColumn(),
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeElapsedColumn(),
        rich.TimeRemainingColumn(),
    )
    # Its own way to the terminal: what is printed to stderr meanwhile can be kept apart.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as terminal:
        console = Console(file=terminal)
        with rich.Progress(*columns, console=console, transient=True) as display:
            _shown.append((display, display.add_task("", total=None, rate="")))
            try:
                yield
            finally:
                _shown.pop()


def step(name: str) -> None:
    """Begin the next step, whose length is not known."""
    for display, task in _shown:
        display.reset(task, description=name, total=None, rate="")


def counted(items: Iterable[Item], total: int, of: str, each: float = 1) -> Iterator[Item]:
    """Yield the items of a step; each is so many of what `of` names (files, MB)."""
    for done, item in enumerate(items):
        yield item
        shown(done + 1, total, of, each)


def shown(done: int, total: int, of: str, each: float) -> None:
    """Show how far a step is."""
    for display, task in _shown:
        now = display.tasks[0]
        rate = f"{done * each / now.elapsed:.0f} {of}/s" if now.elapsed else ""
        display.update(task, completed=done, total=total, rate=rate)
