# SPDX-License-Identifier: MIT
"""The libraries that read: each an extra, and its warnings shown."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import FAILED, CliError, warn

_MOST = 10  # warnings of one file: the rest is of the same kind


def library(module: str, extra: str, what: str, package: str | None = None) -> Any:
    """Import an optional library, or say in one line which extra brings it."""
    if not importlib.util.find_spec(module):
        cure = f"pip install 'torchmcubes-bw[{extra}]'"
        raise CliError(f"{what} needs {package or module}: {cure}", FAILED)
    return importlib.import_module(module)


class _Collector(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.into = into

    def emit(self, record: logging.LogRecord) -> None:
        self.into.append(record.getMessage())


@contextmanager
def stderr_kept() -> Iterator[Callable[[], str]]:
    """Keep what compiled libraries print, of which Python hears nothing; gives a call that returns it."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        real = os.dup(2)
        os.dup2(kept.fileno(), 2)

        def text() -> str:
            sys.stderr.flush()
            kept.seek(0)
            return kept.read().decode("utf-8", "replace")

        try:
            yield text
        finally:
            os.dup2(real, 2)
            os.close(real)


@contextmanager
def warnings_shown(path: Path) -> Iterator[None]:
    """Show what the reading libraries warn of, by whichever way, once and in a line each.

    Where they fail, the error is the line.
    """
    found: list[str] = []
    collector, root = _Collector(found), logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("nibabel.global", "pydicom", "tifffile"))]
    before = [(log, log.handlers[:], log.propagate) for log in loggers]
    for log in loggers:
        log.handlers, log.propagate = [collector], False
    try:
        with warnings.catch_warnings(record=True) as caught, stderr_kept() as printed:
            warnings.simplefilter("default")
            yield
            found += [line for line in printed().splitlines() if line.strip()]
    finally:
        for log, handlers, propagate in before:
            log.handlers, log.propagate = handlers, propagate
    hidden = (DeprecationWarning, PendingDeprecationWarning, ResourceWarning)  # for programmers
    texts = [str(each.message) for each in caught if not issubclass(each.category, hidden)]
    for text in list(dict.fromkeys(texts + found))[:_MOST]:
        warn(f"{path}: {text}")
