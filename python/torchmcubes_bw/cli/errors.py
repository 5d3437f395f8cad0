# SPDX-License-Identifier: MIT
"""How a command speaks and fails: one line each, no traceback."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..printing import leave, let_go, print_line, reason

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
        leave(reason(error), FAILED)
    except (RuntimeError, MemoryError) as error:
        leave(str(error) or "out of memory", FAILED)


def say(text: str) -> None:
    """Print a line of the result; that nobody reads it is no failure, nor that it finds no room."""
    full = print_line(text, sys.stdout)
    if full:
        warn(f"nothing more is printed: {full}")


def warn(text: str) -> None:
    """Print what the user should know although it goes on."""
    print_line(f"warning: {text}", sys.stderr)


def leave_on_signals() -> None:
    """Let a run that is told to end take its temporary file along."""
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
            signal.signal(getattr(signal, name), _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
