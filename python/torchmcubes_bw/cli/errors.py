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
        leave(str(error), error.code)
    except (ValueError, TypeError) as error:  # the library's own words about the input
        leave(str(error), BAD_INPUT)
    except BrokenPipeError:  # nobody reads what is printed: no failure
        let_go(sys.stdout)
    except OSError as error:
        leave(_reason(error), FAILED)
    except (RuntimeError, MemoryError) as error:
        leave(str(error) or "out of memory", FAILED)


@contextmanager
def standard_streams() -> Iterator[None]:
    """Let a program run whose stdin, stdout or stderr is closed, full or read by nobody."""
    _open_closed()
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed: no failure
        let_go(sys.stdout)
    except OSError as error:  # help, for one, is printed outside of the commands
        leave(_reason(error), FAILED)
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                let_go(stream)


def _open_closed() -> None:
    """Put the null device in the place of what is closed: else the next file gets its descriptor."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest that is free: this one
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(null, mode, encoding="utf-8", errors="backslashreplace"))


def let_go(stream: TextIO) -> None:
    """Send what is in a stream's buffer, and all that follows, nowhere: it must not fail at the end."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _reason(error: OSError) -> str:
    return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")


def one_line(text: str) -> str:
    """Return a text as one line in which nothing steers the terminal."""
    text = " ".join(text.split("\n")) if "\n" in text else text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def say(text: str) -> None:
    """Print a line of the result; that nobody reads it is no failure, nor that it finds no room."""
    reason = _print(text, sys.stdout)
    if reason:
        warn(f"nothing more is printed: {reason}")


def warn(text: str) -> None:
    """Print what the user should know although it goes on."""
    _print(f"warning: {text}", sys.stderr)


def _print(text: str, stream: TextIO) -> str:
    """Print a line; return why it cannot be, where somebody would have read it."""
    text = one_line(text)
    try:
        try:
            print(text, file=stream, flush=True)
        except UnicodeEncodeError:
            print(text.encode("ascii", "backslashreplace").decode(), file=stream, flush=True)
    except OSError as error:
        let_go(stream)
        return "" if isinstance(error, BrokenPipeError) else str(error.strerror or error)
    return ""


def leave(text: str, code: int) -> None:
    """Print an error, and end with its code."""
    _print(f"error: {text}", sys.stderr)
    raise SystemExit(code)


def leave_on_signals() -> None:
    """Let a run that is told to end take its temporary file along."""
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
            signal.signal(getattr(signal, name), _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
