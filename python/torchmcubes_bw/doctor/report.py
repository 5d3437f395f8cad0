# SPDX-License-Identifier: MIT
"""The findings as text for people and as JSON for bug reports."""

from __future__ import annotations

import json
import ntpath
import os
import posixpath
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..printing import let_go
from .facts import Machine
from .finding import Finding, Mark

_PLAIN = {"✓": "ok", "!": "! ", "✗": "x ", "→": "->", "³": "^3"}
# A path from its root on, or from a home folder, but not an address. A space does not end it: a folder's
# name may have one, unless another path follows.
_REST = r"""(?:[^\s:;,'"`()<>|]|\ (?![~/]))*"""
_POSIX = re.compile(r"(?<![\w.~:/\\])~?/" + _REST)
_WINDOWS = re.compile(r"(?:(?<!\w)[A-Za-z]:|(?<![\w:\\])\\)[\\/]" + _REST)
_PUBLIC = ("/usr/", "/lib/", "/lib64/", "/opt/", "/proc/")


def as_text(findings: Sequence[Finding], encoding: str | None = "utf-8") -> str:
    """Return a line a finding, its cure indented below, and a closing line."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.mark.value} {finding.text}")
        if finding.cure:
            first, *rest = finding.cure.splitlines()
            lines += [f"    → {first}", *(f"      {line}" for line in rest)]
    text = "\n".join([*lines, _closing_line(findings)])
    return text if _can_print(text, encoding) else _plain(text)


def show(machine: Machine, findings: Sequence[Finding], as_a_record: bool) -> None:
    """Print the report, as JSON or for people; that nobody reads it is no failure, and no finding."""
    encoding = getattr(sys.stdout, "encoding", None)  # there is no stdout where it was closed
    try:
        print(as_json(machine, findings) if as_a_record else as_text(findings, encoding), flush=True)
    except BrokenPipeError:
        let_go(sys.stdout)


def _closing_line(findings: Sequence[Finding]) -> str:
    broken = sum(finding.mark is Mark.BROKEN for finding in findings)
    look = sum(finding.mark is Mark.LOOK for finding in findings)
    if broken:
        return f"{broken} broken, {look} worth a look."
    return f"Nothing broken, {look} worth a look." if look else "All is well."


def _can_print(text: str, encoding: str | None) -> bool:
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _plain(text: str) -> str:
    for sign, plain in _PLAIN.items():
        text = text.replace(sign, plain)
    return text.encode("ascii", "replace").decode()


def as_json(machine: Machine, findings: Sequence[Finding]) -> str:
    """Return facts and findings; they name no person, host or folder of a user."""
    told = [{"mark": f.mark.name.lower(), "text": f.text, "cure": f.cure} for f in findings]
    report = {"machine": asdict(machine), "findings": told}
    return json.dumps(_without_folders(report), indent=1, ensure_ascii=False)


def _without_folders(value: Any) -> Any:
    """Return a copy in which every path, unless it is the system's own, is its last part alone."""
    if isinstance(value, dict):
        return {key: _without_folders(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_folders(part) for part in value]
    return without_folders(value) if isinstance(value, str) else value


def without_folders(text: str) -> str:
    """Shorten the paths in a text to their last part, but for those that are the system's own.

    >>> without_folders("/home/ann/lib/libcuda.so.1: no such file")
    'libcuda.so.1: no such file'
    """
    named = os.environ.get("TORCHMCUBES_LIBCUDA")
    if named and not named.startswith(_PUBLIC):  # whatever it looks like
        text = text.replace(named, ntpath.basename(named))
    text = _WINDOWS.sub(_shown_on_windows, text)
    return _POSIX.sub(_shown, text)


def _shown(match: re.Match[str]) -> str:
    path = posixpath.normpath(match[0])
    return match[0] if path.startswith(_PUBLIC) else posixpath.basename(path)


def _shown_on_windows(match: re.Match[str]) -> str:
    path = ntpath.normpath(match[0])
    return match[0] if "\\windows\\system32\\" in path.lower() else ntpath.basename(path)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 where something is broken, else 0."""
    return int(any(finding.mark is Mark.BROKEN for finding in findings))
