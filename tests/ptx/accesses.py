# SPDX-License-Identifier: MIT
"""How each instruction loads, stores and works with other threads, as Python text: calls of the launch."""

from __future__ import annotations

import re

from ptx.access import Site
from ptx.operands import DTYPES, Operands
from ptx.operations import SPACES
from ptx.program import Instruction, PtxError, immediate

_IGNORED = {
    "ca",
    "cg",
    "cs",
    "lu",
    "cv",
    "wb",
    "wt",
    "uni",
    "cta",
    "gpu",
    "sys",
    "sync",
    "aligned",
    "weak",
    "nc",
}
_HINTS = re.compile(r"L1_\w+|L2_\w+|unified")
_STRONG = {"volatile", "relaxed", "acquire", "release", "acq_rel"}
_ATOMIC = {"add", "and", "or", "xor", "min", "max", "exch", "cas", "inc", "dec"}


class Accesses(Operands):
    """A method for each operation, named after it."""

    def _site(self, i: Instruction, known: frozenset[str] = frozenset()) -> tuple[str, Site]:
        """Return an access and the name that the text has for it; `known` are words to pass over."""
        space, kind, count = "generic", None, 1
        for part in i.op[1:]:
            if part in SPACES or part == "shared_cta":
                space = part.removesuffix("_cta")
            elif part in DTYPES:
                kind = part
            elif part in ("v2", "v4", "v8"):
                count = int(part[1])
            elif part not in known | _STRONG | _IGNORED and not _HINTS.fullmatch(part):
                raise PtxError(f"its modifier {part} is not known to the interpreter")
        if kind is None:
            raise PtxError("it names no type")
        strong, read_only = bool(_STRONG & set(i.op)), "nc" in i.op
        return self._named(Site(self.kernel.name, i, space, DTYPES[kind], count, strong, read_only))

    def _named(self, site: Site) -> tuple[str, Site]:
        name = f"I{len(self.constants)}"
        self.constants[name] = site
        return name, site

    def op_ld(self, i: Instruction) -> None:
        name, site = self._site(i)
        targets = re.findall(r"[%\w]+", i.operands[0])
        if len(targets) != site.count:
            raise PtxError("as many registers as elements are wanted")
        if site.space == "param":
            for k, target in enumerate(targets):
                self.put(
                    target, f"m.parameter({self.address(i.operands[1])}, {k}, '{site.dtype}')", site.dtype, i
                )
            return
        self.lines.append(f"c_l = m.load(g, {self.address(i.operands[1])}, {self.guard(i)}, {name})")
        for k, target in enumerate(targets):
            if target != "_":
                self.put(target, f"c_l[{k}]", site.dtype, i)

    op_ldu = op_ld

    def op_st(self, i: Instruction) -> None:
        name, site = self._site(i)
        parts = re.findall(r"[%\w-]+", i.operands[1])
        values = ", ".join(self.value(part, site.dtype) for part in parts)
        if len(parts) != site.count:
            raise PtxError("as many registers as elements are wanted")
        if "release" in i.op:
            self.lines.append("m.fence(g, False)")
        self.lines.append(f"m.store(g, {self.address(i.operands[0])}, ({values},), {self.guard(i)}, {name})")

    def op_atom(self, i: Instruction, result: bool = True) -> None:
        (operation,) = _ATOMIC & set(i.op)
        name, site = self._site(i, frozenset(_ATOMIC))
        if site.count != 1:
            raise PtxError("vectors of atomics are not known to the interpreter")
        at, *values = i.operands[1:] if result else i.operands
        given = ", ".join(self.value(v, site.dtype) for v in values)
        if {"release", "acq_rel"} & set(i.op):
            self.lines.append("m.fence(g, False)")
        self.lines.append(
            f"c_l = m.atomic(g, {self.address(at)}, {operation!r}, ({given},), {self.guard(i)}, {name})"
        )
        if result and i.operands[0] != "_":
            self.put(i.operands[0], "c_l", site.dtype, i)

    def op_red(self, i: Instruction) -> None:
        self.op_atom(i, result=False)

    def op_cp(self, i: Instruction) -> None:
        """cp.async: what it copies is there at once."""
        if i.op[:2] != ("cp", "async") or {"bulk", "mbarrier"} & set(i.op):
            raise PtxError("of cp, only cp.async of 4 to 16 bytes is known to the interpreter")
        if i.op[2] in ("commit_group", "wait_group", "wait_all"):
            return
        if len(i.operands) != 3:
            raise PtxError("cp.async with a size of the source is not known to the interpreter")
        words = immediate(i.operands[2]) // 4
        source, _ = self._named(Site(self.kernel.name, i, "global", "u4", words))
        target, _ = self._named(Site(self.kernel.name, i, "shared", "u4", words))
        on = self.guard(i)
        self.lines.append(f"c_l = m.load(g, {self.address(i.operands[1])}, {on}, {source})")
        self.lines.append(f"m.store(g, {self.address(i.operands[0])}, c_l, {on}, {target})")

    def op_membar(self, i: Instruction) -> None:
        if "proxy" not in i.op:
            self.lines.append(f"m.fence(g, {'cta' in i.op})")

    op_fence = op_membar

    def op_prefetch(self, _i: Instruction) -> None:
        """Nothing that a mesh shows."""

    op_prefetchu = op_nanosleep = op_griddepcontrol = op_prefetch

    def op_trap(self, i: Instruction) -> None:
        self.lines.append(f"m.trap(g, {self.guard(i)})")

    def op_shfl(self, i: Instruction) -> None:
        value, *rest = i.operands[1:]
        by, clamp, mask = (self.value(operand, "u4") for operand in rest)
        first, _, second = i.operands[0].partition("|")
        x = self.value(value, "u4")
        self.lines.append(f"c_l, c_p = m.shuffle(g, {i.op[2]!r}, {x}, ({by}, {clamp}, {mask}), {self.whole})")
        self.put(first, "c_l", "u4", i)
        if second:
            self.put(second, "c_p", "?", i)

    def op_vote(self, i: Instruction) -> None:
        mode, x, mask = i.op[2], self.value(i.operands[1], "?"), self.value(i.operands[2], "u4")
        call = f"m.vote(g, {mode!r}, {x}, {mask}, {self.whole})"
        self.put(i.operands[0], call, "u4" if mode == "ballot" else "?", i)

    def op_match(self, i: Instruction) -> None:
        x, mask = self.value(i.operands[1], DTYPES[i.op[3]]), self.value(i.operands[2], "u4")
        first, _, second = i.operands[0].partition("|")
        self.lines.append(f"c_l, c_p = m.match(g, {i.op[1]!r}, {x}, {mask})")
        self.put(first, "c_l", "u4", i)
        if second:
            self.put(second, "c_p", "?", i)

    def op_redux(self, i: Instruction) -> None:
        d = DTYPES[i.op[3]]
        x, mask = self.value(i.operands[1], d), self.value(i.operands[2], "u4")
        self.put(i.operands[0], f"m.redux(g, {i.op[2]!r}, {x}, {mask})", d, i)

    def op_activemask(self, i: Instruction) -> None:
        self.put(i.operands[0], "m.active_mask(g)", "u4", i)

    def op_bar(self, i: Instruction) -> None:
        if i.guard:
            raise PtxError("a barrier that is switched off in some threads is not known to the interpreter")
        if i.op[:3] == ("bar", "warp", "sync"):
            self.lines.append("m.warp_barrier(g)")
            return
        parts = [part for part in i.op[1:] if part not in _IGNORED]
        if parts[:1] == ["red"]:
            kind = "u4" if parts[1] == "popc" else "?"
            x = self.value(i.operands[-1], "?")
            self.put(i.operands[0], f"m.block_vote(g, {parts[1]!r}, {x})", kind, i)
            return
        if parts or immediate(i.operands[0]) is None or len(i.operands) > 1:
            raise PtxError("this barrier is not known to the interpreter")
        self.lines.append("m.block_barrier(g)")

    op_barrier = op_bar
