# SPDX-License-Identifier: MIT
"""The shipped PTX with one mistake in it, each of which the interpreter has to notice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_BARRIER = re.compile(r"^\s*(bar(rier)?(\.cta)?\.sync|bar\.warp\.sync)\b")
_TOGETHER = re.compile(r"^\s*(shfl|vote)\.sync\b")
_STORE = re.compile(r"^(\s*st\.global(?:\.[a-z]+)*?(?:\.v([248]))?\.[a-z](\d+)\s+\[%\w+)(\+-?\d+)?\]")
_ALONE = """
{{
    .reg .pred %third;
    .reg .b32 %here;
    mov.u32 %here, %laneid;
    setp.eq.u32 %third, %here, 3;
    @%third bra $L_alone_{line};
    {text}
    $L_alone_{line}:
}}
"""


class Mutant(NamedTuple):
    name: str
    ptx: str


def mutants(ptx: str, executed: dict[str, set[int]]) -> Iterator[Mutant]:
    """Yield mutants of what is executed, its lines by kernel: barriers, what a warp does together, stores."""
    lines = ptx.split("\n")
    for kernel, numbers in executed.items():
        span = [number - 1 for number in sorted(numbers)]
        for at in span:
            if _BARRIER.match(lines[at]):
                yield _changed(lines, at, "", f"{kernel}: a barrier left out")
        together = [at for at in span if _TOGETHER.match(lines[at])]
        for at in together[:1] + together[1:][-1:]:
            alone = _ALONE.format(line=at, text=lines[at])
            yield _changed(lines, at, alone, f"{kernel}: what a warp does together, without lane 3")
        stores = [at for at in span if _STORE.match(lines[at])]
        for at in stores[:1] + stores[1:][-1:]:
            size = _store_size(lines[at])
            yield _changed(lines, at, _shifted(lines[at], size), f"{kernel}: a store one further")
            yield _changed(lines, at, _shifted(lines[at], -size), f"{kernel}: a store one before")
        for at in stores[:1]:
            half = max(1, _store_size(lines[at]) // 2)
            yield _changed(lines, at, _shifted(lines[at], half), f"{kernel}: a misaligned store")


def _changed(lines: list[str], at: int, text: str, name: str) -> Mutant:
    return Mutant(f"{name} (line {at + 1})", "\n".join([*lines[:at], text, *lines[at + 1 :]]))


def _store_size(line: str) -> int:
    found = _STORE.match(line)
    return int(found[3]) // 8 * int(found[2] or 1)


def _shifted(line: str, by: int) -> str:
    found = _STORE.match(line)
    return f"{found[1]}+{int((found[4] or '+0')[1:]) + by}]{line[found.end() :]}"
