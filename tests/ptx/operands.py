# SPDX-License-Identifier: MIT
"""What an instruction reads and writes, as Python text: arrays in variables named after registers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from ptx.program import Instruction, Kernel, PtxError, immediate

DTYPES = {
    f"{kind}{bits}": f"{'i' if kind == 's' else 'u'}{bits // 8}" for kind in "usb" for bits in (8, 16, 32, 64)
}
DTYPES |= {"f16": "f2", "f32": "f4", "f64": "f8", "pred": "?", "bf16": "u2"}


class Operands:
    """The text of one function, as far as it is written.

    Attributes:
        places: where variables lie, each in its own space.
        constant: registers that hold one value in all threads of a launch.
        constants: what the text calls by name.
        read: registers taken from the threads' state.
        made: registers written; whether the value may be another register's own array.
        whole: the function is for whole warps.
    """

    def __init__(self, kernel: Kernel, places: dict[str, int], constant: set[str]) -> None:
        self.kernel, self.places, self.constant = kernel, places, constant
        self.constants: dict[str, Any] = {}
        self.begin(False)

    def begin(self, whole: bool) -> None:
        self.lines: list[str] = []
        self.read: dict[str, bool] = {}
        self.made: dict[str, bool] = {}
        self.whole = whole

    @staticmethod
    def var(register: str) -> str:
        return "v" + re.sub(r"\W", "_", register)

    def register(self, name: str) -> str:
        """Return the variable that holds a register now."""
        if name not in self.made and name not in self.read:
            self.read[name] = True
        return self.var(name)

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
            narrow = (
                f"{expression}.view('u{a}').astype('u{b}')"
                if have[0] != "u"
                else f"{expression}.astype('u{b}')"
            )
            return narrow if want == f"u{b}" else f"{narrow}.view('{want}')"
        raise PtxError(f"a register of {have} where {want} is read")

    def _other(self, operand: str, dtype: str) -> str:
        if operand.startswith("%"):
            return f"m.special({operand!r}, g).astype('{dtype}')"
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
        self.lines.append(f"{self.var(register)} = {expression}")
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
        wide = (
            f"({expression}).astype('{dtype[0]}{b}')"
            if dtype[0] in "iu"
            else f"({expression}).view('u{a}').astype('u{b}')"
        )
        return wide if dtype[0] == "u" and have[0] == "u" else f"{wide}.view('{have}')"

    def guard(self, i: Instruction) -> str:
        """Return the mask of the threads in which an instruction is on."""
        if not i.guard:
            return "None"
        return f"{'~' if i.guard_not else ''}{self.value(i.guard, '?')}"

    def kind(self, i: Instruction, allowed: tuple[str, ...] = ()) -> str:
        """Return the one type an instruction names; anything else in its name has to be allowed."""
        kinds = [part for part in i.op[1:] if part in DTYPES]
        left = set(i.op[1:]) - set(kinds) - set(allowed)
        if len(kinds) != 1 or left:
            raise PtxError(f"its modifiers are not known to the interpreter: {', '.join(sorted(left))}")
        return kinds[0]
