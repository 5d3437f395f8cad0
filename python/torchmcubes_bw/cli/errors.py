# SPDX-License-Identifier: MIT
"""How a command speaks and fails: one line each, no traceback."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

BAD_INPUT = 2
FAILED = 1


class CliError(Exception):
    """What went wrong, in one line, and the exit code."""

    def __init__(self, text: str, code: int = BAD_INPUT) -> None:
        super().__init__(text)
        self.code = code


@contextmanager
def reported() -> Iterator[None]:
    """Turn the failures a user can meet into one line and an exit code."""
    try:
        yield
    except CliError as error:
        _exit(str(error), error.code)
    except (ValueError, TypeError) as error:  # the library's own words about the input
        _exit(str(error), BAD_INPUT)
    except OSError as error:
        _exit(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), FAILED)
    except (RuntimeError, MemoryError) as error:
        _exit(str(error) or "out of memory", FAILED)


def one_line(text: str) -> str:
    """Return a text as one line in which nothing steers the terminal."""
    text = " ".join(text.split("\n")) if "\n" in text else text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def say(text: str) -> None:
    """Print a line of the result; that nobody reads it is no failure."""
    _print(text, sys.stdout)


def warn(text: str) -> None:
    """Print what the user should know although it goes on."""
    _print(f"warning: {text}", sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    try:
        print(one_line(text), file=stream, flush=True)
    except UnicodeEncodeError:
        print(one_line(text).encode("ascii", "backslashreplace").decode(), file=stream, flush=True)
    except BrokenPipeError:  # what is still in the buffer must not fail again at the end
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _exit(text: str, code: int) -> None:
    _print(f"error: {text}", sys.stderr)
    raise SystemExit(code)


def leave_on_signals() -> None:
    """Let a run that is told to end take its temporary file along."""
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
            signal.signal(getattr(signal, name), _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
