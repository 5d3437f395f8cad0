# SPDX-License-Identifier: MIT
"""Each block of a kernel, as a Python function on arrays: an element a thread.

A value is an array of as many elements as the block has threads, or of one, which stands for all of them.
A register's array has the type of its declaration, unsigned where that does not say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import arithmetic
import numpy as np
from flow import Block, blocks_of, launch_constants, live_out, results
from program import BYTES, Instruction, Kernel, PtxError, Variable, immediate

SHARED_WINDOW, LOCAL_WINDOW = 1 << 60, 1 << 61  # where generic addresses of these spaces begin

DTYPES = {f"{kind}{bits}": f"{'i' if kind == 's' else 'u'}{bits // 8}" for kind in "usb" for bits in (8, 16, 32, 64)}
DTYPES |= {"f16": "f2", "f32": "f4", "f64": "f8", "pred": "?", "bf16": "u2"}
_COMPARE = {
    **{"eq": "==", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "ne": "!="},
    **{"lo": "<", "ls": "<=", "hi": ">", "hs": ">="},
}
_SPACES = {"global", "shared", "local", "const", "param"}
_INFIX = {"and": "&", "or": "|", "xor": "^"}
_IGNORED = {"ca", "cg", "cs", "lu", "cv", "wb", "wt", "uni", "cta", "gpu", "sys", "sync", "aligned", "weak"}
_HINTS = re.compile(r"L1_\w+|L2_\w+|unified")


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


def translate(kernel: Kernel, module: dict[str, Variable], addresses: dict[str, int], fine: bool) -> Translated:
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
    exec(compile("\n".join(text), f"<{kernel.name}>", "exec"), place)  # noqa: S102 - our own text
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


class _Writer:
    """Writes the functions' text."""

    def __init__(self, kernel: Kernel, blocks: list[Block], places: dict[str, int], constant: set[str]) -> None:
        self.kernel, self.blocks, self.places, self.constant = kernel, blocks, places, constant
        self.constants: dict[str, Any] = {}
        self.lines: list[str] = []

    def function(self, name: str, blocks: list[Block], needs: bool) -> str:
        """Write one function of consecutive blocks; it returns the condition of its last branch, if any."""
        self.lines, self.read, self.made, self.whole = [], {}, {}, needs
        end = "return None"
        for block in blocks:
            for i in block.code:
                self._instruction(i)
            if block.end is not None:
                end = self._end(block.end)
        live = live_out(self.blocks, blocks[-1])
        kept = [name for name in self.made if name in live and name not in self.constant]
        head = [f"def {name}(m, g):", " R = m.registers; U = m.constants; ix = g.index"]
        head += [f" {self._var(r)} = {self._kept(r)}" for r in self.read]
        copies = [n for n in kept if self.made[n]]
        tail = [f" {self._var(n)} = {self._var(n)}.copy()" for n in copies if len(kept) > 1]
        tail += [f" R[{n!r}][ix] = {self._var(n)}" for n in kept]
        tail += [f" U[{n!r}] = {self._var(n)}" for n in self.made if n in self.constant]
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

    @staticmethod
    def _var(register: str) -> str:
        return "v" + re.sub(r"\W", "_", register)

    # Operands.

    def register(self, name: str) -> str:
        """Return the variable that holds a register now."""
        if name not in self.made and name not in self.read:
            self.read[name] = True
        return self._var(name)

    def constant_of(self, bits: int, dtype: str) -> str:
        """Return the name of a constant array of one element."""
        size = np.dtype(dtype).itemsize
        if dtype == "?":
            name, value = f"K{bits & 1}_p", np.array([bool(bits)])
        else:
            bits &= (1 << 8 * size) - 1
            name = f"K{bits:x}_{dtype}"
            value = np.frombuffer(bits.to_bytes(size, "little"), dtype)
        self.constants[name] = value
        return name

    def value(self, operand: str, dtype: str) -> str:
        """Return an expression of an operand, as an array of `dtype`."""
        if operand.startswith("!"):
            return f"~{self.value(operand[1:], dtype)}"
        bits = immediate(operand)
        if bits is not None:
            return self._immediate(operand, bits, dtype)
        kind = self.kernel.register_type(operand)
        if kind is None:
            return self._other(operand, dtype)
        return self._as(self.register(operand), DTYPES[kind], dtype)

    def _immediate(self, operand: str, bits: int, dtype: str) -> str:
        if operand[:2] in ("0d", "0D") and dtype == "f4":
            bits = int(np.frombuffer(bits.to_bytes(8, "little"), "f8").astype("f4").view("u4")[0])
        return self.constant_of(bits, dtype)

    def _as(self, expression: str, have: str, want: str) -> str:
        if have == want:
            return expression
        if "?" in (have, want):
            raise PtxError("a predicate where a number is wanted, or the other way round")
        a, b = np.dtype(have).itemsize, np.dtype(want).itemsize
        if a == b:
            return f"{expression}.view('{want}')"
        if a > b:
            narrow = f"{expression}.view('u{a}').astype('u{b}')" if have[0] != "u" else f"{expression}.astype('u{b}')"
            return narrow if want == f"u{b}" else f"{narrow}.view('{want}')"
        raise PtxError(f"a register of {have} where {want} is read")

    def _other(self, operand: str, dtype: str) -> str:
        if operand.startswith("%"):
            return self._as(f"m.special({operand!r}, g)", "u8" if operand == "%globaltimer" else "u4", dtype) \
                if np.dtype(dtype).itemsize <= 4 else f"m.special({operand!r}, g).astype('{dtype}')"
        name, plus, more = operand.partition("+")
        if name not in self.places:
            raise PtxError(f"{operand} is neither a register nor a variable")
        return self.constant_of(self.places[name] + (int(more, 0) if plus else 0), dtype)

    def address(self, operand: str) -> str:
        """Return an expression of an address in brackets, as u8."""
        base, sign, offset = re.fullmatch(r"\[\s*([%\w$.]+)\s*(?:([+-])\s*(-?\w+))?\s*\]", operand).groups()
        shift = int(offset, 0) if offset else 0
        shift = -shift if sign == "-" else shift
        kind = self.kernel.register_type(base)
        if kind is None:
            number = immediate(base)
            return self.constant_of((self.places[base] if number is None else number) + shift, "u8")
        name = self.register(base)
        if DTYPES[kind] != "u8":
            name = f"{name}.astype('u8')"
        return f"({name} + {self.constant_of(shift, 'u8')})" if shift else name

    # Results.

    def put(self, register: str, expression: str, dtype: str, i: Instruction, alias: bool = False) -> None:
        """Write a result, of `dtype`, into a register."""
        if register == "_":
            self.lines.append(expression)
            return
        kind = self.kernel.register_type(register)
        have = "u1" if register == "%CC" else DTYPES.get(kind or "", "")
        if not have:
            raise PtxError(f"{register} is no register")
        expression = self._widened(expression, dtype, have)
        if i.guard:
            before = self.register(register)
            on = self.guard(i)
            expression = f"np.where({on}, {expression}, {before})"
        self.lines.append(f"{self._var(register)} = {expression}")
        self.made[register] = alias
        if register in self.constant:
            self.made[register] = False

    def _widened(self, expression: str, dtype: str, have: str) -> str:
        if dtype == have:
            return expression
        if "?" in (dtype, have):
            raise PtxError("a predicate where a number is wanted, or the other way round")
        a, b = np.dtype(dtype).itemsize, np.dtype(have).itemsize
        if a == b:
            return f"({expression}).view('{have}')"
        if a > b:
            raise PtxError(f"a result of {dtype} for a register of {have}")
        wide = f"({expression}).astype('{dtype[0]}{b}')" if dtype[0] in "iu" else f"({expression}).view('u{a}').astype('u{b}')"
        return wide if dtype[0] == "u" and have[0] == "u" else f"{wide}.view('{have}')"

    def guard(self, i: Instruction) -> str:
        """Return the mask of the threads in which an instruction is on."""
        if not i.guard:
            return "None"
        return f"{'~' if i.guard_not else ''}{self.value(i.guard, '?')}"

    # Instructions.

    def _instruction(self, i: Instruction) -> None:
        try:
            method = getattr(self, f"op_{i.op[0]}", None)
            if method is None:
                raise PtxError("this instruction is not known to the interpreter")
            method(i)
        except (PtxError, KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
            raise PtxError(f"{self.kernel.name}, line {i.line}: `{i.text}`: {type(error).__name__} {error}") from error

    def kind(self, i: Instruction, allowed: tuple[str, ...] = ()) -> str:
        """Return the one type an instruction names; anything else in its name has to be allowed."""
        kinds = [part for part in i.op[1:] if part in DTYPES]
        left = set(i.op[1:]) - set(kinds) - set(allowed)
        if len(kinds) != 1 or left:
            raise PtxError(f"its modifiers are not known to the interpreter: {', '.join(sorted(left))}")
        return kinds[0]

    def _binary(self, i: Instruction, kind: str, form: str) -> None:
        d = DTYPES[kind]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        self.put(i.operands[0], form.format(x, y), d, i)

    def _float(self, i: Instruction) -> bool:
        """Tell a float's arithmetic; it rounds to nearest, keeps subnormals, and nothing else is known."""
        return any(part in ("f32", "f64") for part in i.op)

    def op_add(self, i: Instruction, sign: str = "+") -> None:
        if self._float(i):
            return self._binary(i, self.kind(i, ("rn",)), f"{{}} {sign} {{}}")
        kind = self.kind(i, ("cc",)).replace("s", "u")
        if "cc" in i.op:
            return self._carry(i, kind, sign, False)
        self._binary(i, kind, f"{{}} {sign} {{}}")

    def op_sub(self, i: Instruction) -> None:
        self.op_add(i, "-")

    def op_addc(self, i: Instruction, sign: str = "+") -> None:
        self._carry(i, self.kind(i, ("cc",)).replace("s", "u"), sign, True)

    def op_subc(self, i: Instruction) -> None:
        self.op_addc(i, "-")

    def _carry(self, i: Instruction, kind: str, sign: str, carried: bool) -> None:
        d = DTYPES[kind]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        carry = f"{self.register('%CC')}.astype('{d}')" if carried else self.constant_of(0, d)
        self.lines.append(f"c_x, c_y, c_c = {x}, {y}, {carry}")
        self.lines.append(f"c_s = c_x {sign} c_y {sign} c_c")
        if "cc" in i.op:
            test = "(c_s < c_x) | ((c_s == c_x) & (c_c != 0) & (c_y != 0))" if sign == "+" else \
                "(c_x < c_y) | ((c_x == c_y) & (c_c != 0))"
            self.put("%CC", f"({test}).astype('u1')", "u1", i)
        self.put(i.operands[0], "c_s", d, i)

    def op_mul(self, i: Instruction) -> None:
        if self._float(i):
            return self._binary(i, self.kind(i, ("rn",)), "{} * {}")
        self.put(i.operands[0], *self._product(i), i)

    def _product(self, i: Instruction) -> tuple[str, str]:
        kind = self.kind(i, ("lo", "hi", "wide"))
        x, y = (self.value(o, DTYPES[kind]) for o in i.operands[1:3])
        if "wide" in i.op:
            wide = f"{DTYPES[kind][0]}{2 * int(DTYPES[kind][1])}"
            return f"a.mul_wide({x}, {y})", wide
        if "hi" in i.op:
            return f"a.mul_hi({x}, {y})", DTYPES[kind]
        return f"{x} * {y}", DTYPES[kind]

    def op_mad(self, i: Instruction) -> None:
        product, d = self._product(i)
        self.put(i.operands[0], f"{product} + {self.value(i.operands[3], d)}", d, i)

    def op_fma(self, i: Instruction) -> None:
        if self.kind(i, ("rn",)) != "f32":
            raise PtxError("fma is known of f32 only")
        self.put(i.operands[0], "a.fma32({}, {}, {})".format(*(self.value(o, "f4") for o in i.operands[1:])), "f4", i)

    def op_div(self, i: Instruction) -> None:
        if self._float(i):
            if "rn" not in i.op:
                raise PtxError("a division that is not rounded to nearest")
            return self._binary(i, self.kind(i, ("rn",)), "{} / {}")
        kind = self.kind(i)
        on = self.guard(i)
        d = DTYPES[kind]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        if i.guard:
            y = f"np.where({on}, {y}, {self.constant_of(1, d)})"
        self.put(i.operands[0], f"a.{i.op[0]}({x}, {y})", d, i)

    op_rem = op_div

    def op_rcp(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i, ("rn",))]
        self.put(i.operands[0], f"{self.constant_of(int(np.array(1, d).view(f'u{d[1]}')), d)} / {self.value(i.operands[1], d)}", d, i)

    def op_sqrt(self, i: Instruction) -> None:
        self._unary(i, self.kind(i, ("rn",)), "np.sqrt({})")

    def _unary(self, i: Instruction, kind: str, form: str) -> None:
        d = DTYPES[kind]
        self.put(i.operands[0], form.format(self.value(i.operands[1], d)), d, i)

    def op_neg(self, i: Instruction) -> None:
        self._unary(i, self.kind(i), "-{}")

    def op_abs(self, i: Instruction) -> None:
        self._unary(i, self.kind(i), "np.abs({})")

    def op_not(self, i: Instruction) -> None:
        self._unary(i, self.kind(i), "~{}")

    def op_cnot(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        self.put(i.operands[0], f"({self.value(i.operands[1], d)} == 0).astype('{d}')", d, i)

    def op_min(self, i: Instruction) -> None:
        kind = self.kind(i)
        call = f"a.f{i.op[0]}" if self._float(i) else {"min": "np.minimum", "max": "np.maximum"}[i.op[0]]
        self._binary(i, kind, call + "({}, {})")

    op_max = op_min

    def op_and(self, i: Instruction) -> None:
        self._binary(i, self.kind(i), f"{{}} {_INFIX[i.op[0]]} {{}}")

    op_or = op_xor = op_and

    def op_shl(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        x, by = self.value(i.operands[1], d), i.operands[2]
        bits = immediate(by)
        if bits is not None and 0 <= bits < 8 * int(d[1]):
            sign = {"shl": "<<", "shr": ">>"}[i.op[0]]
            return self.put(i.operands[0], f"{x} {sign} {self.constant_of(bits, d)}", d, i)
        self.put(i.operands[0], f"a.{i.op[0]}({x}, {self.value(by, 'u4')})", d, i)

    op_shr = op_shl

    def op_shf(self, i: Instruction) -> None:
        left, wrap = i.op[1] == "l", "wrap" in i.op
        x, y, by = (self.value(o, "u4") for o in i.operands[1:])
        self.put(i.operands[0], f"a.shf({x}, {y}, {by}, {left}, {wrap})", "u4", i)

    def op_bfe(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        x, at, length = self.value(i.operands[1], d), self.value(i.operands[2], "u4"), self.value(i.operands[3], "u4")
        self.put(i.operands[0], f"a.bfe({x}, {at}, {length})", d, i)

    def op_bfi(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        at, length = (self.value(o, "u4") for o in i.operands[3:5])
        self.put(i.operands[0], f"a.bfi({x}, {y}, {at}, {length})", d, i)

    def op_bfind(self, i: Instruction) -> None:
        kind = self.kind(i, ("shiftamt",))
        x = self.value(i.operands[1], DTYPES[kind].replace("i", "u"))
        self.put(i.operands[0], f"a.bfind({x}, {kind[0] == 's'}, {'shiftamt' in i.op})", "u4", i)

    def op_popc(self, i: Instruction) -> None:
        self.put(i.operands[0], f"a.{i.op[0]}({self.value(i.operands[1], DTYPES[self.kind(i)])})", "u4", i)

    op_clz = op_popc

    def op_brev(self, i: Instruction) -> None:
        self._unary(i, self.kind(i), "a.brev({})")

    def op_lop3(self, i: Instruction) -> None:
        if self.kind(i) != "b32":
            raise PtxError("lop3 is known of b32 only")
        x, y, z = (self.value(o, "u4") for o in i.operands[1:4])
        self.put(i.operands[0], f"a.lop3({x}, {y}, {z}, {immediate(i.operands[4])})", "u4", i)

    def op_prmt(self, i: Instruction) -> None:
        if i.op != ("prmt", "b32"):
            raise PtxError("prmt is known without a mode only")
        x, y, pick = (self.value(o, "u4") for o in i.operands[1:])
        self.put(i.operands[0], f"a.prmt({x}, {y}, {pick})", "u4", i)

    def op_dp4a(self, i: Instruction) -> None:
        kinds = tuple({"u32": "u1", "s32": "i1"}[part] for part in i.op[1:3])
        x, y, z = self.value(i.operands[1], "u4"), self.value(i.operands[2], "u4"), self.value(i.operands[3], "i4" if "s32" in i.op else "u4")
        self.put(i.operands[0], f"a.dot({x}, {y}, {z}, {kinds})", "u4", i)

    def op_vset4(self, i: Instruction) -> None:
        if i.op[1] != i.op[2] or len(i.op) != 4 or immediate(i.operands[3]) != 0:
            raise PtxError("vset4 is known of two like types, without a sum")
        x, y = (self.value(o, "u4") for o in i.operands[1:3])
        kind = {"u32": "u1", "s32": "i1"}[i.op[1]]
        call = {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
        self.put(i.operands[0], f"a.compare_bytes({x}, {y}, np.{call[i.op[3]]}, '{kind}')", "u4", i)

    # Comparisons.

    def _compared(self, test: str, kind: str, x: str, y: str) -> str:
        d = DTYPES[kind]
        x, y = self.value(x, d), self.value(y, d)
        if kind[0] == "f":
            if test in ("nan", "num"):
                return f"{'~' if test == 'num' else ''}(np.isnan({x}) | np.isnan({y}))"
            if test == "ne":
                return f"({x} < {y}) | ({x} > {y})"
            if test.endswith("u") and test != "neu":
                opposite = {"equ": None, "ltu": ">=", "leu": ">", "gtu": "<=", "geu": "<"}[test]
                return f"~({x} {opposite} {y})" if opposite else f"~(({x} < {y}) | ({x} > {y}))"
            test = "ne" if test == "neu" else test
        return f"{x} {_COMPARE[test]} {y}"

    def op_setp(self, i: Instruction) -> None:
        kind = self.kind(i, (*i.op[1:-1],))
        result = self._compared(i.op[1], kind, *i.operands[1:3])
        combine = i.op[2] if i.op[2] in _INFIX else None
        if len(i.op) != (4 if combine else 3):
            raise PtxError("its modifiers are not known to the interpreter")
        first, _, second = i.operands[0].partition("|")
        self.lines.append(f"c_t = {result}")
        third = self.value(i.operands[3], "?") if combine else ""
        if second:
            self.lines.append(f"c_u = ~c_t{f' {_INFIX[combine]} {third}' if combine else ''}")
        self.put(first, f"c_t {_INFIX[combine]} {third}" if combine else "c_t", "?", i)
        if second:
            self.put(second, "c_u", "?", i)

    def op_set(self, i: Instruction) -> None:
        if len(i.op) != 4:
            raise PtxError("its modifiers are not known to the interpreter")
        result = self._compared(i.op[1], i.op[3], *i.operands[1:3])
        d = DTYPES[i.op[2]]
        true = "1.0" if d == "f4" else "-1"
        self.put(i.operands[0], f"np.where({result}, np.array({true}).astype('{d}'), np.array(0, '{d}'))", d, i)

    def op_selp(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        self.put(i.operands[0], f"np.where({self.value(i.operands[3], '?')}, {x}, {y})", d, i)

    def op_slct(self, i: Instruction) -> None:
        d, test = DTYPES[i.op[1]], DTYPES[i.op[2]]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        self.put(i.operands[0], f"np.where({self.value(i.operands[3], test)} >= 0, {x}, {y})", d, i)

    def op_testp(self, i: Instruction) -> None:
        call = {"finite": "np.isfinite({})", "infinite": "np.isinf({})", "notanumber": "np.isnan({})", "number": "~np.isnan({})"}
        self.put(i.operands[0], call[i.op[1]].format(self.value(i.operands[1], DTYPES[i.op[2]])), "?", i)

    # Moves and conversions.

    def op_mov(self, i: Instruction) -> None:
        target, source = i.operands
        d = DTYPES[self.kind(i)]
        if target.startswith("{"):
            return self._unpack(i, d)
        if source.startswith("{"):
            return self._pack(i, d)
        if d != "?" and self.kernel.register_type(source):
            d = DTYPES[self.kernel.register_type(source)]
        self.put(target, self.value(source, d), d, i, alias=True)

    def _unpack(self, i: Instruction, d: str) -> None:
        parts = re.findall(r"[%\w]+", i.operands[0])
        size = int(d[1]) // len(parts)
        self.lines.append(f"c_m = {self.value(i.operands[1], f'u{d[1]}')}")
        for k, part in enumerate(parts):
            if part != "_":
                self.put(part, f"(c_m >> {self.constant_of(8 * size * k, f'u{d[1]}')}).astype('u{size}')", f"u{size}", i)

    def _pack(self, i: Instruction, d: str) -> None:
        parts = re.findall(r"[%\w-]+", i.operands[1])
        size, wide = int(d[1]) // len(parts), f"u{d[1]}"
        terms = [f"({self.value(p, f'u{size}')}.astype('{wide}') << {self.constant_of(8 * size * k, wide)})" for k, p in enumerate(parts)]
        self.put(i.operands[0], " | ".join(terms), wide, i)

    def op_cvt(self, i: Instruction) -> None:
        target, source = [part for part in i.op[1:] if part in DTYPES]
        rounding = set(i.op[1:]) - {target, source}
        d, s = DTYPES[target], DTYPES[source]
        x = self.value(i.operands[1], s)
        if source == "bf16":
            x, s = f"a.bf16_to_f32({x})", "f4"
        if target == "bf16" or rounding - {"rn", "rzi", "rni", "rmi", "rpi"} or len(rounding) > 1:
            raise PtxError("this conversion is not known to the interpreter")
        if s[0] == "f" and d[0] in "iu":
            expression = f"a.to_integer({x}, '{d}', '{rounding.pop()}')"
        elif s[0] == d[0] == "f" and rounding - {"rn"}:
            call = {"rzi": "trunc", "rni": "rint", "rmi": "floor", "rpi": "ceil"}[rounding.pop()]
            expression = f"np.{call}({x}).astype('{d}')"
        else:
            expression = x if s == d else f"({x}).astype('{d}')"
        self._put_converted(i, expression, d)

    def _put_converted(self, i: Instruction, expression: str, d: str) -> None:
        kind = self.kernel.register_type(i.operands[0])
        self.put(i.operands[0], expression, d if kind else "u4", i, alias=True)

    def op_cvta(self, i: Instruction) -> None:
        space = next(part for part in i.op if part in _SPACES)
        window = {"shared": SHARED_WINDOW, "local": LOCAL_WINDOW}.get(space, 0)
        if space == "param":
            raise PtxError("generic addresses of parameters are not known to the interpreter")
        shift = -window if "to" in i.op else window
        x = self.value(i.operands[1], "u8")
        self.put(i.operands[0], f"{x} + {self.constant_of(shift, 'u8')}" if shift else x, "u8", i, alias=True)

    def op_activemask(self, i: Instruction) -> None:
        self.put(i.operands[0], "m.active_mask(g)", "u4", i)

    # Memory.

    def _memory(self, i: Instruction) -> tuple[str, str, int, bool]:
        """Return space, type, elements and strength (volatile, relaxed, ...) of an access."""
        space, kind, count, strong = "generic", None, 1, False
        for part in i.op[1:]:
            if part in _SPACES or part == "shared_cta":
                space = "shared" if part == "shared_cta" else part
            elif part in DTYPES:
                kind = part
            elif part in ("v2", "v4", "v8"):
                count = int(part[1])
            elif part in ("volatile", "relaxed", "acquire", "release", "acq_rel"):
                strong = True
            elif part not in _IGNORED and part != "nc" and not _HINTS.fullmatch(part):
                raise PtxError(f"its modifier {part} is not known to the interpreter")
        if kind is None:
            raise PtxError("it names no type")
        return space, DTYPES[kind], count, strong

    def op_ld(self, i: Instruction) -> None:
        space, d, count, strong = self._memory(i)
        targets = re.findall(r"[%\w]+", i.operands[0])
        if len(targets) != count:
            raise PtxError("as many registers as elements are wanted")
        if space == "param":
            for k, target in enumerate(targets):
                self.put(target, f"m.parameter({self.address(i.operands[1])}, {k}, '{d}')", d, i)
            return
        flags = f"{strong}, {'nc' in i.op}"
        self.lines.append(
            f"c_l = m.load(g, {self.address(i.operands[1])}, {space!r}, '{d}', {count}, {self.guard(i)}, {flags}, {self.site(i)})"
        )
        for k, target in enumerate(targets):
            if target != "_":
                self.put(target, f"c_l[{k}]", d, i)

    op_ldu = op_ld

    def site(self, i: Instruction) -> str:
        name = f"I{i.line}"
        self.constants[name] = i
        return name

    def op_st(self, i: Instruction) -> None:
        space, d, count, strong = self._memory(i)
        parts = re.findall(r"[%\w-]+", i.operands[1])
        values = ", ".join(self.value(part, d) for part in parts)
        if len(parts) != count:
            raise PtxError("as many registers as elements are wanted")
        self.lines.append(
            f"m.store(g, {self.address(i.operands[0])}, {space!r}, '{d}', ({values},), {self.guard(i)}, {strong}, {self.site(i)})"
        )

    def op_atom(self, i: Instruction, result: bool = True) -> None:
        operations = ("add", "and", "or", "xor", "min", "max", "exch", "cas", "inc", "dec")
        (operation,) = [part for part in i.op[1:] if part in operations]
        rest = Instruction(tuple(p for p in i.op if p != operation), i.operands, i.guard, i.guard_not, i.text, i.line)
        space, d, count, _ = self._memory(rest)
        if count != 1:
            raise PtxError("vectors of atomics are not known to the interpreter")
        at, *values = i.operands[1:] if result else i.operands
        given = ", ".join(self.value(v, d) for v in values)
        used = result and i.operands[0] != "_"
        self.lines.append(
            f"c_l = m.atomic(g, {self.address(at)}, {space!r}, '{d}', {operation!r}, ({given},), {self.guard(i)}, {used}, {self.site(i)})"
        )
        if used:
            self.put(i.operands[0], "c_l", d, i)

    def op_red(self, i: Instruction) -> None:
        self.op_atom(i, result=False)

    def op_cp(self, i: Instruction) -> None:
        if i.op[:2] != ("cp", "async") or "bulk" in i.op or "mbarrier" in i.op:
            raise PtxError("of cp, only cp.async of 4 to 16 bytes is known to the interpreter")
        if i.op[2] in ("commit_group", "wait_group", "wait_all"):
            return
        size = immediate(i.operands[2])
        if len(i.operands) != 3:
            raise PtxError("cp.async with a size of the source is not known to the interpreter")
        source, target = self.address(i.operands[1]), self.address(i.operands[0])
        shape = f"'u4', {size // 4}"
        self.lines.append(f"c_l = m.load(g, {source}, 'global', {shape}, {self.guard(i)}, False, False, {self.site(i)})")
        self.lines.append(f"m.store(g, {target}, 'shared', 'u4', c_l, {self.guard(i)}, False, {self.site(i)})")

    def op_membar(self, i: Instruction) -> None:
        if "proxy" not in i.op:
            self.lines.append(f"m.fence(g, {bool({'cta'} & set(i.op))})")

    op_fence = op_membar

    def op_prefetch(self, _i: Instruction) -> None:
        self.lines.append("pass")

    op_prefetchu = op_nanosleep = op_griddepcontrol = op_prefetch

    def op_trap(self, i: Instruction) -> None:
        self.lines.append(f"m.trap(g, {self.guard(i)})")

    # Warps and blocks.

    def op_shfl(self, i: Instruction) -> None:
        mode = i.op[2]
        value, lane, clamp, mask = i.operands[1:]
        first, _, second = i.operands[0].partition("|")
        x = self.value(value, "u4")
        given = f"{self.value(lane, 'u4')}, {self.value(clamp, 'u4')}, {self.value(mask, 'u4')}"
        self.lines.append(f"c_l, c_p = m.shuffle(g, {mode!r}, {x}, {given}, {self.whole})")
        self.put(first, "c_l", "u4", i)
        if second:
            self.put(second, "c_p", "?", i)

    def op_vote(self, i: Instruction) -> None:
        mode = i.op[2]
        call = f"m.vote(g, {mode!r}, {self.value(i.operands[1], '?')}, {self.value(i.operands[2], 'u4')}, {self.whole})"
        self.put(i.operands[0], call, "u4" if mode == "ballot" else "?", i)

    def op_match(self, i: Instruction) -> None:
        d = DTYPES[i.op[3]]
        first, _, second = i.operands[0].partition("|")
        self.lines.append(f"c_l, c_p = m.match(g, {i.op[1]!r}, {self.value(i.operands[1], d)}, {self.value(i.operands[2], 'u4')})")
        self.put(first, "c_l", "u4", i)
        if second:
            self.put(second, "c_p", "?", i)

    def op_redux(self, i: Instruction) -> None:
        d = DTYPES[i.op[3]]
        self.put(i.operands[0], f"m.redux(g, {i.op[2]!r}, {self.value(i.operands[1], d)}, {self.value(i.operands[2], 'u4')})", d, i)

    def op_bar(self, i: Instruction) -> None:
        if i.guard:
            raise PtxError("a barrier that is switched off in some threads is not known to the interpreter")
        if i.op[:3] == ("bar", "warp", "sync"):
            self.lines.append("m.warp_barrier(g)")
            return
        parts = [part for part in i.op[1:] if part not in _IGNORED]
        if parts[:1] == ["red"]:
            operand = i.operands[-1]
            kind = "u4" if parts[1] == "popc" else "?"
            self.put(i.operands[0], f"m.block_vote(g, {parts[1]!r}, {self.value(operand, '?')})", kind, i)
            return
        if parts or immediate(i.operands[0]) is None or len(i.operands) > 1:
            raise PtxError("this barrier is not known to the interpreter")
        self.lines.append("m.block_barrier(g)")

    op_barrier = op_bar


__all__ = ["BYTES", "Translated", "results", "translate"]
