# SPDX-License-Identifier: MIT
"""The findings as text for people and as JSON for bug reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from .facts import Machine
from .findings import Finding, Mark

_PLAIN = {"✓": "ok", "!": "! ", "✗": "x ", "→": "->", "³": "^3"}


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
    return json.dumps({"machine": asdict(machine), "findings": told}, indent=1, ensure_ascii=False)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 where something is broken, else 0."""
    return int(any(finding.mark is Mark.BROKEN for finding in findings))
