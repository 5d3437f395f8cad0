# SPDX-License-Identifier: MIT
"""What a program prints to: a line at a time, and no failure where it is closed, full or read by nobody."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


@contextmanager
def standard_streams() -> Iterator[None]:
    """Let a program run whose stdin, stdout or stderr is closed, full or read by nobody."""
    _open_closed()
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed: no failure
        let_go(sys.stdout)
    except OSError as error:  # help, for one, is printed outside of the commands
        leave(reason(error), 1)
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


def reason(error: OSError) -> str:
    """Return what the system says of a failure, and of which file."""
    return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")


def one_line(text: str) -> str:
    """Return a text as one line in which nothing steers the terminal."""
    text = " ".join(text.split("\n")) if "\n" in text else text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def print_line(text: str, stream: TextIO) -> str:
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
    print_line(f"error: {text}", sys.stderr)
    raise SystemExit(code)
