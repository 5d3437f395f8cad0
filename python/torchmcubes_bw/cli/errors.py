# SPDX-License-Identifier: MIT
"""How a command fails: one line on stderr, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


def _exit(text: str, code: int) -> None:
    print(f"error: {text}", file=sys.stderr)
    raise SystemExit(code)
