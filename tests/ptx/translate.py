# SPDX-License-Identifier: MIT
"""Each block of a kernel, as a Python function on arrays: an element a thread.

A value is an array of as many elements as the block has threads, or of one, which stands for all of them.
A register's array has the type of its declaration, unsigned where that does not say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ptx import arithmetic
from ptx.accesses import Accesses
from ptx.flow import Block, blocks_of, launch_constants, live_out
from ptx.operands import DTYPES
from ptx.operations import Operations
from ptx.program import Instruction, Kernel, PtxError, Variable, immediate


@dataclass
class Code:
    """A block's two functions: itself, and the straight code from it on, for whole warps (or blocks)."""

    block: Block
    alone: Callable[..., Any]
    run: Callable[..., Any]
    run_until: int  # the last block that `run` is of
    run_needs: str | None  # "warp" or "block": what has to be complete for `run`
    whole: bool  # it waits for whole warps or blocks, never for a part of a warp


@dataclass
class Translated:
    kernel: Kernel
    blocks: list[Block]
    codes: list[Code]
    kept: dict[str, str]  # registers that live from block to block, and their types
    shared: int  # bytes
    local: int
    dynamic: str | None  # the shared variable whose size the launch tells


def translate(
    kernel: Kernel, module: dict[str, Variable], addresses: dict[str, int], fine: bool
) -> Translated:
    """Make a kernel's functions; `addresses` are those of the module's variables."""
    blocks = blocks_of(kernel, fine)
    layout = _Layout(kernel, module)
    constant = launch_constants(kernel)
    writer = _Writer(kernel, blocks, {**addresses, **layout.places}, constant)
    text, kept = [], {}
    for block in blocks:
        for name in block.live_in:
            if kernel.register_type(name) and name not in constant:
                kept[name] = DTYPES[kernel.register_type(name)]
            elif name == "%CC":
                kept[name] = "u1"
    runs = []
    for block in blocks:
        last, needs = _run_of(blocks, block)
        text.append(writer.function(f"alone_{block.number}", [block], needs=False))
        if last != block.number or (block.wait and _whole(block)):
            text.append(writer.function(f"run_{block.number}", blocks[block.number : last + 1], needs=True))
        runs.append((last, needs))
    place: dict[str, Any] = {"np": np, "a": arithmetic, **writer.constants}
    exec(compile("\n".join(text), f"<{kernel.name}>", "exec"), place)
    codes = []
    for block, (last, needs) in zip(blocks, runs, strict=True):
        alone = place[f"alone_{block.number}"]
        codes.append(Code(block, alone, place.get(f"run_{block.number}", alone), last, needs, _whole(block)))
    return Translated(kernel, blocks, codes, kept, layout.shared, layout.local, layout.dynamic)


def _run_of(blocks: list[Block], block: Block) -> tuple[int, str | None]:
    last, needs = block.number, block.wait
    if not _whole(block):
        return last, needs
    while blocks[last].continued and _whole(blocks[last + 1]):
        last += 1
        if blocks[last].wait == "block" or needs is None:
            needs = blocks[last].wait or needs
    return last, needs


def _whole(block: Block) -> bool:
    """Tell whether a block that waits, waits for all of a warp or block, so that whole ones can go on."""
    if block.wait != "warp":
        return True
    i = block.code[0]
    return immediate(i.operands[-1]) in (-1, 0xFFFFFFFF) and not i.guard


class _Layout:
    """Where .shared and .local variables and the parameters lie, each in its own space."""

    def __init__(self, kernel: Kernel, module: dict[str, Variable]) -> None:
        self.places: dict[str, int] = {name: v.offset for name, v in kernel.params.items()}
        self.shared = self.local = 0
        self.dynamic = None
        outside = [v for v in module.values() if v.space == "shared"]
        for variable in [*kernel.variables.values(), *outside]:
            if variable.size == 0:
                self.dynamic = variable.name
                continue
            size = getattr(self, variable.space)
            at = -(-size // variable.align) * variable.align
            self.places[variable.name] = at
            setattr(self, variable.space, at + variable.size)
        if self.dynamic:
            self.shared = -(-self.shared // 16) * 16
            self.places[self.dynamic] = self.shared


class _Writer(Operations, Accesses):
    """Writes the functions' text."""

    def __init__(
        self, kernel: Kernel, blocks: list[Block], places: dict[str, int], constant: set[str]
    ) -> None:
        super().__init__(kernel, places, constant)
        self.blocks = blocks

    def function(self, name: str, blocks: list[Block], needs: bool) -> str:
        """Write one function of consecutive blocks; it returns the condition of its last branch, if any."""
        self.begin(needs)
        end = "return None"
        for block in blocks:
            for i in block.code:
                self._instruction(i)
            if block.end is not None:
                end = self._end(block.end)
        live = live_out(self.blocks, blocks[-1])
        kept = [name for name in self.made if name in live and name not in self.constant]
        head = [f"def {name}(m, g):", " R = m.registers; U = m.constants; ix = g.index"]
        head += [f" {self.var(r)} = {self._kept(r)}" for r in self.read]
        copies = [n for n in kept if self.made[n]]
        tail = [f" {self.var(n)} = {self.var(n)}.copy()" for n in copies if len(kept) > 1]
        tail += [f" R[{n!r}][ix] = {self.var(n)}" for n in kept]
        tail += [f" U[{n!r}] = {self.var(n)}" for n in self.made if n in self.constant]
        return "\n".join([*head, *(" " + line for line in self.lines), *tail, " " + end, ""])

    def _kept(self, register: str) -> str:
        return f"U[{register!r}]" if register in self.constant else f"R[{register!r}][ix]"

    def _end(self, i: Instruction) -> str:
        if i.op[0] == "brx":
            return f"return {self.value(i.operands[0], 'u4')}"
        if not i.guard:
            return "return None"
        condition = self.value(i.guard, "?")
        return f"return {'~' if i.guard_not else ''}{condition}"

    def _instruction(self, i: Instruction) -> None:
        try:
            method = getattr(self, f"op_{i.op[0]}", None)
            if method is None:
                raise PtxError("this instruction is not known to the interpreter")
            method(i)
        except (PtxError, KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
            raise PtxError(
                f"{self.kernel.name}, line {i.line}: `{i.text}`: {type(error).__name__} {error}"
            ) from error
