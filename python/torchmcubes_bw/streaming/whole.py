# SPDX-License-Identifier: MIT
"""Output that is whole or not there, whatever ends the program.

A file has no name until it is complete, where the system can do that (Linux, most of its file systems): then
not even `kill -9` leaves anything. Elsewhere it has a hidden name that nobody can guess. A folder has a
hidden name, and is locked while it is written to: what a killed run left is swept away by the next one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .target import check_replaceable

_PART = ".torchmcubes-part"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes its name when the block ends well, and is gone when it does not.

    A link is followed, and the file that is replaced hands on its mode and its owner.
    """
    target = Path(os.path.realpath(path))
    hidden = target.with_name(f".{secrets.token_hex(8)}.part")
    file, named = _open(target.parent, hidden)
    try:
        with file:
            yield file
            file.flush()
            _keep_owner(target, file)
            if not named:
                _name(file.fileno(), hidden)
        hidden.replace(target)
    finally:
        hidden.unlink(missing_ok=True)


def _open(folder: Path, hidden: Path) -> tuple[Any, bool]:
    """Open a file without a name, or with a hidden one; tell whether it has one."""
    nameless = getattr(os, "O_TMPFILE", 0)
    if nameless:
        with suppress(OSError):  # a system or a file system that cannot: better known now than at the end
            with os.fdopen(os.open(folder, nameless | os.O_RDWR, 0o600), "w+b") as probe:
                _name(probe.fileno(), hidden)
                hidden.unlink()
            return os.fdopen(os.open(folder, nameless | os.O_RDWR, 0o666), "w+b"), False
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(hidden, flags, 0o666), "w+b"), True


def _name(file: int, path: Path) -> None:
    """Give a file without a name one. That Python's call follows the link needs a folder's descriptor."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.link(f"/proc/self/fd/{file}", path.name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def spool(folder: Path) -> Any:
    """Return a file without a name beside the output, for what is written before its place is known."""
    return tempfile.TemporaryFile(dir=os.path.realpath(folder))


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a folder that takes its name when the block ends well, and is gone when it does not.

    A mesh of that name is replaced: for a moment there is none.
    """
    target = Path(os.path.realpath(path))
    sweep(target.parent)
    part = target.with_name(f".{secrets.token_hex(8)}{_PART}")
    part.mkdir()
    lock = _lock(part)
    try:
        yield part
        if target.exists():
            check_replaceable(path)  # it may have got files of the user's meanwhile
            old = target.with_name(f".{secrets.token_hex(8)}{_PART}")
            target.rename(old)
            part.rename(target)
            shutil.rmtree(old)
        else:
            part.rename(target)
    finally:
        if lock is not None:
            os.close(lock)
        shutil.rmtree(part, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what runs that were killed have left: nobody holds its lock."""
    for left in folder.glob(f".{'[0-9a-f]' * 16}{_PART}"):
        lock = _lock(left)
        if lock is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder for this process; None where another has it, or the system knows no such locks."""
    try:
        import fcntl  # noqa: PLC0415 - POSIX

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _keep_owner(target: Path, file: BinaryIO) -> None:
    """Give a new file the mode and the owner of the one that it replaces."""
    if not target.exists() or not hasattr(os, "fchmod"):
        return
    old, new = target.stat(), os.fstat(file.fileno())
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        with suppress(PermissionError):  # not ours to give away: then it is ours
            os.fchown(file.fileno(), old.st_uid, old.st_gid)
    os.fchmod(file.fileno(), old.st_mode & 0o7777)
