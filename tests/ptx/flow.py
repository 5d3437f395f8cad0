# SPDX-License-Identifier: MIT
"""A kernel's blocks of straight code: where they begin, where they lead, what lives from one to the next."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ptx.program import Instruction, Kernel, PtxError

# A whole warp or a whole block takes part, so threads wait for one another before it.
WARP_WIDE = {"shfl", "vote", "match", "redux"}
_NO_RESULT = {
    "st",
    "red",
    "bra",
    "brx",
    "ret",
    "exit",
    "membar",
    "fence",
    "prefetch",
    "cp",
    "trap",
    "nanosleep",
}
_LAUNCH_WIDE = {"%ntid.x", "%ntid.y", "%ntid.z", "%nctaid.x", "%nctaid.y", "%nctaid.z"}


def waits(instruction: Instruction) -> str | None:
    """Return "warp" or "block" where an instruction waits for the other threads of one."""
    op = instruction.op
    if op[0] in WARP_WIDE or op[:3] == ("bar", "warp", "sync"):
        return "warp"
    return "block" if op[0] in ("bar", "barrier") else None


def touches_memory(instruction: Instruction) -> bool:
    return instruction.op[0] in ("ld", "ldu", "st", "atom", "red") and "param" not in instruction.op


def names(operand: str) -> list[str]:
    """Return the registers in an operand."""
    return re.findall(r"%[A-Za-z_$][\w$.]*", operand)


def results(instruction: Instruction) -> list[str]:
    """Return the registers that an instruction writes."""
    op = instruction.op
    if op[0] in _NO_RESULT or not instruction.operands:
        return []
    if op[0] in ("bar", "barrier") and "red" not in op:
        return []
    found = names(instruction.operands[0])
    return found + (["%CC"] if "cc" in op else [])


def sources(instruction: Instruction) -> list[str]:
    """Return the registers that an instruction reads."""
    skip = 1 if results(instruction) else 0
    found = [name for operand in instruction.operands[skip:] for name in names(operand)]
    if instruction.op[0] in ("addc", "subc", "madc"):
        found.append("%CC")
    if instruction.guard:
        found += [instruction.guard, *results(instruction)]
    return found


@dataclass
class Block:
    number: int
    code: list[Instruction]
    wait: str | None = None  # "warp" or "block": its first instruction waits
    end: Instruction | None = None  # its branch or return
    taken: list[int] = field(default_factory=list)  # where the branch leads
    after: int | None = None  # where it goes on otherwise
    continued: bool = False  # the next block is the same straight code, cut because it waits
    uses: set[str] = field(default_factory=set)
    defines: set[str] = field(default_factory=set)
    live_in: set[str] = field(default_factory=set)
    polls: bool = False  # in a loop that reads what other threads write

    @property
    def size(self) -> int:
        return len(self.code) + (self.end is not None)


def blocks_of(kernel: Kernel, fine: bool) -> list[Block]:
    """Cut a kernel into blocks; `fine` also before every access to memory."""
    starts = _starts(kernel, fine)
    order = sorted(starts)
    number = {at: k for k, at in enumerate(order)}
    found = []
    for k, at in enumerate(order):
        end = order[k + 1] if k + 1 < len(order) else len(kernel.code)
        found.append(_block(kernel, k, at, end, number))
    labels = set(kernel.labels.values())
    for block, at in zip(found, order[1:], strict=False):
        block.continued = block.end is None and at not in labels
    _liveness(found)
    _polling(found)
    return found


def _starts(kernel: Kernel, fine: bool) -> set[int]:
    starts = {0, *(at for at in kernel.labels.values() if at < len(kernel.code))}
    for at, instruction in enumerate(kernel.code):
        if waits(instruction) or (fine and touches_memory(instruction)):
            starts.add(at)
        if instruction.op[0] in ("bra", "brx", "ret", "exit") and at + 1 < len(kernel.code):
            starts.add(at + 1)
    return starts


def _block(kernel: Kernel, k: int, at: int, end: int, number: dict[int, int]) -> Block:
    code = kernel.code[at:end]
    block = Block(k, code, waits(code[0]))
    last = code[-1]
    if last.op[0] in ("bra", "brx", "ret", "exit"):
        block.code, block.end = code[:-1], last
        labels = []
        if last.op[0] == "bra":
            labels = [last.operands[0]]
        elif last.op[0] == "brx":
            labels = kernel.tables[last.operands[1]]
        block.taken = [number[kernel.labels[label]] for label in labels]
        if last.guard:
            block.after = k + 1
    else:
        block.after = k + 1
        if end == len(kernel.code):
            raise PtxError(f"{kernel.name}: runs past its end")
    return block


def _liveness(blocks: list[Block]) -> None:
    for block in blocks:
        for instruction in [*block.code, *([block.end] if block.end else [])]:
            block.uses |= set(sources(instruction)) - block.defines
            if not instruction.guard:
                block.defines |= set(results(instruction))
    changed = True
    while changed:
        changed = False
        for block in reversed(blocks):
            live = block.uses | (live_out(blocks, block) - block.defines)
            changed |= live != block.live_in
            block.live_in = live


def live_out(blocks: list[Block], block: Block) -> set[str]:
    found: set[str] = set()
    for following in [*block.taken, *([] if block.after is None else [block.after])]:
        found |= blocks[following].live_in
    return found


def _polling(blocks: list[Block]) -> None:
    """Mark the blocks that read what others write, and can come back to themselves."""
    for block in blocks:
        strong = any(
            i.op[0] == "atom" or {"volatile", "relaxed", "acquire"} & set(i.op[1:]) for i in block.code
        )
        if not strong:
            continue
        seen: set[int] = set()
        todo = [*block.taken, *([] if block.after is None else [block.after])]
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            todo += [*blocks[at].taken, *([] if blocks[at].after is None else [blocks[at].after])]
        block.polls = block.number in seen


_PURE = {
    *(
        "mov",
        "cvt",
        "cvta",
        "add",
        "sub",
        "mul",
        "mad",
        "and",
        "or",
        "xor",
        "not",
        "shl",
        "shr",
        "neg",
        "abs",
    ),
    *(
        "min",
        "max",
        "setp",
        "selp",
        "div",
        "rem",
        "clz",
        "popc",
        "bfind",
        "brev",
        "bfe",
        "bfi",
        "lop3",
        "prmt",
    ),
    *("shf", "fma", "set", "cnot"),
}


def launch_constants(kernel: Kernel) -> set[str]:
    """Return the registers that hold one value in all threads of a launch: arguments and what they give."""
    writers: dict[str, int] = {}
    for instruction in kernel.code:
        for name in results(instruction):
            writers[name] = writers.get(name, 0) + 1
    found: set[str] = set()
    changed = True
    while changed:
        changed = False
        for i in kernel.code:
            made = results(i)
            if not made or i.guard or set(made) <= found or any(writers[name] > 1 for name in made):
                continue
            pure = i.op[0] in _PURE or i.op[:2] == ("ld", "param")
            if pure and all(name in found or name in _LAUNCH_WIDE for name in sources(i)):
                found |= set(made)
                changed = True
    return found
